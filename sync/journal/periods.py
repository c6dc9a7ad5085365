"""Months and years that are over, by the closures of the branch that the journal is on; these stay at hand for ever."""

from __future__ import annotations

import sqlite3
from datetime import date

from programme.cloudevents import decode_event
from programme.events import CLOSURES, Closure, DayClosed, EpochOpened, PeriodClosed
from programme.periods import due_periods, periods_of
from programme.state import PERPETUAL, Records, totals
from sync.journal.rows import Place, closures_between, first_position_of, last_closure_position, row_at_hand


def periods_to_close(
    connection: sqlite3.Connection, place: Place, records: Records, *, before: date
) -> list[PeriodClosed]:
    """The closures that come before a day's, unsigned: none but for the first one of a month."""
    newest = last_closure_position(connection, place)
    if newest is not None and _is_of_month(_closures(connection, newest, newest), before):
        return []
    closures = [closed for first, last in _branch(connection, place) for closed in _closures(connection, first, last)]
    perpetual = totals(records, PERPETUAL).programmes
    return [
        PeriodClosed(period=period, totals=sums, perpetual=perpetual, signature="")
        for period, sums in due_periods(closures, before=before).items()
    ]


def _is_of_month(closures: list[Closure], day: date) -> bool:
    """Whether the day closed last is of the same month: then what was over is closed."""
    return any(
        isinstance(closed, DayClosed) and periods_of(closed.business_day) == periods_of(day) for closed in closures
    )


def _branch(connection: sqlite3.Connection, place: Place) -> list[tuple[int, int]]:
    """The positions of this epoch's rows, after those of the ones that it began after; in order."""
    first, last = place.first_position, place.last_position
    spans = [(first, last)]
    while (opening := row_at_hand(connection, first)) is not None and opening.is_sound:
        opened = decode_event(opening.event).data
        parent = opened.parent if isinstance(opened, EpochOpened) else None
        before = None if parent is None else first_position_of(connection, parent.epoch)
        if parent is None or before is None or parent.seq == 0:
            break
        first, last = before, before + parent.seq - 1
        spans.insert(0, (first, last))
    return spans


def _closures(connection: sqlite3.Connection, first: int, last: int) -> list[Closure]:
    events = (decode_event(row.event).data for row in closures_between(connection, first, last) if row.is_sound)
    return [closed for closed in events if isinstance(closed, CLOSURES)]
