"""A network camera over a counter: MJPEG over HTTP on loopback, as such cameras send it.

It films an empty counter until something is shown to it. Any path is answered with the same stream: parts of
`multipart/x-mixed-replace`, one JPEG each, without end.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from types import TracebackType

from hardware_sim.errors import UnpluggedError
from hardware_sim.film import FRAMES_PER_S, Film, FilmSettings, Stage, as_jpeg
from hardware_sim.ports import LOOPBACK, free_loopback_port
from hardware_sim.tasks import ConnectionSet
from hardware_sim.things import Kind

_BOUNDARY = b"comptoir-camera"
_HEADER = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: multipart/x-mixed-replace; boundary=" + _BOUNDARY + b"\r\n"
    b"Cache-Control: no-store\r\n"
    b"Connection: close\r\n\r\n"
)
_EMPTY_FRAMES = 12


class CameraTwin:
    """Films at 15 frames a second, whoever looks; use as an async context manager."""

    def __init__(self, *, port: int | None = None, seed: int = 1) -> None:
        """Set up the counter.

        Args:
            seed: Of the counter and its light.
        """
        self.port = port or free_loopback_port()
        self.frozen = False
        self._stage = Stage(seed)
        # The noise of an empty counter repeats after a second: drawing it for ever would cost more than it shows
        self._empty = [as_jpeg(self._stage.empty(number)) for number in range(_EMPTY_FRAMES)]
        self._film: Film | None = None
        self._film_began_s = 0.0
        self._newest = self._empty[0]
        self._turn = asyncio.Condition()
        self._viewers = ConnectionSet(self._send)
        self._server: asyncio.Server | None = None
        self._filming: asyncio.Task[None] | None = None

    async def __aenter__(self) -> CameraTwin:
        self._filming = asyncio.create_task(self._run(), name="camera twin")
        await self.replug()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.unplug()
        if self._filming is not None:
            self._filming.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._filming

    @property
    def url(self) -> str:
        """Where it is to be seen."""
        return f"http://{LOOPBACK}:{self.port}/video"

    @property
    def plugged(self) -> bool:
        """Whether it is on the network."""
        return self._server is not None

    @property
    def viewers(self) -> int:
        """Connections that watch it."""
        return len(self._viewers)

    @property
    def showing(self) -> bool:
        """Whether something is before it."""
        return self._film is not None

    async def viewed(self) -> None:
        """Wait until somebody watches it."""
        async with self._turn:
            await self._turn.wait_for(lambda: self.viewers)

    async def left(self) -> None:
        """Wait until nothing is before it any more."""
        async with self._turn:
            await self._turn.wait_for(lambda: not self.showing)

    async def show(self, token: str, *, kind: Kind, seed: int, seconds: float = 3.0) -> None:
        """Hold a code before it, in place of what is there: it comes, stays, and leaves by itself.

        Returns at once.

        Raises:
            UnpluggedError: Nobody could see it.
        """
        if not self.plugged:
            raise UnpluggedError(f"the camera on port {self.port} is unplugged: replug it first")
        settings = FilmSettings(kind=kind, seed=seed, seconds=seconds)
        film = await asyncio.to_thread(Film, token, settings, stage=self._stage)
        self._film, self._film_began_s = film, asyncio.get_running_loop().time()

    def take_away(self) -> None:
        """Leave the counter empty."""
        self._film = None

    def freeze(self) -> None:
        """Send nothing any more, and stay connected: it has crashed."""
        self.frozen = True

    def thaw(self) -> None:
        """Go on."""
        self.frozen = False

    async def unplug(self) -> None:
        """Leave the network: every connection ends, new ones are refused."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self._viewers.drop()

    async def replug(self) -> None:
        """Come back at the same address, restarted and so not frozen any more."""
        self.thaw()
        if self._server is None:
            self._server = await asyncio.start_server(self._viewers.serve, LOOPBACK, self.port)

    async def _run(self) -> None:
        """Film in real time: frames that would come too late are left out."""
        clock = asyncio.get_running_loop()
        next_at_s = clock.time()
        for number in itertools.count():
            self._newest = await self._picture(number)
            async with self._turn:
                self._turn.notify_all()
            next_at_s = max(next_at_s + 1 / FRAMES_PER_S, clock.time())
            await asyncio.sleep(next_at_s - clock.time())

    async def _picture(self, number: int) -> bytes:
        film = self._film
        if film is None:
            return self._empty[number % _EMPTY_FRAMES]
        at = int((asyncio.get_running_loop().time() - self._film_began_s) * FRAMES_PER_S)
        if at >= len(film):
            self.take_away()
            return self._empty[number % _EMPTY_FRAMES]
        return await asyncio.to_thread(lambda: as_jpeg(film.frame(at)))

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # no HTTP request: the connection is closed
        writer.write(_HEADER)
        while True:
            async with self._turn:
                await self._turn.wait()
            if self.frozen:
                continue
            head = b"--%b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % (_BOUNDARY, len(self._newest))
            writer.write(head + self._newest + b"\r\n")
            await writer.drain()
