"""Closures after a fork: central gets those that it lacks anew, for their totals may be others by now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from programme.cloudevents import decode_event
from programme.events import OPERATIONS, DayClosed, EpochOpened, Event, ProgrammeTotals, RowLink
from programme.instants import to_us
from programme.state import DAY, Record, evolve, totals
from sync.journal.rows import checked, first_position_of
from sync.journal.transaction import Session

_NEAR = timedelta(days=2)
"""A business day's operations are ordered no farther from its date, whatever its end and the time zone."""


def day_totals(session: Session, day: date, parent: RowLink, later: Iterable[Event]) -> dict[str, ProgrammeTotals]:
    """A day's totals since its last closure that central has: from the rows that it has, and the later ones."""
    since_us = to_us(datetime.combine(day, time(), UTC) - _NEAR)
    records: dict[str, Record] = {}
    seen = set()
    for event in [*_acknowledged(session, parent, since_us), *later]:
        if isinstance(event.data, OPERATIONS):
            counts = event.data.counter.business_day == day and event.event_id not in seen
        else:
            counts = isinstance(event.data, DayClosed) and event.data.business_day == day
        if counts:
            seen.add(event.event_id)
            changes = evolve(records, event)
            records.update({key: record for key, record in changes.items() if record is not None})
            for key in [key for key, record in changes.items() if record is None]:
                records.pop(key, None)
    return totals(records, f"{DAY}{day}").programmes


def _acknowledged(session: Session, last: RowLink, since_us: int) -> list[Event]:
    """The events up to a row and, before its epoch, up to the row that this one began after; and so on."""
    connection, shelf = session.connection, session.shelf
    branch: list[Event] = []
    link: RowLink | None = last
    while link is not None and link.seq > 0:
        first = first_position_of(connection, link.epoch)
        opening = None if first is None else shelf.row_at(connection, first)
        if first is None or opening is None or not opening.is_sound:
            break
        rows = checked(shelf.rows(connection, first, first + link.seq - 1, since_us))
        branch[:0] = [decode_event(row.event) for row, is_sound in rows if is_sound]
        opened = decode_event(opening.event).data
        link = opened.parent if isinstance(opened, EpochOpened) else None
    return branch
