"""Boxes' journal rows as central knows them, and where each epoch's watermark stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, delete, func, insert, literal, or_, select, union_all, update

from central.store.bulk import insert_rows
from central.store.schema import CONFLICTS, EPOCHS, EVENTS, FORKS, QUARANTINE, ROWS
from programme.cloudevents import decode_event
from programme.events import Event, RowLink
from programme.instants import to_us
from sync.chain import GENESIS, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The highest contiguous row; seq 0 and `GENESIS` when there is none."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRow:
    """A stored row's place in the chain."""

    hash: bytes
    previous: bytes


_MAX_COUNTER_DIGITS = 9

NO_ROW = Mark(seq=0, hash=GENESIS)


def watermark(db: Connection, device: str, epoch: str) -> Mark:
    """Where an epoch's watermark stands; `NO_ROW` for an unknown epoch."""
    return _watermark(db, device, epoch) or NO_ROW


def _watermark(db: Connection, device: str, epoch: str) -> Mark | None:
    query = select(EPOCHS).where(EPOCHS.c.device == device, EPOCHS.c.epoch == epoch)
    row = db.execute(query).one_or_none()
    return None if row is None else Mark(seq=row.watermark_seq, hash=bytes.fromhex(row.watermark_hash))


def open_epoch(db: Connection, device: str, epoch: str) -> Mark:
    """Make an epoch known; returns where its watermark stands."""
    mark = _watermark(db, device, epoch)
    if mark is None:
        values = {"device": device, "epoch": epoch, "watermark_seq": 0, "watermark_hash": GENESIS.hex()}
        db.execute(insert(EPOCHS).values(**values))
    return mark or NO_ROW


def counter_of(epoch: str) -> int:
    """A box counts its epochs; -1 for what is no epoch."""
    counter = epoch.partition("-")[0]
    return int(counter) if counter.isascii() and counter.isdecimal() and len(counter) <= _MAX_COUNTER_DIGITS else -1


def latest_epoch(db: Connection, device: str) -> str | None:
    """A box's newest epoch by its counter, as far as its rows have come; a late batch of an older one changes nothing.

    An epoch whose opening is booked goes before one without.
    """
    rows = db.execute(select(EPOCHS.c.epoch, EPOCHS.c.number).where(EPOCHS.c.device == device)).all()
    if not rows:
        return None
    opened = opened_epochs(db, device)
    latest: str = max(rows, key=lambda row: (row.epoch in opened, counter_of(row.epoch), row.number)).epoch
    return latest


def opened_epochs(db: Connection, device: str) -> set[str]:
    """Epochs whose first row is booked, and not in quarantine."""
    # Through the epochs, which are few: rows are found by epoch and seq, not by seq alone.
    is_first = and_(ROWS.c.device == EPOCHS.c.device, ROWS.c.epoch == EPOCHS.c.epoch, ROWS.c.seq == 1)
    first = select(ROWS.c.epoch).select_from(EPOCHS).join(ROWS, is_first)
    return set(db.execute(first.where(EPOCHS.c.device == device, ROWS.c.event_id.is_not(None))).scalars())


def event_before(db: Connection, device: str, epoch: str, seq: int) -> Event | None:
    """The event of the nearest booked row before a place on central's branch."""
    query = (
        select(EVENTS.c.bytes)
        .join(ROWS, ROWS.c.event_id == EVENTS.c.event_id)
        .where(ROWS.c.device == device, ROWS.c.epoch == epoch, ROWS.c.seq < seq, EVENTS.c.source == device)
    )
    raw = db.execute(query.order_by(ROWS.c.seq.desc()).limit(1)).scalar_one_or_none()
    return None if raw is None else decode_event(raw)


def has_row(db: Connection, device: str, link: RowLink) -> bool:
    """Whether a row is on central's branch, up to the watermark."""
    query = select(ROWS.c.seq).filter_by(device=device, epoch=link.epoch, seq=link.seq, hash=link.hash)
    booked = db.execute(query).one_or_none() is not None
    return booked and link.seq <= watermark(db, device, link.epoch).seq


def forked(db: Connection, device: str, epoch: str, seq: int, digest: bytes) -> bytes | None:
    """The bytes of a row of another branch."""
    query = select(FORKS.c.bytes).filter_by(device=device, epoch=epoch, seq=seq, hash=digest.hex())
    found: bytes | None = db.execute(query).scalar_one_or_none()
    return found


def set_aside(db: Connection, device: str, rows: Collection[Row]) -> dict[bytes, tuple[bool, str]]:
    """Those of some rows of one epoch that wait for a person, by hash: whether as a conflict, and why in quarantine."""
    if not rows:
        return {}
    epoch, seqs = next(iter(rows)).epoch, [row.seq for row in rows]
    found: dict[bytes, tuple[bool, str]] = {}
    for table, reason in ((CONFLICTS, literal("")), (QUARANTINE, QUARANTINE.c.reason)):
        query = select(table.c.hash, reason.label("reason")).where(
            table.c.device == device, table.c.epoch == epoch, table.c.seq.between(min(seqs), max(seqs))
        )
        for row in db.execute(query):
            is_conflict, _ = found.get(bytes.fromhex(row.hash), (table is CONFLICTS, ""))
            found[bytes.fromhex(row.hash)] = is_conflict, row.reason
    return found


