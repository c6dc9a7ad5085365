"""Films of cards, phones and receipts."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

from hardware_sim.film import HEIGHT_PX, WIDTH_PX, Film, FilmSettings, Stage
from hardware_sim.things import Kind

TOKEN = ("CPT1:" + "6BFOXN%TSMAHN-HQSCU6PPJO" * 7)[:165]
STAGE = Stage(1)
HELD = 22
STEADY = FilmSettings(kind=Kind.PAPER, seed=3, tilt_degrees=0, shake_px=0, focus_sigma_px=(0.4, 0.4001))


def film(settings: FilmSettings) -> Film:
    return Film(TOKEN, settings, stage=STAGE)


def codes(frame: NDArray[np.uint8]) -> list[zxingcpp.Barcode]:
    return zxingcpp.read_barcodes(frame, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCodeModel2))


def test_the_same_seed_films_the_same_frame_whatever_was_filmed_before() -> None:
    first, again = film(FilmSettings(kind=Kind.PHONE, seed=1)), film(FilmSettings(kind=Kind.PHONE, seed=1))
    first.frame(3)

    assert np.array_equal(first.frame(HELD), again.frame(HELD))
    assert not np.array_equal(first.frame(HELD), film(FilmSettings(kind=Kind.PHONE, seed=2)).frame(HELD))


@pytest.mark.parametrize("kind", Kind)
def test_a_code_comes_stays_and_leaves(kind: Kind) -> None:
    reel = film(replace(STEADY, kind=kind, seed=5))
    frames = [reel.frame(number) for number in range(-1, len(reel) + 1)]

    read = [{code.text for code in codes(frame)} for frame in frames]

    assert {frame.shape for frame in frames} == {(HEIGHT_PX, WIDTH_PX, 3)}
    assert read[0] == read[1] == read[-2] == read[-1] == set()
    assert read[HELD] == {TOKEN}
    assert set().union(*read) == {TOKEN}


def test_before_and_after_the_counter_is_empty() -> None:
    reel = film(STEADY)
    empty = STAGE.empty(1).astype(np.int16)

    for number in (-1, len(reel)):
        difference = np.abs(reel.frame(number).astype(np.int16) - empty)
        assert float(difference.mean()) < 10  # noise alone


def corners(frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    (code,) = codes(frame)
    at = code.position
    points = (at.top_left, at.top_right, at.bottom_right, at.bottom_left)
    return np.array([(point.x, point.y) for point in points], dtype=np.float64)


def sides(frame: NDArray[np.uint8]) -> list[float]:
    at = corners(frame)
    return [float(np.linalg.norm(at[turn] - at[turn - 1])) for turn in range(4)]


def test_a_hand_trembles() -> None:
    still, shaken = film(STEADY), film(replace(STEADY, shake_px=8))

    def wandering(reel: Film) -> float:
        return float(np.ptp([corners(reel.frame(number)).mean(axis=0) for number in range(12, 34, 3)], axis=0).max())

    assert wandering(still) < 3 < wandering(shaken)


def test_a_tilt_is_seen_in_perspective() -> None:
    def uneven(tilt_degrees: float) -> float:
        lengths = sides(film(replace(STEADY, tilt_degrees=tilt_degrees)).frame(HELD))
        return max(lengths) / min(lengths)

    assert uneven(0) < 1.05 < uneven(25)


def sharpness(frame: NDArray[np.uint8]) -> float:
    return float(cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.CV_64F).var())


def test_the_lens_finds_its_focus_and_may_be_poor() -> None:
    stage = Stage(1, noise_sigma=0)

    def filmed(sigma_px: float, number: int) -> NDArray[np.uint8]:
        focus = (sigma_px, sigma_px + 0.0001)
        return Film(TOKEN, replace(STEADY, focus_sigma_px=focus), stage=stage).frame(number)

    assert sharpness(filmed(0.4, 7)) < sharpness(filmed(0.4, HELD))
    assert sharpness(filmed(2.0, HELD)) < sharpness(filmed(0.4, HELD))


def test_a_sensor_is_noisy() -> None:
    quiet, noisy = Stage(1, noise_sigma=0), Stage(1, noise_sigma=8)

    assert np.array_equal(quiet.empty(1), quiet.empty(2))
    assert float(np.std(noisy.empty(1).astype(np.int16) - noisy.empty(2))) == pytest.approx(8 * 2**0.5, rel=0.1)


def test_the_light_is_uneven() -> None:
    light = STAGE.light

    assert float(light.max()) / float(light.min()) > 1.5


def test_a_screen_shines_where_paper_lies_in_the_dark() -> None:
    stage = Stage(1, noise_sigma=0)
    stage.light *= 0.2
    stage.counter *= 0.2

    def brightest(kind: Kind) -> int:
        return int(Film(TOKEN, replace(STEADY, kind=kind, seed=1), stage=stage).frame(HELD).max())

    assert brightest(Kind.PHONE) > 1.5 * brightest(Kind.PAPER)
