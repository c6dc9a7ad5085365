"""A camera's frames become scans; the asyncio shell."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime

from drivers.camera.decode import Decoder
from drivers.camera.source import Frame, FrameSource, UnreadablePicture
from drivers.scan import Scan, ScannedCode

_Step = tuple[tuple[ScannedCode, ...], UnreadablePicture | None, bool]


async def scans(
    source: FrameSource,
    decoder: Decoder,
    *,
    now: Callable[[], datetime],
    idle: Callable[[], Awaitable[None]],
    on_frame: Callable[[Frame], None] | None = None,
) -> AsyncGenerator[Scan | UnreadablePicture, None]:
    """Yield what the camera sees, the same code once for every frame that shows it; ends when the source does.

    Frames are taken and decoded in a thread: OpenCV, zxing-cpp and zbar all let the loop run meanwhile.

    Args:
        now: The clock, aware UTC.
        idle: Waits a little before asking again, when there was no frame.
        on_frame: Sees every frame before it is decoded, in the thread that decodes it.

    Raises:
        DeviceGone: The camera can't be read any more: the supervisor reopens it.
    """
    while not source.has_ended:
        codes, unreadable, there_was_one = await asyncio.to_thread(_step, source, decoder, on_frame)
        if unreadable is not None:
            yield unreadable
        for code in codes:
            yield Scan(payload=code.payload, symbology=code.symbology, device=source.name, read_at=now())
        if not there_was_one:
            await idle()


def _step(source: FrameSource, decoder: Decoder, on_frame: Callable[[Frame], None] | None) -> _Step:
    frame = source.next_frame()
    if frame is None:
        return (), None, False
    if isinstance(frame, UnreadablePicture):
        return (), frame, True
    if on_frame is not None:
        on_frame(frame)
    return decoder.decode(frame.grey), None, True
