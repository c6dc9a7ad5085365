"""What central has booked of one box: the totals that a forked box goes on from, so that they never decrease."""

from __future__ import annotations

from sqlalchemy import Connection

from central.store import events
from programme.events import OPERATIONS, ProgrammeTotals
from programme.state import count_operation


def booked_totals(db: Connection, device: str) -> dict[str, ProgrammeTotals]:
    """Perpetual totals by programme: those of the box's last closure, and what followed it."""
    closed = events.last_closure(db, device)
    sums = dict(closed.perpetual) if closed is not None else {}
    for event in events.operations_since_closure(db, device):
        data = event.data
        if isinstance(data, OPERATIONS) and not data.counter.training:
            sums[data.programme] = count_operation(sums.get(data.programme, ProgrammeTotals()), data)
    return sums
