"""Closing a business day: its totals and the perpetual ones, signed by the journal key."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from programme.canonical import canonical_bytes
from programme.events import DayClosed, Event
from programme.state import DAY, PERPETUAL, Records, totals
from sync.chain import b64, sign
from sync.journal import Transaction

CLOSURE_CONTEXT = "closure"


def days_to_close(records: Records, *, up_to: date) -> list[date]:
    """Business days with operations that aren't closed yet, the oldest first."""
    days = (date.fromisoformat(key.removeprefix(DAY)) for key in records if key.startswith(DAY))
    return sorted(day for day in days if day <= up_to)


def close_day(tx: Transaction, *, day: date, key: Ed25519PrivateKey, event_id: UUID) -> Event:
    """Close a day; what is done later on the same date is summed up by another closure."""
    unsigned = DayClosed(
        business_day=day,
        totals=totals(tx.records, f"{DAY}{day}").programmes,
        perpetual=totals(tx.records, PERPETUAL).programmes,
        signature="",
    )
    signature = b64(sign(key, CLOSURE_CONTEXT, signed_part(unsigned)))
    return tx.append(event_id, replace(unsigned, signature=signature))


def signed_part(closed: DayClosed) -> bytes:
    """What a closure's signature covers: all of it but the signature itself."""
    rest = msgspec.to_builtins(closed)
    del rest["signature"]
    return canonical_bytes(rest)
