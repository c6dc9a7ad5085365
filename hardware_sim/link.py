"""A network link: a TCP proxy on loopback between a box and its broker or central, to be cut, frozen and made bad."""

from __future__ import annotations

import asyncio
from enum import Enum
from types import TracebackType

from hardware_sim.conditions import Conditions, Direction, Pipe
from hardware_sim.ports import LOOPBACK, free_loopback_port
from hardware_sim.tasks import ConnectionSet


class LinkState(Enum):
    """What the network does."""

    UP = "up"
    CUT = "cut"
    FROZEN = "frozen"


class Link:
    """Forwards a loopback port to a target until it is cut or frozen.

    A frozen link is half-open: it accepts connections and bytes, delivers nothing, and says nothing. `restore` lets
    frozen connections go on where they were. `conditions` may be set at any moment, for open connections, too.
    """

    def __init__(self, *, target_port: int, target_host: str = LOOPBACK, port: int | None = None) -> None:
        self.host = LOOPBACK
        self.port = port or free_loopback_port()
        self.state = LinkState.CUT
        self.target = (target_host, target_port)
        self.conditions = Conditions()
        self._connections = ConnectionSet(self._forward)
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()

    async def __aenter__(self) -> Link:
        await self.restore()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.cut()

    @property
    def connections(self) -> int:
        """Open connections through the link."""
        return len(self._connections)

    async def cut(self) -> None:
        """Close every connection and refuse new ones."""
        self.state = LinkState.CUT
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self._connections.drop()

    async def freeze(self) -> None:
        """Keep connections open and deliver nothing, as when a router forgets a session."""
        self._flowing.clear()
        await self._listen()
        self.state = LinkState.FROZEN

    async def restore(self) -> None:
        """Forward again, on the same port."""
        await self._listen()
        self._flowing.set()
        self.state = LinkState.UP

    async def flowing(self) -> None:
        """Return once the link isn't frozen."""
        await self._flowing.wait()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._connections.serve, self.host, self.port)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        try:
            target_reader, target_writer = await asyncio.open_connection(*self.target)
        except OSError:
            return  # nobody listens behind the link: the client sees its connection close
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(Pipe(Direction.UP, reader, target_writer, self).run(), name="link up")
                group.create_task(Pipe(Direction.DOWN, target_reader, writer, self).run(), name="link down")
        except* ConnectionError:
            pass  # one side vanished: both close
        finally:
            target_writer.transport.abort()
