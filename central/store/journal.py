"""Boxes' journal rows as central knows them, and where each epoch's watermark stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from central.store.instants import to_us
from central.store.schema import CONFLICTS, EPOCHS, EVENTS, FORKS, QUARANTINE, ROWS
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


NO_ROW = Mark(seq=0, hash=GENESIS)


def watermark(db: Connection, device: str, epoch: str) -> Mark:
    """Where an epoch's watermark stands; `NO_ROW` for an unknown epoch."""
    query = select(EPOCHS).where(EPOCHS.c.device == device, EPOCHS.c.epoch == epoch)
    row = db.execute(query).one_or_none()
    return NO_ROW if row is None else Mark(seq=row.watermark_seq, hash=bytes.fromhex(row.watermark_hash))


def open_epoch(db: Connection, device: str, epoch: str) -> None:
    """Make an epoch known."""
    query = select(EPOCHS.c.number).where(EPOCHS.c.device == device, EPOCHS.c.epoch == epoch)
    if db.execute(query).one_or_none() is None:
        values = {"device": device, "epoch": epoch, "watermark_seq": 0, "watermark_hash": GENESIS.hex()}
        db.execute(insert(EPOCHS).values(**values))


def latest_epoch(db: Connection, device: str) -> str | None:
    """The epoch that a box opened last, as far as its rows have come."""
    query = select(EPOCHS.c.epoch).where(EPOCHS.c.device == device).order_by(EPOCHS.c.number.desc()).limit(1)
    found: str | None = db.execute(query).scalar_one_or_none()
    return found


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


def add(db: Connection, device: str, row: Row, *, event_id: UUID | None) -> None:
    """Store a row; the event is None while the row is in quarantine."""
    db.execute(
        insert(ROWS),
        {
            "device": device,
            "epoch": row.epoch,
            "seq": row.seq,
            "hash": row.hash.hex(),
            "previous": row.previous.hex(),
            "event_id": str(event_id) if event_id else None,
        },
    )


def add_fork(db: Connection, device: str, row: Row, *, at: datetime) -> None:
    """Keep a row of another branch, verbatim."""
    key = {"device": device, "epoch": row.epoch, "seq": row.seq, "hash": row.hash.hex()}
    if db.execute(select(FORKS.c.seq).filter_by(**key)).one_or_none() is None:
        values = {"previous": row.previous.hex(), "bytes": row.event, "received_at_us": to_us(at)}
        db.execute(insert(FORKS).values(**key, **values))


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
