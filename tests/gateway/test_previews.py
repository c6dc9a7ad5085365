"""What a camera sees is made into pictures only while someone looks, and not often."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drivers.camera.decode import Grey
from drivers.camera.source import Frame
from edge_config.settings import BoxSettings, CameraSettings
from gateway.devices import DeviceBoard, Devices
from gateway.errors import CounterError
from gateway.previews import EVERY_S, MOST_WATCHERS, Previews, small_jpeg
from gateway.words import Problem
from tests.gateway.playing import until
from tests.gateway.world import Box


class Installer:
    """Looks through the cameras of a box whose clock is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.made = 0
        self.previews = Previews(monotonic_s=lambda: self.now_s, encode=self._encode)

    def _encode(self, grey: Grey) -> bytes:
        self.made += 1
        return bytes([grey[0, 0]])


def frame(shade: int) -> Frame:
    return Frame(grey=np.full((1, 1), shade, dtype=np.uint8), origin=f"{shade}")


def play(story: Callable[[Installer], Coroutine[Any, Any, None]]) -> Installer:
    installer = Installer()
    asyncio.run(story(installer))
    return installer


def test_nothing_is_made_while_nobody_looks() -> None:
    async def story(installer: Installer) -> None:
        with installer.previews.showing("camera") as show:
            show(frame(1))
            with installer.previews.watching("camera"):
                pass
            show(frame(2))

    assert play(story).made == 0


def test_who_looks_sees_the_next_frame() -> None:
    async def story(installer: Installer) -> None:
        with installer.previews.showing("camera") as show, installer.previews.watching("camera") as pictures:
            seen = asyncio.ensure_future(anext(pictures))
            await asyncio.sleep(0)  # it waits
            await asyncio.to_thread(show, frame(7))  # cameras are read in threads
            assert await seen == b"\x07"

    assert play(story).made == 1


def test_five_pictures_a_second_and_no_more() -> None:
    async def story(installer: Installer) -> None:
        with installer.previews.showing("camera") as show, installer.previews.watching("camera"):
            for number in range(60):  # two seconds at 30 frames a second
                installer.now_s = 100.0 + number / 30
                show(frame(number))

    assert play(story).made == 2 / EVERY_S


def test_pictures_end_when_the_camera_goes_and_come_again_with_it() -> None:
    async def story(installer: Installer) -> None:
        with ExitStack() as looking:
            with installer.previews.showing("camera"):
                pictures = looking.enter_context(installer.previews.watching("camera"))
                seen = asyncio.ensure_future(anext(pictures, None))
                await asyncio.sleep(0)
            assert await seen is None
            with pytest.raises(CounterError) as refused:
                looking.enter_context(installer.previews.watching("camera"))
            assert refused.value.problem is Problem.CAMERA_AWAY
            with installer.previews.showing("camera"):
                looking.enter_context(installer.previews.watching("camera"))

    play(story)


def test_only_a_few_may_look_at_once_whatever_the_camera() -> None:
    async def story(installer: Installer) -> None:
        previews = installer.previews
        with previews.showing("left"), previews.showing("right"), ExitStack() as looking:
            for number in range(MOST_WATCHERS):
                looking.enter_context(previews.watching(("left", "right")[number % 2]))
            with pytest.raises(CounterError) as refused:
                looking.enter_context(previews.watching("left"))
            assert refused.value.problem is Problem.TOO_MANY_WATCHERS
            looking.close()
            looking.enter_context(previews.watching("left"))

    play(story)


@pytest.mark.parametrize(
    ("camera", "preview"),
    [((720, 1_280), (360, 640)), ((1_280, 720), (640, 360)), ((240, 320), (240, 320)), ((1, 70_000), (1, 640))],
)
def test_a_picture_is_made_small_never_larger(camera: tuple[int, int], preview: tuple[int, int]) -> None:
    jpeg = small_jpeg(np.full(camera, 128, dtype=np.uint8))

    assert jpeg.startswith(b"\xff\xd8")
    picture = cv2.imdecode(np.frombuffer(jpeg, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.shape == preview


def test_a_camera_of_the_box_is_looked_through_while_it_reads_codes(box: Box, tmp_path: Path) -> None:
    async def story() -> bytes:
        settings = BoxSettings(data_dir=box.folder, cameras=(CameraSettings(name="camera", folder=tmp_path),))
        board = DeviceBoard()
        devices = Devices(settings=settings, desk=box.desk, spooler=None, board=board, now=box.clock.now)
        (running,) = [asyncio.ensure_future(coroutine) for coroutine in devices.tasks().values()]
        await until(lambda: board.states.get("camera") == "ready")
        with devices.previews.watching("camera") as pictures:
            cv2.imwrite(str(tmp_path / "a.png"), np.full((720, 1_280), 200, dtype=np.uint8))
            seen = await anext(pictures)
            running.cancel()
            assert await anext(pictures, None) is None
        return seen

    assert asyncio.run(story()).startswith(b"\xff\xd8")
