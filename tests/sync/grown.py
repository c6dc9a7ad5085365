"""A journal with many rows, written through the real row functions in few large commits."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid_utils.compat import uuid7

from programme.cloudevents import encode_event
from programme.events import Counter, DayClosed, Earned, EventData, Evidence
from programme.state import DAY, PERPETUAL, Record, evolve, totals
from sync.clock import LinuxClock
from sync.closures import sign_closure
from sync.journal import Journal, Transaction

DEVICE = "box-a"
FIRST_DAY = date(2026, 5, 4)
_AT_ONCE = 20_000


def grown_journal(path: Path, key: Ed25519PrivateKey, rows: int, *, rows_a_day: int = 500) -> None:
    """Write a journal of so many rows: earns, and a closure a day."""
    signed_time = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
    journal = Journal.create(path, device=DEVICE, key=key, clock=LinuxClock(), signed_time=signed_time)
    filler = _Filler(key=key, rows_a_day=rows_a_day)
    try:
        for first in range(2, rows + 1, _AT_ONCE):
            last = min(first + _AT_ONCE - 1, rows)
            journal.submit(lambda tx, first=first, last=last: filler.fill(tx, first, last)).result()  # type: ignore[misc]
    finally:
        journal.close()


class _Filler:
    """Adds the state up in memory, and stores it once a commit."""

    def __init__(self, *, key: Ed25519PrivateKey, rows_a_day: int) -> None:
        self._key = key
        self._rows_a_day = rows_a_day
        self._records: dict[str, Record] = {}

    def fill(self, tx: Transaction, first: int, last: int) -> None:
        """Write the rows of some numbers, and what they add up to."""
        session = tx._session
        self._records = self._records or dict(session.records)
        before = self._records.keys() | set()
        for number in range(first, last + 1):
            event = session.event(uuid7(), self._data(number), None)
            session.write(event, encode_event(event))
            changes = evolve(self._records, event)
            self._records |= {key: record for key, record in changes.items() if record is not None}
            for key in [key for key, record in changes.items() if record is None]:
                self._records.pop(key, None)
        session.records.change(dict.fromkeys(before - self._records.keys()) | self._records)

    def _data(self, number: int) -> EventData:
        day = FIRST_DAY + timedelta(days=number // self._rows_a_day)
        if number % self._rows_a_day:
            return _earned(number, day)
        closed = DayClosed(
            business_day=day - timedelta(days=1),
            totals=totals(self._records, f"{DAY}{day - timedelta(days=1)}").programmes,
            perpetual=totals(self._records, PERPETUAL).programmes,
            signature="",
        )
        return sign_closure(closed, self._key)


def _earned(number: int, day: date) -> Earned:
    return Earned(
        programme="card",
        instrument=f"k{number % 5_000}",
        currency="EUR",
        basket_minor=2_360,
        amount_minor=118,
        counter=Counter(shop="librairie", till="1", business_day=day),
        evidence=Evidence(rules_version=1),
    )
