"""What waits for a person: findings of the fold, forks, quarantined rows, conflicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, literal, select, update

from central.store.bulk import among, by_programme, insert_rows
from central.store.schema import AUTHORISATIONS, CONFLICTS, EVENTS, FINDINGS, FORKS, QUARANTINE, ROWS
from programme.canonical import canonical_bytes, from_bytes
from programme.cloudevents import decode_event
from programme.events import CENTRAL, TYPE_NAMES, Decided, Event, Redeemed, Voided
from programme.fold.books import InstrumentKey
from programme.fold.effects import Finding, FindingKind
from programme.instants import from_us, to_us
from sync.chain import Row


def replace_findings(db: Connection, found: Mapping[InstrumentKey, Iterable[Finding]]) -> None:
    """Set what the fold found about instruments."""
    for programme, theirs in by_programme(found).items():
        db.execute(delete(FINDINGS).where(FINDINGS.c.programme == programme, among(db, FINDINGS.c.instrument, theirs)))
    rows = [
        (*key, position, finding.kind.value, canonical_bytes(finding).decode())
        for key, findings in found.items()
        for position, finding in enumerate(findings)
    ]
    insert_rows(db, FINDINGS, ("programme", "instrument", "position", "kind", "finding"), rows)


def findings(db: Connection, kinds: Iterable[FindingKind] = tuple(FindingKind)) -> list[tuple[str, Finding]]:
    """Programme and finding, of some kinds."""
    query = select(FINDINGS.c.programme, FINDINGS.c.finding).where(FINDINGS.c.kind.in_([kind.value for kind in kinds]))
    ordered = query.order_by(FINDINGS.c.programme, FINDINGS.c.instrument, FINDINGS.c.position)
    return [(row.programme, from_bytes(row.finding, Finding)) for row in db.execute(ordered)]


def findings_of(db: Connection, key: InstrumentKey) -> list[Finding]:
    """What the fold found about an instrument."""
    query = select(FINDINGS.c.finding).where(FINDINGS.c.programme == key[0], FINDINGS.c.instrument == key[1])
    return [from_bytes(found, Finding) for found in db.execute(query.order_by(FINDINGS.c.position)).scalars()]


Find: TypeAlias = Callable[[UUID], Event | None]
"""Finds an event that was received, stored already or about to be."""


def quarantine(
    db: Connection, device: str, row: Row, event: Event | None, *, reason: str, at: datetime, find: Find
) -> None:
    """Keep a row that isn't understood, verbatim, and what it took from an instrument if it can be read that far.

    Args:
        event: What it says, as far as it could be read.
    """
    key = {"device": device, "epoch": row.epoch, "seq": row.seq, "hash": row.hash.hex()}
    if db.execute(select(QUARANTINE.c.seq).filter_by(**key)).one_or_none() is None:
        values = {"bytes": row.event, "reason": reason, "received_at_us": to_us(at)}
        db.execute(insert(QUARANTINE).values(**key, **values, **_as_read(device, event, find)))


def _as_read(device: str, event: Event | None, find: Find) -> dict[str, str | int]:
    if event is None or event.source != device:
        return {}
    data = event.data
    if not isinstance(data, Redeemed | Voided) or data.counter.training or not _takes_value(data, find):
        return {"event_id": str(event.event_id)}
    return {
        "event_id": str(event.event_id),
        "programme": data.programme,
        "instrument": data.instrument,
        "amount_minor": data.amount_minor,
    }


def _takes_value(data: Redeemed | Voided, find: Find) -> bool:
    """Whether a spend, or a void of what gave value; nobody knows what a void of an unknown operation takes back."""
    target = find(data.target) if isinstance(data, Voided) else None
    return target is None or not isinstance(target.data, Redeemed)


def waiting_events(db: Connection, device: str) -> set[UUID]:
    """The events of a box's rows in quarantine, as far as they could be read; see `release`."""
    query = select(QUARANTINE.c.event_id).where(
        QUARANTINE.c.device == device, QUARANTINE.c.event_id.is_not(None), QUARANTINE.c.seq > 1
    )
    return {UUID(found) for found in db.execute(query).scalars()}


def release(db: Connection, event: Event, raw: bytes) -> None:
    """Take rows out of quarantine whose very event is booked, by whichever row it came.

    A first row stays: what it says of its epoch wasn't understood, and an epoch without its opening gets no grant.
    """
    same = (QUARANTINE.c.device == event.source, QUARANTINE.c.event_id == str(event.event_id), QUARANTINE.c.seq > 1)
    for row in db.execute(select(QUARANTINE).where(*same)).all():
        if row.bytes == raw:
            key = {"device": row.device, "epoch": row.epoch, "seq": row.seq, "hash": row.hash}
            db.execute(update(ROWS).filter_by(**key).values(event_id=row.event_id))
            db.execute(delete(QUARANTINE).filter_by(**key))


def quarantined_spends_minor(db: Connection, key: InstrumentKey) -> int:
    """What rows that wait for a person took from an instrument, unless an open ask of theirs keeps it free."""
    booked = select(EVENTS.c.event_id).where(EVENTS.c.event_id == QUARANTINE.c.event_id)
    kept_free = select(AUTHORISATIONS.c.authorisation).where(
        AUTHORISATIONS.c.authorisation == QUARANTINE.c.event_id,
        AUTHORISATIONS.c.device == QUARANTINE.c.device,
        AUTHORISATIONS.c.reserved_minor > 0,
        ~AUTHORISATIONS.c.ended,
    )
    spends = select(QUARANTINE.c.event_id, QUARANTINE.c.amount_minor).where(
        QUARANTINE.c.programme == key[0],
        QUARANTINE.c.instrument == key[1],
        ~booked.exists(),
        ~kept_free.exists(),
    )
    return sum({row.event_id: row.amount_minor for row in db.execute(spends)}.values())


