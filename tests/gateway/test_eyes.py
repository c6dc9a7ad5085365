"""Which camera the settings name, and what is said when it isn't there."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from drivers.camera.decode import GatedDecoder
from drivers.camera.source import Frame
from drivers.errors import DeviceGone
from edge_config.settings import CameraSettings
from gateway.eyes import Eye, open_eye, opened


class Source:
    """A camera that says whether it was given back."""

    name = "film"
    has_ended = False
    is_closed = False

    def next_frame(self) -> Frame | None:
        return None

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (CameraSettings(name="film", device=Path("/dev/no-camera")), "film: /dev/no-camera can't be opened"),
        (CameraSettings(name="film", url="http://127.0.0.1:1/video"), "film: http://127.0.0.1:1/video can't be opened"),
        (CameraSettings(name="film", video=Path("no.avi")), r"film: can't open the video no\.avi"),
    ],
    ids=["device", "url", "video"],
)
def test_a_camera_that_is_not_there_is_gone(settings: CameraSettings, complaint: str) -> None:
    with pytest.raises(DeviceGone, match=complaint):
        open_eye(settings)


def test_a_camera_that_nobody_waits_for_any_more_is_given_back() -> None:
    source = Source()
    opens, may_open = threading.Event(), threading.Event()

    def open_slowly() -> Eye:
        opens.set()
        may_open.wait()
        return Eye(source, GatedDecoder())

    async def stop_meanwhile() -> None:
        opening = asyncio.create_task(opened(open_slowly))
        await asyncio.to_thread(opens.wait)
        opening.cancel()
        await asyncio.wait({opening})
        assert opening.cancelled()
        may_open.set()

    asyncio.run(stop_meanwhile())

    assert source.is_closed
