"""What stands still is decoded once, and yet nothing that lies there is missed."""

import random
from collections.abc import Sequence

import numpy as np
import pytest

from drivers.camera.decode import GatedDecoder, Grey
from drivers.camera.still import StillDecoder
from drivers.scan import ScannedCode
from tests.drivers.camera.test_decode import on_a_frame, qr

V1, V2 = ScannedCode(payload="V1"), ScannedCode(payload="V2")
Codes = tuple[ScannedCode, ...]


class Told:
    """A decoder that finds what it is told, the last thing for ever."""

    def __init__(self, *answers: Codes) -> None:
        self.looks = 0
        self._answers = answers

    def decode(self, grey: Grey) -> Codes:  # noqa: ARG002
        self.looks += 1
        return self._answers[min(self.looks, len(self._answers)) - 1]


def shade(level: int) -> Grey:
    return np.full((720, 1_280), level, dtype=np.uint8)


def watch(decoder: StillDecoder, frames: Sequence[Grey]) -> list[Codes]:
    return [decoder.decode(frame) for frame in frames]


def test_a_code_that_lies_still_is_decoded_once_in_a_while_and_seen_all_the_while() -> None:
    told = Told((V1,))

    seen = watch(StillDecoder(told, look_again_every=8), [shade(90)] * 81)

    assert seen == [(V1,)] * 81
    assert told.looks == 1 + 80 // 8


def test_an_empty_counter_is_looked_at_for_a_while_and_then_now_and_then() -> None:
    told = Told(())

    seen = watch(StillDecoder(told, first_looks=60, look_again_every=8), [shade(90)] * 461)

    assert set(seen) == {()}
    assert told.looks == 1 + 60 + 400 // 8


@pytest.mark.parametrize("at", [2, 30, 70], ids=["at once", "in the first seconds", "much later"])
def test_a_code_that_lies_still_from_the_start_and_is_missed_at_first_is_found(at: int) -> None:
    decoder = StillDecoder(Told(*[()] * (at - 1), (V1,)), first_looks=60, look_again_every=8)

    seen = watch(decoder, [shade(90)] * 200)

    assert seen[-1] == (V1,)
    assert seen.index((V1,)) <= (at - 1 if at <= 61 else 60 + 8 * (at - 61))


def test_what_does_not_move_is_not_lost_through_a_miss() -> None:
    seen = watch(StillDecoder(Told((V1,), ()), look_again_every=2), [shade(90)] * 9)

    assert seen == [(V1,)] * 9


def test_a_second_code_beside_the_first_is_added() -> None:
    seen = watch(StillDecoder(Told((V1,), (V1, V2)), look_again_every=2), [shade(90)] * 3)

    assert seen == [(V1,), (V1,), (V1, V2)]


def test_what_is_taken_away_is_gone_at_once() -> None:
    seen = watch(StillDecoder(Told((V1,), ())), [shade(90), shade(90), shade(40), shade(40)])

    assert seen == [(V1,), (V1,), (), ()]


def test_a_slow_change_is_noticed() -> None:
    told = Told((V1,))

    watch(StillDecoder(told, look_again_every=1_000), [shade(60 + frame) for frame in range(71)])

    assert told.looks == 1 + 70 // 7


def test_the_noise_of_a_sensor_is_no_change() -> None:
    told = Told(())
    noise = np.random.default_rng(1)
    frames = [np.clip(shade(90) + noise.normal(0, 8, (720, 1_280)), 0, 255).astype(np.uint8) for _ in range(8)]

    watch(StillDecoder(told, first_looks=0, look_again_every=1_000), frames)

    assert told.looks == 1


def test_another_code_in_the_place_of_the_last_is_read_at_once() -> None:
    letters = random.Random(5)
    tokens = ["CPT1:" + "".join(letters.choices("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=160)) for _ in range(20)]
    decoder = StillDecoder(GatedDecoder(), first_looks=0, look_again_every=1_000)

    read = [decoder.decode(on_a_frame(qr(token, module_pixels=3))) for token in tokens]

    assert [[code.payload for code in codes] for codes in read] == [[token] for token in tokens]
