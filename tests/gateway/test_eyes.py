"""Which camera the settings name, and what is said when it isn't there."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.errors import DeviceGone
from edge_config.settings import CameraSettings
from gateway.eyes import open_eye


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
