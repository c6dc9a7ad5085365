"""Three NATS servers as one broker, by the settings in `deploy/`, behind a port that leads to one that lives."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from hardware_sim.broker import BrokerKind, accepts_mqtt, find_program
from hardware_sim.child import Child
from hardware_sim.errors import BrokerError
from hardware_sim.front import Front
from hardware_sim.ports import LOOPBACK, free_loopback_port

SETTINGS = Path(__file__).parents[1] / "deploy" / "nats" / "comptoir.conf"
NODES = 3
_READY_WITHIN_S = 60.0
_RETRY_S = 0.1


class _Node(Child):
    """One server."""

    def __init__(self, number: int, folder: Path, routes: list[int]) -> None:
        self.port = free_loopback_port()
        self.log_path = folder / f"node-{number}.log"
        self._environ = {
            **os.environ,
            "COMPTOIR_NODE": f"node-{number}",
            "COMPTOIR_STORE": str(folder / f"node-{number}"),
            "COMPTOIR_MQTT": f"{LOOPBACK}:{self.port}",
            "COMPTOIR_CLUSTER": f"{LOOPBACK}:{routes[number]}",
            "COMPTOIR_ROUTES": json.dumps([f"nats://{LOOPBACK}:{port}" for port in routes]),
        }

    def start(self) -> None:
        command = [find_program(BrokerKind.NATS), "-c", str(SETTINGS)]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self._environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )


class NatsCluster:
    """A broker that outlives any one of its servers; use as a context manager, like `hardware_sim.broker.Broker`."""

    def __init__(self, *, folder: Path) -> None:
        self.host = LOOPBACK
        self._folder = folder
        routes = [free_loopback_port() for _ in range(NODES)]
        self._nodes = [_Node(number, folder, routes) for number in range(NODES)]
        self._front = Front([node.port for node in self._nodes])
        self._stack = ExitStack()

    def __enter__(self) -> NatsCluster:
        self._folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.callback(lambda: self.stop())
            self.start()
            stack.enter_context(self._front)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def port(self) -> int:
        """Leads to the first server that lives."""
        return self._front.port

    @property
    def running(self) -> bool:
        """Whether any of them lives."""
        return any(node.running for node in self._nodes)

    def start(self) -> None:
        """Start the servers that don't run, and return once every one accepts MQTT clients.

        Raises:
            BrokerError: One didn't in time.
        """
        for node in self._nodes:
            if not node.running:
                node.start()
        for node in self._nodes:
            _wait_ready(node)

    def kill_one(self) -> None:
        """SIGKILL to the server that the port leads to; the others go on."""
        next(node for node in self._nodes if node.running).kill()

    def kill(self) -> None:
        """SIGKILL to all."""
        for node in self._nodes:
            node.kill()

    def stop(self) -> None:
        """End all."""
        for node in self._nodes:
            node.stop()


def _wait_ready(node: _Node) -> None:
    # A server accepts MQTT clients only once the streams that keep their sessions have a leader.
    deadline = time.monotonic() + _READY_WITHIN_S
    while not accepts_mqtt(node.port):
        if not node.running:
            raise BrokerError(f"a server of the cluster ended: see {node.log_path}")
        if time.monotonic() > deadline:
            raise BrokerError(f"a server of the cluster accepted nobody in {_READY_WITHIN_S:.0f} s: {node.log_path}")
        time.sleep(_RETRY_S)
