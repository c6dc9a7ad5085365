"""The books' check for the office: taken now and then beside all else, for it folds everything from scratch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeAlias

from central.audit import Audit, audit
from central.web.state import books_stamp
from central.work import Work, Workshop

JSON: TypeAlias = dict[str, Any]

SHARE = 20
"""The books are checked again after so many times as long as the last check took: a twentieth of the time at most."""
AT_LEAST_EVERY_S = 5.0
EVERY_S = 3600.0
"""Even if nothing came: somebody may have written into the database by hand."""
MOST_VIOLATIONS = 5


class BooksCheck:
    """The audit's newest verdict; one takes it for all.

    Attributes:
        newest: None until the first one is there.
    """

    def __init__(self, workshop: Workshop, *, monotonic_s: Callable[[], float]) -> None:
        self.newest: JSON | None = None
        self._workshop = workshop
        self._monotonic_s = monotonic_s
        self._checking = threading.Lock()
        self._next_s: float | None = None
        self._checked_s = 0.0
        self._seen: object = None

    def check(self) -> None:
        """Check again, if something changed since the last check and that one is long enough ago.

        Meant to be called every second, in a thread.
        """
        started_s = self._monotonic_s()
        if (self._next_s is not None and started_s < self._next_s) or not self._checking.acquire(blocking=False):
            return
        try:
            with self._workshop.read() as work:
                seen = books_stamp(work)
                if self.newest is not None and seen == self._seen and started_s < self._checked_s + EVERY_S:
                    return
                self.newest = _verdict(audit(work), work)
        finally:
            self._checking.release()
        ended_s = self._monotonic_s()
        self._seen, self._checked_s = seen, ended_s
        self._next_s = ended_s + max(AT_LEAST_EVERY_S, SHARE * (ended_s - started_s))


def _verdict(result: Audit, work: Work) -> JSON:
    return {
        "holds": result.holds,
        "checked_at": work.now.isoformat(),
        "events": result.events,
        "entries": result.entries,
        "promises": [
            {
                "name": invariant.name,
                "checked": invariant.checked,
                "violations": list(invariant.violations[:MOST_VIOLATIONS]),
            }
            for invariant in result.invariants
        ],
        "flows": {
            programme: {
                "issued_minor": flow.issued_minor,
                "sold_minor": flow.sold_minor,
                "earned_minor": flow.earned_minor,
                "redeemed_minor": flow.redeemed_minor,
                "cancelled_minor": flow.cancelled_minor,
            }
            for programme, flow in result.flows.items()
        },
    }
