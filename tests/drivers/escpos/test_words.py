"""Printer states in plain words."""

import pytest

from drivers.escpos.status import PrinterStatus
from drivers.escpos.words import Condition, conditions_of, words_for


def test_no_paper_says_what_to_do() -> None:
    assert words_for(Condition.PAPER_OUT).fr == "Plus de papier : ouvrez le capot, posez un rouleau, refermez."


def test_every_condition_has_words_of_its_own_in_both_languages() -> None:
    words = [words_for(condition) for condition in Condition]

    assert len({word.fr for word in words}) == len(Condition)
    assert len({word.en for word in words}) == len(Condition)


@pytest.mark.parametrize(
    ("status", "conditions"),
    [
        (PrinterStatus(online=True), (Condition.READY,)),
        (PrinterStatus(online=False), (Condition.OFFLINE,)),
        (PrinterStatus(online=True, paper_near_end=True), (Condition.PAPER_NEAR_END,)),
        (PrinterStatus(online=False, paper_out=True, paper_near_end=True), (Condition.PAPER_OUT,)),
        (
            PrinterStatus(online=False, cover_open=True, paper_out=True),
            (Condition.COVER_OPEN, Condition.PAPER_OUT),
        ),
        (PrinterStatus(online=False, cutter_error=True), (Condition.CUTTER_BLOCKED,)),
        (PrinterStatus(online=False, recoverable_error=True), (Condition.JAMMED,)),
        (PrinterStatus(online=False, unrecoverable_error=True), (Condition.BROKEN,)),
        (PrinterStatus(online=False, overheated=True), (Condition.OVERHEATED,)),
    ],
)
def test_conditions_come_most_pressing_first(status: PrinterStatus, conditions: tuple[Condition, ...]) -> None:
    assert conditions_of(status) == conditions
