"""The books' check: again when something changed, but not all the time."""

from __future__ import annotations

import pytest

from central.web.checking import AT_LEAST_EVERY_S, EVERY_S, BooksCheck
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


def checked_events(check: BooksCheck) -> int:
    check.check()
    assert check.newest is not None
    return int(check.newest["events"])


def test_there_is_no_verdict_before_the_first_check(check: BooksCheck) -> None:
    assert check.newest is None

    check.check()

    assert check.newest is not None
    assert check.newest["holds"] is True


def test_it_is_taken_again_once_something_changed_and_time_has_passed(
    centre: Centre, stopwatch: Stopwatch, check: BooksCheck
) -> None:
    events = checked_events(check)
    centre.card()
    assert checked_events(check) == events

    stopwatch.at_s += AT_LEAST_EVERY_S

    assert checked_events(check) == events + 1


def test_it_is_not_taken_again_while_nothing_changes_but_once_an_hour(stopwatch: Stopwatch, check: BooksCheck) -> None:
    check.check()
    first = check.newest

    stopwatch.at_s += EVERY_S - 1
    check.check()
    assert check.newest is first

    stopwatch.at_s += 1
    check.check()
    assert check.newest is not first


def test_broken_books_are_told_with_what_is_wrong(centre: Centre, box_a: Box, check: BooksCheck) -> None:
    box_a.earned(centre.card(), 100)
    centre.batch(box_a)
    centre.by_hand("UPDATE postings SET amount_minor = 99 WHERE amount_minor = 100")

    check.check()

    assert check.newest is not None
    assert check.newest["holds"] is False
    broken = {promise["name"]: promise["violations"] for promise in check.newest["promises"] if promise["violations"]}
    assert len(broken["every entry sums to zero"]) == 1
