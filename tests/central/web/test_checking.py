"""The books' check: again when something changed, but not all the time."""

from __future__ import annotations

import pytest

from central.web.checking import AT_LEAST_EVERY_S, BooksCheck
from tests.central.world import Box, Centre


class Stopwatch:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def check(centre: Centre, stopwatch: Stopwatch) -> BooksCheck:
    return BooksCheck(centre.workshop, monotonic_s=stopwatch)


def test_the_first_verdict_is_waited_for(check: BooksCheck) -> None:
    assert check.newest()["holds"] is True


def test_it_is_taken_again_once_something_changed_and_time_has_passed(
    centre: Centre, stopwatch: Stopwatch, check: BooksCheck
) -> None:
    check.check("one")
    events = check.newest()["events"]
    centre.card()

    check.check("two")
    assert check.newest()["events"] == events

    stopwatch.at_s += AT_LEAST_EVERY_S
    check.check("one")
    assert check.newest()["events"] == events
    check.check("two")
    assert check.newest()["events"] == events + 1


def test_broken_books_are_told_with_what_is_wrong(centre: Centre, box_a: Box, check: BooksCheck) -> None:
    box_a.earned(centre.card(), 100)
    centre.batch(box_a)
    centre.by_hand("UPDATE postings SET amount_minor = 99 WHERE amount_minor = 100")

    books = check.newest()

    assert books["holds"] is False
    broken = {promise["name"]: promise["violations"] for promise in books["promises"] if promise["violations"]}
    assert len(broken["every entry sums to zero"]) == 1
