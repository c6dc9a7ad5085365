"""Closing a business day: its totals and the perpetual ones, signed by the journal key."""

from __future__ import annotations

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


def close_day(tx: Transaction, *, day: date, key: Ed25519PrivateKey, event_id: UUID) -> Event:
    """Close a day; what is done later on the same date is summed up by another closure."""
    closed = DayClosed(
        business_day=day,
        totals=totals(tx.records, f"{DAY}{day}").programmes,
        perpetual=totals(tx.records, PERPETUAL).programmes,
        signature="",
    )
    return tx.append(event_id, sign_closure(closed, key))
