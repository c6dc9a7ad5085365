"""Status bytes as Epson's reference writes them: worked examples, and the fixed bits for every state."""

from itertools import product

import pytest

from hardware_sim.printer.profile import WIDE
from hardware_sim.printer.state import (
    Mechanism,
    PrinterError,
    automatic_status,
    identity,
    process_reply,
    real_time_status,
    transmitted_status,
)

FULL_ROLL = WIDE.roll_dots


def all_mechanisms() -> list[Mechanism]:
    papers = (FULL_ROLL, WIDE.near_end_dots, 0)
    flags = (False, True)
    return [
        Mechanism(profile=WIDE, paper_dots=paper, cover_open=cover, error=error, feeding=feeding, drawer_open=drawer)
        for paper, cover, error, feeding, drawer in product(papers, flags, (None, *PrinterError), flags, flags)
    ]


@pytest.mark.parametrize("what", [1, 2, 3, 4])
def test_real_time_answers_keep_their_fixed_bits(what: int) -> None:
    for mechanism in all_mechanisms():
        (byte,) = real_time_status(mechanism, what)
        assert byte & 0b1001_0011 == 0b0001_0010


def test_automatic_status_keeps_its_fixed_bits() -> None:
    for mechanism in all_mechanisms():
        first, *others = automatic_status(mechanism)
        assert first & 0b1001_0011 == 0b0001_0000
        assert [byte & 0b1001_0000 for byte in others] == [0, 0, 0]


@pytest.mark.parametrize("what", [1, 2, 49, 50])
def test_transmitted_status_keeps_its_fixed_bits(what: int) -> None:
    for mechanism in all_mechanisms():
        (byte,) = transmitted_status(mechanism, what)
        assert byte & 0b1001_0000 == 0


@pytest.mark.parametrize(
    ("mechanism", "answers"),
    [
        (Mechanism(profile=WIDE, paper_dots=FULL_ROLL), "16 12 12 12"),
        (Mechanism(profile=WIDE, paper_dots=FULL_ROLL, drawer_open=True), "12 12 12 12"),
        (Mechanism(profile=WIDE, paper_dots=FULL_ROLL, cover_open=True), "1e 16 12 12"),
        (Mechanism(profile=WIDE, paper_dots=WIDE.near_end_dots), "16 12 12 1e"),
        (Mechanism(profile=WIDE, paper_dots=0), "1e 32 12 7e"),
        (Mechanism(profile=WIDE, paper_dots=FULL_ROLL, error=PrinterError.CUTTER), "1e 52 1a 12"),
        (Mechanism(profile=WIDE, paper_dots=FULL_ROLL, error=PrinterError.UNRECOVERABLE), "1e 52 32 12"),
        (Mechanism(profile=WIDE, paper_dots=FULL_ROLL, error=PrinterError.OVERHEATED), "1e 52 52 12"),
    ],
    ids=["ready", "drawer open", "cover open", "near end", "paper out", "cutter", "unrecoverable", "overheated"],
)
def test_dle_eot_1_to_4(mechanism: Mechanism, answers: str) -> None:
    assert b"".join(real_time_status(mechanism, what) for what in (1, 2, 3, 4)) == bytes.fromhex(answers)


@pytest.mark.parametrize(
    ("mechanism", "block"),
    [
        (Mechanism(profile=WIDE, paper_dots=FULL_ROLL), "14 00 00 0f"),
        (Mechanism(profile=WIDE, paper_dots=FULL_ROLL, cover_open=True), "3c 00 00 0f"),
        (Mechanism(profile=WIDE, paper_dots=0), "1c 00 0f 0f"),
        (Mechanism(profile=WIDE, paper_dots=WIDE.near_end_dots, drawer_open=True), "10 00 03 0f"),
        (Mechanism(profile=WIDE, paper_dots=FULL_ROLL, error=PrinterError.CUTTER), "1c 08 00 0f"),
    ],
    ids=["ready", "cover open", "paper out", "near end, drawer open", "cutter"],
)
def test_automatic_status(mechanism: Mechanism, block: str) -> None:
    assert automatic_status(mechanism) == bytes.fromhex(block)


def test_identities() -> None:
    assert identity(WIDE, 67) == b"_TM-T20III\x00"
    assert identity(WIDE, 66) == b"_EPSON\x00"
    assert identity(WIDE, 1) == b"\x20"
    assert identity(WIDE, 99) == b""


def test_process_reply_is_header_identifier_and_the_four_characters() -> None:
    assert process_reply(b"A7!z") == bytes.fromhex("37 22 41 37 21 7a 00")
