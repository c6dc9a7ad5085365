"""Taking central's acks."""

from __future__ import annotations

from dataclasses import replace

from sync.chain import GENESIS
from sync.errors import Unreadable
from sync.journal import replica
from sync.journal.standing import Standing
from sync.journal.transaction import Session
from sync.journal.values import AckOutcome
from sync.wire import Ack, Verdict

_KEEP = "INSERT OR REPLACE INTO acks (epoch, generation, seq, hash, signed) VALUES (?, ?, ?, ?, ?)"

_KEEP_ROW = "INSERT OR IGNORE INTO kept (position) VALUES (?)"
_FORGET_ROWS = "DELETE FROM kept WHERE position > ?"
_NOT_BOOKED = (Verdict.QUARANTINED, Verdict.CONFLICT)


def take_ack(session: Session, ack: Ack, signed: str) -> AckOutcome:
    """Move the watermark as a verified ack says, within the open transaction.

    Args:
        signed: The ack as central signed it, verbatim.

    Raises:
        Unreadable: It is for another box.
    """
    if ack.device != session.device:
        raise Unreadable(f"an ack for box {ack.device[:40]!r} came to {session.device!r}")
    session.clock.signed_time(ack.time)
    standing = session.standing
    place = standing.place
    if ack.epoch != place.epoch or ack.generation < standing.generation:
        return AckOutcome.STALE
    session.booked_totals = ack.perpetual or session.booked_totals
    digest = bytes.fromhex(ack.hash)
    if not _holds(session, ack.seq, digest):
        return AckOutcome.FORKED
    if ack.generation > standing.generation:
        # Central knows less than before: what it is sent again it judges again.
        session.connection.execute(_FORGET_ROWS, (place.position(ack.seq),))
    # Also of an ack that another one overtook: its verdicts may be nowhere else.
    _keep_unbooked(session, ack)
    if ack.generation == standing.generation and ack.seq < standing.watermark_seq:
        return AckOutcome.STALE
    replica.record_counted(session.connection, ack.heads, place.position(ack.seq))
    return _advance(session, standing, ack, digest, signed)


def _keep_unbooked(session: Session, ack: Ack) -> None:
    """Remember the rows that a person has to look at: until then no registry counts them, and this box must."""
    place = session.standing.place
    for verdict in ack.verdicts:
        if verdict.verdict in _NOT_BOOKED and verdict.seq <= place.seq:
            session.connection.execute(_KEEP_ROW, (place.position(verdict.seq),))


def _holds(session: Session, seq: int, digest: bytes) -> bool:
    if seq == 0:
        return digest == GENESIS
    place = session.standing.place
    if seq > place.seq:
        return False
    row = session.shelf.row_at(session.connection, place.position(seq))
    return row is not None and row.hash == digest


def _advance(session: Session, standing: Standing, ack: Ack, digest: bytes, signed: str) -> AckOutcome:
    moved = ack.seq != standing.watermark_seq
    if not moved and ack.generation == standing.generation:
        return AckOutcome.STALE
    session.connection.execute(_KEEP, (ack.epoch, ack.generation, ack.seq, digest, signed))
    position = standing.place.position(ack.seq)
    session.standing = replace(
        standing,
        watermark_seq=ack.seq,
        watermark_hash=digest,
        generation=ack.generation,
        sent_position=max(standing.sent_position, position),
    )
    return AckOutcome.ADVANCED if moved else AckOutcome.STALE