def add_conflict(db: Connection, device: str, row: Row, *, event_id: UUID, at: datetime) -> None:
    """Keep other bytes under a known event id, verbatim."""
    key = {"device": device, "epoch": row.epoch, "seq": row.seq, "hash": row.hash.hex()}
    if db.execute(select(CONFLICTS.c.seq).filter_by(**key)).one_or_none() is None:
        values = {"event_id": str(event_id), "bytes": row.event, "received_at_us": to_us(at)}
        db.execute(insert(CONFLICTS).values(**key, **values))


def forks(db: Connection, most: int | None = None) -> list[dict[str, Any]]:
    """Rows of other branches that nobody has seen."""
    query = select(*_place_of(FORKS)).where(_is_unseen(FORKS)).limit(most)
    return [_row_to_json(row) for row in db.execute(query.order_by(FORKS.c.device, FORKS.c.epoch, FORKS.c.seq))]


def quarantined(db: Connection, most: int | None = None) -> list[dict[str, Any]]:
    """Rows that weren't understood and nobody has seen, each with the authorisation that it holds open, if any."""
    still_open = (
        (AUTHORISATIONS.c.authorisation == QUARANTINE.c.event_id)
        & (AUTHORISATIONS.c.device == QUARANTINE.c.device)
        & ~AUTHORISATIONS.c.ended
    )
    query = (
        select(*_place_of(QUARANTINE), QUARANTINE.c.reason, QUARANTINE.c.bytes, AUTHORISATIONS.c.authorisation)
        .outerjoin(AUTHORISATIONS, still_open)
        .where(_is_unseen(QUARANTINE))
        .order_by(QUARANTINE.c.device, QUARANTINE.c.epoch, QUARANTINE.c.seq)
        .limit(most)
    )
    return [
        _row_to_json(row)
        | {
            "reason": row.reason,
            "authorisation": row.authorisation,
            "event": row.bytes.decode("utf-8", "replace"),
        }
        for row in db.execute(query)
    ]


def conflicts(db: Connection, most: int | None = None) -> list[dict[str, Any]]:
    """Known event ids that came with other bytes, and nobody has seen."""
    query = (
        select(*_place_of(CONFLICTS), CONFLICTS.c.event_id, CONFLICTS.c.bytes)
        .where(_is_unseen(CONFLICTS))
        .order_by(CONFLICTS.c.device, CONFLICTS.c.epoch, CONFLICTS.c.seq)
        .limit(most)
    )
    return [
        _row_to_json(row) | {"event_id": row.event_id, "event": row.bytes.decode("utf-8", "replace")}
        for row in db.execute(query)
    ]


def count_set_aside(db: Connection) -> int:
    """How many rows nobody has seen."""
    return sum(
        int(db.execute(select(func.count()).select_from(table).where(_is_unseen(table))).scalar_one())
        for table in _SET_ASIDE
    )


def is_set_aside(db: Connection, row_id: UUID) -> bool:
    """Whether there is such a row."""
    return any(
        db.execute(select(table.c.seq).where(_id_of(table) == str(row_id)).limit(1)).first() is not None
        for table in _SET_ASIDE
    )


def decisions(db: Connection, most: int) -> list[Event]:
    """What was decided last, the newest first."""
    query = select(EVENTS.c.bytes).where(EVENTS.c.source == CENTRAL, EVENTS.c.type == TYPE_NAMES[Decided])
    newest = query.order_by(EVENTS.c.ordered_at_us.desc(), EVENTS.c.event_id.desc()).limit(most)
    return [decode_event(found) for found in db.execute(newest).scalars()]


_SET_ASIDE = (FORKS, QUARANTINE, CONFLICTS)


def _id_of(table: Table) -> ColumnElement[str]:
    """The id by which a decision names a row: which table, then the start of its hash, which names it well enough."""
    digest = table.c.hash
    named: ColumnElement[str] = literal(str(_SET_ASIDE.index(table))).concat(func.substr(digest, 1, 7))
    for first, length in ((8, 4), (12, 4), (16, 4), (20, 12)):
        named = named.concat("-").concat(func.substr(digest, first, length))
    return named


def _is_unseen(table: Table) -> ColumnElement[bool]:
    seen = select(EVENTS.c.event_id).where(
        EVENTS.c.target == _id_of(table), EVENTS.c.source == CENTRAL, EVENTS.c.type == TYPE_NAMES[Decided]
    )
    return ~seen.exists()


def _place_of(table: Table) -> tuple[ColumnElement[Any], ...]:
    columns = table.c
    return (
        _id_of(table).label("row_id"),
        columns.device,
        columns.epoch,
        columns.seq,
        columns.hash,
        columns.received_at_us,
    )


def _row_to_json(row: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "row": row.row_id,
        "device": row.device,
        "epoch": row.epoch,
        "seq": row.seq,
        "hash": row.hash,
        "at": _at(row.received_at_us),
    }


def _at(us: int) -> str:
    return from_us(us).isoformat()
