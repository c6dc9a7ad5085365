"""Cameras. OpenCV is loaded only when one is opened: it takes 154 ms and 41 MiB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import TYPE_CHECKING

from drivers.errors import SetUpError
from drivers.scan import Scan
from edge_config.settings import CameraSettings

if TYPE_CHECKING:
    from drivers.camera.decode import Decoder
    from drivers.camera.source import Frame, FrameSource

_IDLE_S = 0.05


class Eye:
    """An open camera."""

    def __init__(self, source: FrameSource, decoder: Decoder) -> None:
        self._source = source
        self._decoder = decoder

    async def scans(self, now: Callable[[], datetime], on_frame: Callable[[Frame], None]) -> AsyncIterator[Scan | str]:
        """Yield what it sees, or which picture can't be read, and why; ends with a video.

        Args:
            on_frame: Sees every frame, too; called in another thread.

        Raises:
            DeviceGone: It can't be read any more.
        """
        from drivers.camera.shell import scans

        async for seen in scans(self._source, self._decoder, now=now, idle=_idle, on_frame=on_frame):
            yield seen if isinstance(seen, Scan) else f"{seen.origin} {seen.why}".rstrip()

    def close(self) -> None:
        """Give it back."""
        self._source.close()


def open_eye(settings: CameraSettings) -> Eye:
    """Open a camera; blocks while OpenCV is loaded.

    Raises:
        DeviceGone: It isn't there.
        SetUpError: This box has no libraries for cameras.
    """
    try:
        from drivers.camera.decode import GatedDecoder
        from drivers.camera.live import open_device, open_network
        from drivers.camera.source import PictureFolder, VideoFile
        from drivers.camera.still import StillDecoder
    except ImportError as error:
        raise SetUpError(f"{settings.name}: cameras need more libraries ({error}): install comptoir[camera]") from error

    decoder = GatedDecoder()
    if settings.url is not None:
        return Eye(open_network(name=settings.name, url=settings.url), StillDecoder(decoder))
    if settings.device is not None:
        return Eye(open_device(name=settings.name, device=str(settings.device)), StillDecoder(decoder))
    if settings.video is not None:
        return Eye(VideoFile(name=settings.name, path=settings.video), decoder)
    assert settings.folder is not None  # the settings allow exactly one of the four
    return Eye(PictureFolder(name=settings.name, folder=settings.folder), decoder)


async def opened(open_it: Callable[[], Eye]) -> Eye:
    """Open a camera in a thread; cancelled meanwhile, it is given back as soon as it is open."""
    opening = asyncio.get_running_loop().run_in_executor(None, open_it)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_give_back)
        raise


def _give_back(opening: asyncio.Future[Eye]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


async def _idle() -> None:
    await asyncio.sleep(_IDLE_S)
