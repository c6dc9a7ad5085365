"""Photographs of printed codes."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import segno
import zxingcpp
from numpy.typing import NDArray

from hardware_sim.errors import PictureError
from hardware_sim.photo import PhotoSettings, locate_code, photograph, take_photograph

PAYLOAD = ("CPT1:" + "6BFOXN%TSMAHN-HQSCU6PPJO" * 7)[:165]
MODULE_DOTS = 6


def printed_code(*payloads: str) -> NDArray[np.uint8]:
    """A white receipt with one code under the other, each with a side of 45 modules."""
    paper = np.full((420 * max(1, len(payloads)), 576), 255, dtype=np.uint8)
    for number, payload in enumerate(payloads):
        symbol = segno.make(payload, error="M", micro=False, boost_error=False)
        modules = np.array([list(row) for row in symbol.matrix], dtype=np.uint8)
        dots = ((1 - modules) * 255).repeat(MODULE_DOTS, axis=0).repeat(MODULE_DOTS, axis=1)
        top = 420 * number + 75
        paper[top : top + dots.shape[0], 153 : 153 + dots.shape[1]] = dots
    return paper


def test_the_code_is_found_and_measured() -> None:
    place = locate_code(printed_code(PAYLOAD))

    assert place.module_dots == MODULE_DOTS
    assert place.centre_x == pytest.approx(153 + 135, abs=1)
    assert place.centre_y == pytest.approx(75 + 135, abs=1)


@pytest.mark.parametrize("payloads", [(), (PAYLOAD, PAYLOAD[::-1])], ids=["none", "two"])
def test_anything_but_one_code_is_refused(payloads: tuple[str, ...]) -> None:
    with pytest.raises(PictureError, match=f"shows {len(payloads)} QR codes"):
        locate_code(printed_code(*payloads))


def test_the_same_seed_gives_the_same_photograph_and_another_seed_another() -> None:
    receipt = printed_code(PAYLOAD)

    first, again, other = (photograph(receipt, PhotoSettings(seed=seed)) for seed in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_code_has_the_size_and_the_tilt_asked_for() -> None:
    clear = PhotoSettings(seed=5, blur_sigma_px=0, noise_sigma=0, perspective=0, darkest=1, pixels_per_module=4)

    frame = photograph(printed_code(PAYLOAD), clear)

    (code,) = zxingcpp.read_barcodes(frame)
    corners = code.position
    along = np.array([corners.top_right.x - corners.top_left.x, corners.top_right.y - corners.top_left.y])
    assert np.linalg.norm(along) / 45 == pytest.approx(4, rel=0.05)
    assert np.degrees(np.arctan2(-along[1], along[0])) == pytest.approx(20, abs=2)


def test_a_photograph_is_dimmer_blurred_and_noisy() -> None:
    receipt = printed_code(PAYLOAD)
    clear = PhotoSettings(seed=1, blur_sigma_px=0, noise_sigma=0, darkest=1)

    def sharpness(settings: PhotoSettings) -> float:
        grey = cv2.cvtColor(photograph(receipt, settings), cv2.COLOR_BGR2GRAY)
        return float(cv2.Laplacian(grey, cv2.CV_64F).var())

    def brightness(settings: PhotoSettings) -> float:
        return float(photograph(receipt, settings).mean())

    assert sharpness(replace(clear, blur_sigma_px=1.0)) < sharpness(clear) < sharpness(replace(clear, noise_sigma=20))
    assert brightness(replace(clear, darkest=0.3)) < brightness(clear)


@pytest.mark.parametrize("name", ["scan.jpg", "scan.png"])
def test_the_file_appears_whole_in_the_cameras_folder(tmp_path: Path, name: str) -> None:
    receipt = tmp_path / "receipt.png"
    cv2.imwrite(str(receipt), printed_code(PAYLOAD))

    path = take_photograph(picture=receipt, into=tmp_path / "camera", name=name, settings=PhotoSettings(seed=1))

    assert [entry.name for entry in (tmp_path / "camera").iterdir()] == [name]
    frame = cv2.imread(str(path))
    assert frame is not None
    assert frame.shape == (720, 1280, 3)


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="not a readable picture"):
        take_photograph(picture=tmp_path / "nothing.png", into=tmp_path, name="x.png", settings=PhotoSettings(seed=1))
