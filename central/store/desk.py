"""What waits for a person: findings of the fold, forks, quarantined rows, conflicts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select

from central.store.instants import from_us, to_us
from central.store.schema import CONFLICTS, FINDINGS, FORKS, QUARANTINE
from programme.canonical import canonical_bytes, from_bytes
from programme.fold.books import InstrumentKey
from programme.fold.effects import Finding, FindingKind
from sync.chain import Row


def replace_findings(db: Connection, key: InstrumentKey, findings: Iterable[Finding]) -> None:
    """Set what the fold found about an instrument."""
    programme, instrument = key
    db.execute(delete(FINDINGS).where(FINDINGS.c.programme == programme, FINDINGS.c.instrument == instrument))
    rows = [
        {
            "programme": programme,
            "instrument": instrument,
            "position": position,
            "kind": finding.kind.value,
            "finding": canonical_bytes(finding).decode(),
        }
        for position, finding in enumerate(findings)
    ]
    if rows:
        db.execute(insert(FINDINGS), rows)


def findings(db: Connection, kinds: Iterable[FindingKind] = tuple(FindingKind)) -> list[tuple[str, Finding]]:
    """Programme and finding, of some kinds."""
    query = select(FINDINGS.c.programme, FINDINGS.c.finding).where(FINDINGS.c.kind.in_([kind.value for kind in kinds]))
    ordered = query.order_by(FINDINGS.c.programme, FINDINGS.c.instrument, FINDINGS.c.position)
    return [(row.programme, from_bytes(row.finding, Finding)) for row in db.execute(ordered)]


def quarantine(db: Connection, device: str, row: Row, *, reason: str, at: datetime) -> None:
    """Keep a row that isn't understood, verbatim."""
    key = {"device": device, "epoch": row.epoch, "seq": row.seq, "hash": row.hash.hex()}
    if db.execute(select(QUARANTINE.c.seq).filter_by(**key)).one_or_none() is None:
        values = {"bytes": row.event, "reason": reason, "received_at_us": to_us(at)}
        db.execute(insert(QUARANTINE).values(**key, **values))


def add_conflict(db: Connection, device: str, row: Row, *, event_id: UUID, at: datetime) -> None:
    """Keep other bytes under a known event id, verbatim."""
    key = {"device": device, "epoch": row.epoch, "seq": row.seq, "hash": row.hash.hex()}
    if db.execute(select(CONFLICTS.c.seq).filter_by(**key)).one_or_none() is None:
        values = {"event_id": str(event_id), "bytes": row.event, "received_at_us": to_us(at)}
        db.execute(insert(CONFLICTS).values(**key, **values))


def forks(db: Connection) -> list[dict[str, Any]]:
    """Rows of other branches."""
    query = select(FORKS).order_by(FORKS.c.device, FORKS.c.epoch, FORKS.c.seq)
    return [
        {"device": row.device, "epoch": row.epoch, "seq": row.seq, "hash": row.hash, "at": _at(row.received_at_us)}
        for row in db.execute(query)
    ]


def quarantined(db: Connection) -> list[dict[str, Any]]:
    """Rows that weren't understood."""
    query = select(QUARANTINE).order_by(QUARANTINE.c.device, QUARANTINE.c.epoch, QUARANTINE.c.seq)
    return [
        {
            "device": row.device,
            "epoch": row.epoch,
            "seq": row.seq,
            "reason": row.reason,
            "event": row.bytes.decode("utf-8", "replace"),
            "at": _at(row.received_at_us),
        }
        for row in db.execute(query)
    ]


def conflicts(db: Connection) -> list[dict[str, Any]]:
    """Known event ids that came with other bytes."""
    query = select(CONFLICTS).order_by(CONFLICTS.c.device, CONFLICTS.c.epoch, CONFLICTS.c.seq)
    return [
        {
            "device": row.device,
            "epoch": row.epoch,
            "seq": row.seq,
            "event_id": row.event_id,
            "event": row.bytes.decode("utf-8", "replace"),
            "at": _at(row.received_at_us),
        }
        for row in db.execute(query)
    ]


def _at(us: int) -> str:
    return from_us(us).isoformat()
