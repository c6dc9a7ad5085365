"""A camera's frames become scans."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from drivers.camera.decode import Grey
from drivers.camera.shell import scans
from drivers.camera.source import Frame, UnreadablePicture
from drivers.errors import DeviceGone
from drivers.scan import Scan, ScannedCode, Symbology

NOON = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
CODES = (ScannedCode(payload="V1", symbology=Symbology.QR), ScannedCode(payload="V2", symbology=Symbology.QR))
Given = Frame | UnreadablePicture | DeviceGone | None


class Film:
    """A source that gives what it is told, then ends."""

    name = "counter camera"

    def __init__(self, given: Sequence[Given]) -> None:
        self._given = deque(given)

    @property
    def has_ended(self) -> bool:
        return not self._given

    def next_frame(self) -> Frame | UnreadablePicture | None:
        given = self._given.popleft()
        if isinstance(given, DeviceGone):
            raise given
        return given

    def close(self) -> None:
        pass


class CodesByShade:
    """A decoder that sees as many codes as the frame is bright."""

    def decode(self, grey: Grey) -> tuple[ScannedCode, ...]:
        return CODES[: int(grey[0, 0])]


def frame(codes: int) -> Frame:
    return Frame(grey=np.full((1, 1), codes, dtype=np.uint8), origin=f"{codes} codes")


def watch(given: Sequence[Given]) -> tuple[list[Scan | UnreadablePicture], int]:
    """What was yielded, and how often it had nothing to do."""
    idled = 0

    async def idle() -> None:
        nonlocal idled
        idled += 1

    async def conversation() -> list[Scan | UnreadablePicture]:
        return [scan async for scan in scans(Film(given), CodesByShade(), now=lambda: NOON, idle=idle)]

    return asyncio.run(conversation()), idled


def scan(payload: str) -> Scan:
    return Scan(payload=payload, symbology=Symbology.QR, device="counter camera", read_at=NOON)


def test_each_code_of_each_frame_is_a_scan() -> None:
    assert watch([frame(1), frame(0), frame(2)]) == ([scan("V1"), scan("V1"), scan("V2")], 0)


def test_it_idles_only_when_there_is_no_frame() -> None:
    assert watch([None, frame(1), None]) == ([scan("V1")], 2)


def test_an_unreadable_picture_is_passed_on() -> None:
    unreadable = UnreadablePicture(origin="a.png")

    assert watch([unreadable, frame(1)]) == ([unreadable, scan("V1")], 0)


def test_an_observer_sees_every_frame_and_nothing_else() -> None:
    observed: list[Frame] = []
    film = Film([frame(1), None, UnreadablePicture(origin="a.png"), frame(0)])

    async def idle() -> None:
        pass

    async def conversation() -> None:
        async for _ in scans(film, CodesByShade(), now=lambda: NOON, idle=idle, on_frame=observed.append):
            pass

    asyncio.run(conversation())

    assert [seen.origin for seen in observed] == ["1 codes", "0 codes"]


def test_a_camera_that_goes_is_gone() -> None:
    with pytest.raises(DeviceGone, match="unplugged"):
        watch([frame(1), DeviceGone("unplugged")])
