"""The ledger: entries that each sum to zero, and are never changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, func, insert, select

from central.errors import LedgerError
from central.store.events import chunks
from central.store.instants import to_us
from central.store.schema import LEDGER_ENTRIES, POSTINGS
from programme.fold.books import Account
from programme.fold.effects import Postings


def write(db: Connection, event_id: UUID, *, programme: str, currency: str, postings: Postings, at: datetime) -> None:
    """Book what an event does, or by how much that changed.

    Raises:
        LedgerError: The postings don't sum to zero.
    """
    if sum(postings.values()) != 0:
        raise LedgerError(f"event {event_id}: postings don't sum to zero, nothing was booked; report this defect")
    result = db.execute(
        insert(LEDGER_ENTRIES),
        {"event_id": str(event_id), "programme": programme, "currency": currency, "booked_at_us": to_us(at)},
    )
    assert result.inserted_primary_key is not None
    entry = result.inserted_primary_key[0]
    db.execute(
        insert(POSTINGS),
        [{"entry": entry, "account": account, "amount_minor": amount} for account, amount in postings.items()],
    )


def booked(db: Connection, event_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """What the ledger holds in all for each of these events; zero sums are absent."""
    sums: dict[UUID, dict[str, int]] = defaultdict(dict)
    total = func.sum(POSTINGS.c.amount_minor)
    for part in chunks(map(str, event_ids)):
        query = (
            select(LEDGER_ENTRIES.c.event_id, POSTINGS.c.account, total.label("total"))
            .join(POSTINGS, POSTINGS.c.entry == LEDGER_ENTRIES.c.entry)
            .where(LEDGER_ENTRIES.c.event_id.in_(part))
            .group_by(LEDGER_ENTRIES.c.event_id, POSTINGS.c.account)
            .having(total != 0)
        )
        for row in db.execute(query):
            sums[UUID(row.event_id)][row.account] = int(row.total)
    return dict(sums)


def every_booked(db: Connection) -> dict[UUID, dict[str, int]]:
    """What the ledger holds in all for every event; zero sums are absent."""
    found = db.execute(select(LEDGER_ENTRIES.c.event_id).distinct()).scalars()
    return booked(db, [UUID(event_id) for event_id in found])


def balances(db: Connection) -> dict[Account, int]:
    """Minor units by account; zero balances are absent."""
    total = func.sum(POSTINGS.c.amount_minor)
    query = (
        select(LEDGER_ENTRIES.c.programme, LEDGER_ENTRIES.c.currency, POSTINGS.c.account, total.label("total"))
        .join(POSTINGS, POSTINGS.c.entry == LEDGER_ENTRIES.c.entry)
        .group_by(LEDGER_ENTRIES.c.programme, LEDGER_ENTRIES.c.currency, POSTINGS.c.account)
        .having(total != 0)
        .order_by(LEDGER_ENTRIES.c.programme, LEDGER_ENTRIES.c.currency, POSTINGS.c.account)
    )
    return {(row.programme, row.currency, row.account): int(row.total) for row in db.execute(query)}


def count_entries(db: Connection) -> int:
    """How many entries there are."""
    return int(db.execute(select(func.count()).select_from(LEDGER_ENTRIES)).scalar_one())


def unbalanced_entries(db: Connection) -> list[int]:
    """Entries that don't sum to zero: somebody wrote into the database by hand."""
    total = func.sum(POSTINGS.c.amount_minor)
    query = select(POSTINGS.c.entry).group_by(POSTINGS.c.entry).having(total != 0).order_by(POSTINGS.c.entry)
    return [int(entry) for entry in db.execute(query).scalars()]
