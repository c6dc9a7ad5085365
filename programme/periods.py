"""Months and years of business days: what their days' closures add up to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from programme.events import Closure, DayClosed, ProgrammeTotals


def periods_of(day: date) -> tuple[str, str]:
    """The month and the year that a day belongs to."""
    return f"{day:%Y-%m}", f"{day:%Y}"


def open_periods(closures: Iterable[Closure]) -> dict[str, dict[str, ProgrammeTotals]]:
    """What the days closed in each month and year add up to, by programme, since it was last closed.

    Args:
        closures: In the order of the journal.
    """
    sums: dict[str, dict[str, ProgrammeTotals]] = {}
    for closed in closures:
        if isinstance(closed, DayClosed):
            for period in periods_of(closed.business_day):
                sums[period] = _add(sums.get(period, {}), closed.totals)
        else:
            sums.pop(closed.period, None)
    return sums


def due_periods(closures: Iterable[Closure], *, before: date) -> dict[str, dict[str, ProgrammeTotals]]:
    """The same of the periods that are over when a day is closed; each year after its months."""
    month, year = periods_of(before)
    over = {
        period: sums for period, sums in open_periods(closures).items() if period < (month if "-" in period else year)
    }
    return dict(sorted(over.items(), key=lambda item: (item[0][:4], -len(item[0]), item[0])))


def _add(sums: Mapping[str, ProgrammeTotals], more: Mapping[str, ProgrammeTotals]) -> dict[str, ProgrammeTotals]:
    return dict(sums) | {
        programme: _sum(sums.get(programme, ProgrammeTotals()), totals) for programme, totals in more.items()
    }


def _sum(left: ProgrammeTotals, right: ProgrammeTotals) -> ProgrammeTotals:
    return ProgrammeTotals(
        earned_minor=left.earned_minor + right.earned_minor,
        redeemed_minor=left.redeemed_minor + right.redeemed_minor,
        sold_minor=left.sold_minor + right.sold_minor,
        voided_minor=left.voided_minor + right.voided_minor,
        count=left.count + right.count,
    )
