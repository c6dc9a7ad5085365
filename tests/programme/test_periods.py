"""Months and years are the sums of the days closed in them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programme.events import Closure, DayClosed, PeriodClosed, ProgrammeTotals
from programme.periods import due_periods, open_periods


def day(when: date, earned_minor: int = 1, programme: str = "card") -> DayClosed:
    sums = {programme: ProgrammeTotals(earned_minor=earned_minor, count=1)}
    return DayClosed(business_day=when, totals=sums, perpetual={}, signature="")


def period(name: str) -> PeriodClosed:
    return PeriodClosed(period=name, totals={}, perpetual={}, signature="")


MAY = [day(date(2026, 5, 4), 1), day(date(2026, 5, 5), 2, "voucher"), day(date(2026, 5, 31), 4)]


def test_a_month_that_is_over_is_the_sum_of_its_days() -> None:
    due = due_periods(MAY, before=date(2026, 6, 1))

    assert due == {
        "2026-05": {
            "card": ProgrammeTotals(earned_minor=5, count=2),
            "voucher": ProgrammeTotals(earned_minor=2, count=1),
        }
    }


@pytest.mark.parametrize("before", [date(2026, 5, 31), date(2026, 5, 1), date(2025, 12, 31)])
def test_a_month_that_is_not_over_is_not_due(before: date) -> None:
    assert due_periods(MAY, before=before) == {}


def test_a_year_comes_after_its_months() -> None:
    closures = [*MAY, day(date(2026, 12, 31)), day(date(2027, 1, 1))]

    assert list(due_periods(closures, before=date(2027, 2, 1))) == ["2026-05", "2026-12", "2026", "2027-01"]


def test_what_comes_late_is_for_another_closure_of_the_same_month() -> None:
    closures: list[Closure] = [*MAY, period("2026-05"), day(date(2026, 5, 30), 8)]

    assert due_periods(closures, before=date(2026, 6, 2)) == {
        "2026-05": {"card": ProgrammeTotals(earned_minor=8, count=1)}
    }


@given(st.lists(st.tuples(st.integers(0, 800), st.integers(0, 100)), max_size=40))
def test_whatever_is_closed_when_every_day_counts_once_a_month_and_once_a_year(days: list[tuple[int, int]]) -> None:
    closures: list[Closure] = []
    closed: dict[int, int] = {4: 0, 7: 0}
    for offset, earned_minor in sorted(days):
        when = date(2026, 1, 1) + timedelta(days=offset)
        for name, sums in due_periods(closures, before=when).items():
            closed[len(name)] += sums["card"].earned_minor
            closures.append(period(name))
        closures.append(day(when, earned_minor))
    for name, sums in open_periods(closures).items():
        closed[len(name)] += sums["card"].earned_minor

    every = sum(earned_minor for _, earned_minor in days)
    assert closed == {4: every, 7: every}
