"""What central has booked of one box: the totals that a forked box goes on from, so that they never decrease."""

from __future__ import annotations

from datetime import timedelta

from central.store import events
from central.work import Work
from programme.events import OPERATIONS, DayClosed, ProgrammeTotals
from programme.state import at_least, count_operation

COUNTED_FOR = timedelta(days=40)
"""Disks are seldom put back to an older state; what is older is taken from closures, not summed up anew."""


def booked_totals(work: Work, device: str) -> dict[str, ProgrammeTotals]:
    """Perpetual totals by programme: every operation once, whatever its branch, and no closure's totals undercut.

    A closure knows its own branch alone, and the newest one may be of the branch that knows less. So closures are lower
    bounds, and operations are counted from well before the newest.
    """
    closures = events.closures(work.db, device)
    settled = [closure.ordered_at for closure in closures if closure.ordered_at <= work.now - COUNTED_FOR]
    operations = events.operations_after(work.db, device, max(settled, default=None))
    sums: dict[str, ProgrammeTotals] = {}
    for event in sorted([*closures, *operations], key=lambda event: event.order):
        data = event.data
        if isinstance(data, DayClosed):
            sums = at_least(sums, data.perpetual)
        elif isinstance(data, OPERATIONS) and not data.counter.training:
            sums[data.programme] = count_operation(sums.get(data.programme, ProgrammeTotals()), data)
    return sums