def latest_set_aside(db: Connection, device: str, epoch: str, *, up_to: int, limit: int) -> list[tuple[int, bool]]:
    """The last rows of central's branch that wait for a person, newest first, each with whether it is a conflict."""
    parts = []
    for table in (QUARANTINE, CONFLICTS):
        is_same = and_(*(ROWS.c[name] == table.c[name] for name in ("device", "epoch", "seq", "hash")))
        theirs = (table.c.device == device, table.c.epoch == epoch, table.c.seq <= up_to)
        parts.append(
            select(table.c.seq, literal(table is CONFLICTS).label("is_conflict")).join(ROWS, is_same).where(*theirs)
        )
    waiting = union_all(*parts).subquery()
    query = select(waiting).order_by(waiting.c.seq.desc(), waiting.c.is_conflict.desc()).limit(limit)
    return [(row.seq, row.is_conflict) for row in db.execute(query)]


def set_watermark(db: Connection, device: str, epoch: str, mark: Mark) -> None:
    """Move an epoch's watermark."""
    same = (EPOCHS.c.device == device) & (EPOCHS.c.epoch == epoch)
    db.execute(update(EPOCHS).where(same).values(watermark_seq=mark.seq, watermark_hash=mark.hash.hex()))


def known_rows(
    db: Connection, device: str, epoch: str, *, first_seq: int, last_seq: int, above: int
) -> dict[int, KnownRow]:
    """The rows between two seqs, and all above a third."""
    query = select(ROWS.c.seq, ROWS.c.hash, ROWS.c.previous).where(
        ROWS.c.device == device,
        ROWS.c.epoch == epoch,
        or_(and_(ROWS.c.seq >= first_seq, ROWS.c.seq <= last_seq), ROWS.c.seq > above),
    )
    return {
        row.seq: KnownRow(hash=bytes.fromhex(row.hash), previous=bytes.fromhex(row.previous))
        for row in db.execute(query)
    }


def add(db: Connection, device: str, rows: Iterable[tuple[Row, UUID | None]]) -> None:
    """Store rows, each with its event, or with None while it is in quarantine."""
    columns = ("device", "epoch", "seq", "hash", "previous", "event_id")
    values = (
        (device, row.epoch, row.seq, row.hash.hex(), row.previous.hex(), str(event_id) if event_id else None)
        for row, event_id in rows
    )
    insert_rows(db, ROWS, columns, values)


def add_fork(db: Connection, device: str, row: Row, *, at: datetime) -> bool:
    """Keep a row of another branch, verbatim; False where it is kept already."""
    key = {"device": device, "epoch": row.epoch, "seq": row.seq, "hash": row.hash.hex()}
    if db.execute(select(FORKS.c.seq).filter_by(**key)).one_or_none() is not None:
        return False
    values = {"previous": row.previous.hex(), "bytes": row.event, "received_at_us": to_us(at)}
    db.execute(insert(FORKS).values(**key, **values))
    return True


def evict(db: Connection, device: str, epoch: str, *, first_seq: int, at: datetime) -> None:
    """Move rows beyond the watermark to the forks: they turned out to be of another branch."""
    theirs = (ROWS.c.device == device) & (ROWS.c.epoch == epoch) & (ROWS.c.seq >= first_seq)
    for row in db.execute(select(ROWS).where(theirs)).all():
        forked = Row(
            epoch=epoch,
            seq=row.seq,
            event=_verbatim(db, device, epoch, row.seq, row.hash, row.event_id),
            previous=bytes.fromhex(row.previous),
            hash=bytes.fromhex(row.hash),
        )
        add_fork(db, device, forked, at=at)
    db.execute(delete(ROWS).where(theirs))


def count_rows(db: Connection) -> int:
    """How many rows there are, of every box."""
    return int(db.execute(select(func.count()).select_from(ROWS)).scalar_one())


def gaps(db: Connection) -> list[dict[str, Any]]:
    """Rows that are missing below rows that have come."""
    beyond = and_(ROWS.c.device == EPOCHS.c.device, ROWS.c.epoch == EPOCHS.c.epoch, ROWS.c.seq > EPOCHS.c.watermark_seq)
    query = (
        select(EPOCHS.c.device, EPOCHS.c.epoch, EPOCHS.c.watermark_seq, func.min(ROWS.c.seq).label("above"))
        .join(ROWS, beyond)
        .group_by(EPOCHS.c.device, EPOCHS.c.epoch, EPOCHS.c.watermark_seq)
        .order_by(EPOCHS.c.device, EPOCHS.c.epoch)
    )
    return [
        {"device": row.device, "epoch": row.epoch, "first_seq": row.watermark_seq + 1, "last_seq": row.above - 1}
        for row in db.execute(query)
    ]


def rows_without_event(db: Connection) -> list[str]:
    """Rows whose event is gone: somebody deleted it by hand."""
    query = (
        select(ROWS.c.device, ROWS.c.epoch, ROWS.c.seq)
        .outerjoin(EVENTS, EVENTS.c.event_id == ROWS.c.event_id)
        .where(ROWS.c.event_id.is_not(None), EVENTS.c.event_id.is_(None))
        .order_by(ROWS.c.device, ROWS.c.epoch, ROWS.c.seq)
    )
    return [f"{row.device} {row.epoch}/{row.seq}" for row in db.execute(query)]


def _verbatim(db: Connection, device: str, epoch: str, seq: int, digest: str, event_id: str | None) -> bytes:
    """A row's event bytes: beside the event where they differ from it or weren't understood."""
    for table in (QUARANTINE, CONFLICTS):
        query = select(table.c.bytes).filter_by(device=device, epoch=epoch, seq=seq, hash=digest)
        apart: bytes | None = db.execute(query).scalar_one_or_none()
        if apart is not None:
            return apart
    stored: bytes = db.execute(select(EVENTS.c.bytes).where(EVENTS.c.event_id == event_id)).scalar_one()
    return stored
