"""A code left before the camera is one scan, filmed at 15 frames a second; a code shown again is another."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from drivers.camera.decode import GatedDecoder, Grey
from drivers.camera.still import StillDecoder
from drivers.scanner.duplicates import DuplicateFilter
from hardware_sim.film import FRAMES_PER_S, Film, FilmSettings, Stage
from hardware_sim.things import Kind
from tests.drivers.camera.test_decode import TOKEN, on_a_frame, qr

STAGE = Stage(1)


def scans_at(frames: Iterable[Grey]) -> list[float]:
    """When a new scan of the token was seen, seconds: what the box does with a camera's frames."""
    decoder, duplicates = StillDecoder(GatedDecoder()), DuplicateFilter()
    return [
        number / FRAMES_PER_S
        for number, grey in enumerate(frames)
        for code in decoder.decode(grey)
        if code.payload == TOKEN
        and duplicates.is_new(device="film", payload=code.payload, now_s=number / FRAMES_PER_S, sees_one=False)
    ]


def greys(film: Film) -> list[Grey]:
    return [np.asarray(cv2.cvtColor(film.frame(number), cv2.COLOR_BGR2GRAY)) for number in range(len(film))]


def noisy(grey: Grey, frames: int) -> Iterator[Grey]:
    noise = np.random.default_rng(1)
    for _ in range(frames):
        yield np.clip(grey + noise.normal(0, 3, (1, grey.shape[1])), 0, 255).astype(np.uint8)


def blurred(grey: Grey) -> Grey:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 6), dtype=np.uint8)


def test_a_card_in_a_trembling_hand_is_one_scan_through_gaps_of_blur() -> None:
    held = greys(Film(TOKEN, FilmSettings(kind=Kind.CARD, seed=3, seconds=5), stage=STAGE))
    gap = range(2 * FRAMES_PER_S, 2 * FRAMES_PER_S + 20)

    through = [blurred(grey) if number in gap else grey for number, grey in enumerate(held)]

    assert len(scans_at(held)) == 1
    assert len(scans_at(through)) == 1


def test_a_card_that_lies_there_for_a_minute_is_one_scan() -> None:
    assert len(scans_at(noisy(on_a_frame(qr(TOKEN)), 60 * FRAMES_PER_S))) == 1


def test_a_card_that_is_shown_again_is_a_second_scan() -> None:
    lying, empty = on_a_frame(qr(TOKEN)), on_a_frame()

    seen = scans_at([lying] * 15 + [empty] * 45 + [lying] * 15)

    assert seen == [0.0, 4.0]
