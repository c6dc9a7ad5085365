"""Closing a business day, and before a month's or a year's first one the months and years that are over; signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from programme.events import DayClosed, Event
from programme.state import DAY, PERPETUAL, Records, totals
from sync.closures import sign_closure
from sync.journal import Transaction


def days_to_close(records: Records, *, up_to: date) -> list[date]:
    """Business days with operations that aren't closed yet, the oldest first."""
    days = (date.fromisoformat(key.removeprefix(DAY)) for key in records if key.startswith(DAY))
    return sorted(day for day in days if day <= up_to)


def close_day(tx: Transaction, *, day: date, key: Ed25519PrivateKey, new_id: Callable[[], UUID]) -> Event:
    """Close a day, after the months and years before it; what is done later on its date is for another closure.

    Returns:
        The day's closure.
    """
    for period in tx.periods_to_close(before=day):
        tx.append(new_id(), sign_closure(period, key))
    closed = DayClosed(
        business_day=day,
        totals=totals(tx.records, f"{DAY}{day}").programmes,
        perpetual=totals(tx.records, PERPETUAL).programmes,
        signature="",
    )
    return tx.append(new_id(), sign_closure(closed, key))
