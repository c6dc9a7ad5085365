"""The books' check for the office: taken now and then, for it folds everything from scratch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeAlias

from central.audit import Audit, audit
from central.work import Work, Workshop
from programme.fold.effects import LOSS, held

JSON: TypeAlias = dict[str, Any]

SHARE = 20
"""The books are checked again after so many times as long as the last check took: a twentieth of the time at most."""
AT_LEAST_EVERY_S = 5.0
MOST_VIOLATIONS = 5
HELD = held("")


class BooksCheck:
    """The audit's newest verdict; one takes it for all."""

    def __init__(self, workshop: Workshop, *, monotonic_s: Callable[[], float]) -> None:
        self._workshop = workshop
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._next_s = 0.0
        self._seen: object = None
        self._told: JSON | None = None

    def newest(self) -> JSON:
        """The newest verdict; the first one is waited for."""
        if self._told is None:
            self.check(None)
        assert self._told is not None
        return self._told

    def check(self, seen: object) -> object:
        """Check again, if something changed since the last check and that one is long enough ago.

        Args:
            seen: The database's stamp.

        Returns:
            What changes with each verdict.
        """
        with self._lock:
            started_s = self._monotonic_s()
            if self._told is None or (seen != self._seen and started_s >= self._next_s):
                with self._workshop.read() as work:
                    self._told = _books(audit(work), work)
                ended_s = self._monotonic_s()
                self._next_s = ended_s + max(AT_LEAST_EVERY_S, SHARE * (ended_s - started_s))
                self._seen = seen
            return self._told["checked_at"]


def _books(result: Audit, work: Work) -> JSON:
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
        "programmes": _programmes(result, work),
    }


def _programmes(result: Audit, work: Work) -> list[JSON]:
    rules = work.newest_rules()
    losses, waiting = _sums(result)
    return [
        {
            "programme": programme,
            "name": {"fr": rules[programme].name_fr, "en": rules[programme].name_en},
            "currency": rules[programme].currency_code,
            "issued_minor": flow.issued_minor,
            "sold_minor": flow.sold_minor,
            "earned_minor": flow.earned_minor,
            "outstanding_minor": flow.outstanding_minor,
            "redeemed_minor": flow.redeemed_minor,
            "cancelled_minor": flow.cancelled_minor,
            "loss_minor": losses.get(programme, 0),
            "held_minor": waiting.get(programme, 0),
            "may_be_accepted_minor": result.open_ceilings_minor.get(programme, 0),
        }
        for programme, flow in sorted(result.flows.items())
    ]


def _sums(result: Audit) -> tuple[dict[str, int], dict[str, int]]:
    """What each programme lost, and what waits for a person."""
    losses: dict[str, int] = {}
    waiting: dict[str, int] = {}
    for (programme, _, account), balance_minor in result.balances.items():
        if account == LOSS:
            losses[programme] = losses.get(programme, 0) - balance_minor
        elif account.startswith(HELD):
            waiting[programme] = waiting.get(programme, 0) + balance_minor
    return losses, waiting
