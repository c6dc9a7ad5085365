"""What the cameras see, for an installer who aims one: pictures are made only while someone looks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING

from gateway.changes import Changes
from gateway.errors import CounterError
from gateway.words import Problem

if TYPE_CHECKING:
    from drivers.camera.decode import Grey
    from drivers.camera.source import Frame

MOST_WATCHERS = 4
EVERY_S = 0.2
LONGEST_SIDE_PIXELS = 640
_QUALITY = 70


class _Slot:
    """The newest picture of one open camera; who is slow misses some."""

    def __init__(self) -> None:
        self.watchers = 0
        self.is_open = True
        self._jpeg = b""
        self._news = Changes()

    def put(self, jpeg: bytes) -> None:
        self._jpeg = jpeg
        self._news.announce()

    def close(self) -> None:
        self.is_open = False
        self._news.announce()

    async def pictures(self) -> AsyncIterator[bytes]:
        """Each newest picture from now on, until the camera goes."""
        seen = self._news.revision
        while self.is_open:
            seen = await self._news.after(seen)
            if self.is_open:
                yield self._jpeg


class Previews:
    """The open cameras, and who looks through them."""

    def __init__(self, *, monotonic_s: Callable[[], float], encode: Callable[[Grey], bytes] | None = None) -> None:
        """Set up.

        Args:
            encode: Makes a JPEG; by OpenCV, unless another is given.
        """
        self._monotonic_s = monotonic_s
        self._encode = encode or small_jpeg
        self._slots: dict[str, _Slot] = {}

    @property
    def watchers(self) -> int:
        """How many look."""
        return sum(slot.watchers for slot in self._slots.values())

    @contextlib.contextmanager
    def showing(self, camera: str) -> Iterator[Callable[[Frame], None]]:
        """While a camera is open: takes its frames, from any thread."""
        slot = self._slots[camera] = _Slot()
        try:
            yield self._taker(slot, asyncio.get_running_loop())
        finally:
            del self._slots[camera]
            slot.close()

    @contextlib.contextmanager
    def watching(self, camera: str) -> Iterator[AsyncIterator[bytes]]:
        """While someone looks: JPEGs, five a second at most; they end when the camera goes.

        Raises:
            CounterError: No such camera is open, or enough people look.
        """
        slot = self._slots.get(camera)
        if slot is None:
            raise CounterError(Problem.CAMERA_AWAY)
        if self.watchers >= MOST_WATCHERS:
            raise CounterError(Problem.TOO_MANY_WATCHERS)
        slot.watchers += 1
        try:
            yield slot.pictures()
        finally:
            slot.watchers -= 1

    def _taker(self, slot: _Slot, loop: asyncio.AbstractEventLoop) -> Callable[[Frame], None]:
        due_s = self._monotonic_s()

        def take(frame: Frame) -> None:
            nonlocal due_s
            now_s = self._monotonic_s()
            if slot.watchers and now_s >= due_s:
                due_s = now_s + EVERY_S
                loop.call_soon_threadsafe(slot.put, self._encode(frame.grey))

        return take


def small_jpeg(grey: Grey) -> bytes:
    """A picture small enough to send five times a second."""
    import cv2  # a camera is open: it is loaded already

    height, width = grey.shape[:2]
    scale = min(1.0, LONGEST_SIDE_PIXELS / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = grey if scale == 1.0 else cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return jpeg.tobytes()
