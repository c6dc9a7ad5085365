"""The size of a picture is read from its header, without making its pixels."""

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera.size import is_too_large, picture_size

WIDTH, HEIGHT = 300, 70


def encoded(suffix: str, *parameters: int) -> bytes:
    picture = np.random.default_rng(1).integers(256, size=(HEIGHT, WIDTH, 3)).astype(np.uint8)
    whole, data = cv2.imencode(suffix, picture, parameters)
    assert whole
    return data.tobytes()


PICTURES = {
    "png": encoded(".png"),
    "jpeg": encoded(".jpg"),
    "progressive jpeg": encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 4),
    "bmp": encoded(".bmp"),
    "os/2 bmp": b"BM"
    + struct.pack("<IHHIIHHHH", 26 + 3 * WIDTH * HEIGHT, 0, 0, 26, 12, WIDTH, HEIGHT, 1, 24)
    + bytes(3 * WIDTH * HEIGHT),
    "lossy webp": encoded(".webp", cv2.IMWRITE_WEBP_QUALITY, 80),
    "lossless webp": encoded(".webp", cv2.IMWRITE_WEBP_QUALITY, 101),
    "extended webp": b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00"
    + (WIDTH - 1).to_bytes(3, "little")
    + (HEIGHT - 1).to_bytes(3, "little"),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_the_size_is_in_the_header(kind: str) -> None:
    assert picture_size(PICTURES[kind]) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("kind", PICTURES)
def test_a_file_that_is_cut_short_has_its_size_or_none(kind: str) -> None:
    data = PICTURES[kind]

    assert {picture_size(data[:length]) for length in range(min(len(data), 2_000))} <= {None, (WIDTH, HEIGHT)}


def test_a_jpeg_may_fill_the_room_between_its_segments() -> None:
    jpeg = PICTURES["jpeg"]

    assert picture_size(jpeg[:2] + b"\xff\xff" + jpeg[2:]) == (WIDTH, HEIGHT)


def test_a_bitmap_may_begin_at_its_top() -> None:
    bmp = bytearray(PICTURES["bmp"])
    struct.pack_into("<i", bmp, 22, -HEIGHT)

    assert picture_size(bytes(bmp)) == (WIDTH, HEIGHT)


@given(st.binary() | st.binary().map(lambda tail: b"\xff\xd8\xff" + tail) | st.binary().map(lambda tail: b"BM" + tail))
def test_no_bytes_break_it(data: bytes) -> None:
    size = picture_size(data)

    assert size is None or min(size) >= 0


def test_what_no_camera_makes_is_too_large() -> None:
    assert is_too_large((20_000, 20_000))
    assert not is_too_large((8_000, 6_000))
