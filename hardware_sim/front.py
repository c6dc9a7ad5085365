"""What stands before brokers on loopback: a port that leads to one of those that live; or an old broker's manners."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from hardware_sim.broker import Broker, BrokerKind
from hardware_sim.ports import LOOPBACK, free_loopback_port
from hardware_sim.tasks import ConnectionSet

_CHUNK_BYTES = 65_536
_LEVEL_AT = 8
"""MQTT 5 §3.1: packet type, a length of one byte or two, then 00 04 "MQTT" and the protocol's level."""
_MQTT_5 = 5
_UNACCEPTABLE_VERSION = b"\x20\x02\x00\x01"  # CONNACK, MQTT 3.1.1 §3.2.2.3


class Front:
    """Forwards each connection to the first of its targets that answers; on a thread of its own.

    Use as a context manager.
    """

    def __init__(self, targets: Sequence[int], *, refuses_mqtt_5: bool = False) -> None:
        """Set up, without listening.

        Args:
            targets: Loopback ports, the preferred one first.
            refuses_mqtt_5: Answer as a broker that knows MQTT 3.1.1 at most.
        """
        self.port = free_loopback_port()
        self._targets = list(targets)
        self._refuses_mqtt_5 = refuses_mqtt_5
        self._connections = ConnectionSet(self._forward)
        self._listening = threading.Event()
        self._end: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="front", daemon=True)

    def __enter__(self) -> Front:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()
        self._thread.join()

    async def _serve(self) -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        self._end = lambda: loop.call_soon_threadsafe(ended.set)
        async with await asyncio.start_server(self._connections.serve, LOOPBACK, self.port):
            self._listening.set()
            await ended.wait()
        await self._connections.drop()
        await asyncio.sleep(0)  # an aborted connection's socket is closed in the loop's next turn

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(_CHUNK_BYTES)
        if self._refuses_mqtt_5 and _level_of(first) == _MQTT_5:
            writer.write(_UNACCEPTABLE_VERSION)
            await writer.drain()
            return
        target_reader, target_writer = await self._dial()
        target_writer.write(first)
        up = asyncio.create_task(_pump(reader, target_writer))
        down = asyncio.create_task(_pump(target_reader, writer))
        try:
            # Whichever side ends, the connection is over: the client comes back, and is led to another target.
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            target_writer.transport.abort()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for port in self._targets:
            try:
                return await asyncio.open_connection(LOOPBACK, port)
            except OSError:
                continue
        raise ConnectionError("nobody listens behind the front")


class OldMosquitto:
    """Mosquitto with the manners of a broker that knows MQTT 3.1.1 at most; use as a context manager, like `Broker`."""

    def __init__(self, *, folder: Path) -> None:
        self._broker = Broker(folder=folder, kind=BrokerKind.MOSQUITTO)
        self._front = Front([self._broker.port], refuses_mqtt_5=True)
        self.host = self._broker.host

    def __enter__(self) -> OldMosquitto:
        self._broker.start()
        self._front.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._front.__exit__(kind, error, traceback)
        self._broker.stop()

    @property
    def port(self) -> int:
        """Where it is spoken to."""
        return self._front.port

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._broker.running

    def start(self) -> None:
        """Start it again."""
        self._broker.start()

    def kill(self) -> None:
        """SIGKILL."""
        self._broker.kill()


def _level_of(connect: bytes) -> int:
    at = connect.find(b"\x00\x04MQTT")
    return connect[at + 6] if 0 <= at < _LEVEL_AT and len(connect) > at + 6 else 0


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
