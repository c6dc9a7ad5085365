"""The ledger: entries that each sum to zero, and are never changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, func, select

from central.errors import LedgerError
from central.store.bulk import among, by_programme, insert_rows
from central.store.schema import EVENTS, LEDGER_ENTRIES, POSTINGS
from programme.fold.books import Account, InstrumentKey
from programme.fold.effects import Postings
from programme.instants import to_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What an event does to the books, or by how much that changed."""

    event_id: UUID
    programme: str
    currency: str
    postings: Postings


def write(db: Connection, entries: Sequence[Entry], *, at: datetime) -> None:
    """Book entries.

    Raises:
        LedgerError: The postings of one don't sum to zero.
    """
    for entry in entries:
        if sum(entry.postings.values()) != 0:
            raise LedgerError(
                f"event {entry.event_id}: postings don't sum to zero, nothing was booked; report this defect"
            )
    if not entries:
        return
    numbers = _numbers(db, len(entries))
    rows = [
        (number, str(entry.event_id), entry.programme, entry.currency, to_us(at))
        for number, entry in zip(numbers, entries, strict=True)
    ]
    postings = [
        (number, account, amount_minor)
        for number, entry in zip(numbers, entries, strict=True)
        for account, amount_minor in entry.postings.items()
    ]
    insert_rows(db, LEDGER_ENTRIES, ("entry", "event_id", "programme", "currency", "booked_at_us"), rows)
    insert_rows(db, POSTINGS, ("entry", "account", "amount_minor"), postings)


def _numbers(db: Connection, count: int) -> list[int]:
    """The next numbers of entries, as the database counts them."""
    if db.dialect.name == "postgresql":
        number = func.nextval(func.pg_get_serial_sequence("ledger_entries", "entry"))
        return list(db.execute(select(number).select_from(func.generate_series(1, count))).scalars())
    last = db.execute(select(func.coalesce(func.max(LEDGER_ENTRIES.c.entry), 0))).scalar_one()
    return list(range(last + 1, last + 1 + count))


def booked(db: Connection, event_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """What the ledger holds in all for each of these events; zero sums are absent."""
    return _sums(db, _by_event().where(among(db, LEDGER_ENTRIES.c.event_id, event_ids)))


def booked_of(db: Connection, keys: Collection[InstrumentKey]) -> dict[UUID, dict[str, int]]:
    """What the ledger holds in all for each event of these instruments; zero sums are absent."""
    sums: dict[UUID, dict[str, int]] = {}
    for programme, theirs in by_programme(keys).items():
        named = _by_event().join(EVENTS, EVENTS.c.event_id == LEDGER_ENTRIES.c.event_id)
        sums |= _sums(db, named.where(EVENTS.c.programme == programme, among(db, EVENTS.c.instrument, theirs)))
    return sums


def _by_event() -> Select[Any]:
    total = func.sum(POSTINGS.c.amount_minor)
    return (
        select(LEDGER_ENTRIES.c.event_id, POSTINGS.c.account, total.label("total"))
        .join(POSTINGS, POSTINGS.c.entry == LEDGER_ENTRIES.c.entry)
        .group_by(LEDGER_ENTRIES.c.event_id, POSTINGS.c.account)
        .having(total != 0)
    )


def _sums(db: Connection, query: Select[Any]) -> dict[UUID, dict[str, int]]:
    sums: dict[UUID, dict[str, int]] = defaultdict(dict)
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
