"""A new epoch: after enrolment, a fork or damage.

The later rows of a branch that central may not know are copied, bytes and ids unchanged, so that nothing is dropped and
nothing counts twice. Their effects are in the state already; `EpochOpened` changes it: the grant is gone. A closure
that central may not know isn't copied, its day is closed again: some of what it summed up may be damaged.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from programme.cloudevents import decode_event, encode_event
from programme.events import (
    Closure,
    DayClosed,
    EpochOpened,
    EpochReason,
    Event,
    EventData,
    GrantReceived,
    RowLink,
)
from programme.state import PERPETUAL, evolve, totals
from sync.chain import GENESIS
from sync.closures import sign_closure
from sync.journal.periods import periods_to_close
from sync.journal.reissue import day_totals
from sync.journal.rows import Place, checked, first_position_of
from sync.journal.standing import Standing
from sync.journal.transaction import Session

_LAST_ACK = """
SELECT epoch, seq, hash FROM acks JOIN epochs USING (epoch) WHERE seq > 0
AND generation = (SELECT max(generation) FROM acks AS newer WHERE newer.epoch = acks.epoch)
ORDER BY counter DESC LIMIT 1
"""


def new_epoch_id(counter: int) -> str:
    """A counter and 64 random bits, so that two copies of a disk never open the same epoch."""
    return f"{counter}-{secrets.token_hex(8)}"


def add_epoch(connection: sqlite3.Connection, counter: int, first_position: int) -> Place:
    """Begin an empty epoch."""
    epoch = new_epoch_id(counter)
    connection.execute(
        "INSERT INTO epochs (counter, epoch, first_position) VALUES (?, ?, ?)", (counter, epoch, first_position)
    )
    return Place(epoch=epoch, first_position=first_position, seq=0, hash=GENESIS)


def open_epoch(
    session: Session, reason: EpochReason, new_id: Callable[[], UUID], key: Ed25519PrivateKey
) -> tuple[RowLink, ...]:
    """Begin a new epoch after the last acknowledged row, and copy what came after it.

    Returns:
        The rows that weren't copied, for they are damaged.
    """
    connection = session.connection
    before = session.standing.place
    parent, parent_position = _parent(session)
    later, damaged = _later(session, parent_position, before.last_position)
    (counter,) = connection.execute("SELECT max(counter) FROM epochs").fetchone()
    place = add_epoch(connection, counter + 1, before.last_position + 1)
    session.standing = Standing(place=place, generation=session.standing.generation)
    booked = dict(session.booked_totals) if reason is EpochReason.FORK else {}
    opened = EpochOpened(epoch=place.epoch, reason=reason, parent=parent, perpetual=booked)
    _write(session, new_id(), opened)
    copied = set()
    for copy, data in later:
        if copy.event_id not in copied and not isinstance(copy.data, EpochOpened | GrantReceived | Closure):
            session.write(copy, data)
            copied.add(copy.event_id)
    _close_again(session, parent, later, new_id, key)
    # They were in the hands of the link in the epoch before, or may have been: nothing here counts as never sent.
    session.standing = replace(session.standing, sent_position=session.standing.place.last_position)
    return damaged


def _close_again(
    session: Session,
    parent: RowLink,
    later: list[tuple[Event, bytes]],
    new_id: Callable[[], UUID],
    key: Ed25519PrivateKey,
) -> None:
    """Close again the days whose closures weren't copied, and the months and years before them."""
    kept = [event for event, _ in later if not isinstance(event.data, Closure)]
    for day in sorted({event.data.business_day for event, _ in later if isinstance(event.data, DayClosed)}):
        place = session.standing.place
        for period in periods_to_close(session.connection, place, session.records, before=day):
            _write(session, new_id(), sign_closure(period, key))
        closed = DayClosed(
            business_day=day,
            totals=day_totals(session, day, parent, kept),
            perpetual=totals(session.records, PERPETUAL).programmes,
            signature="",
        )
        _write(session, new_id(), sign_closure(closed, key))


def _write(session: Session, event_id: UUID, data: EventData) -> None:
    event = session.event(event_id, data, None)
    session.write(event, encode_event(event))
    session.records.change(evolve(session.records, event))


def _later(session: Session, after_position: int, up_to: int) -> tuple[list[tuple[Event, bytes]], tuple[RowLink, ...]]:
    """The events of the rows after a position, with their bytes; and the rows that are damaged."""
    later, damaged = [], []
    for row, is_sound in checked(session.shelf.rows(session.connection, after_position + 1, up_to)):
        if is_sound:
            later.append((decode_event(row.event), row.event))
        else:
            damaged.append(row.link)
    return later, tuple(damaged)


def _parent(session: Session) -> tuple[RowLink, int]:
    """The last row that an ack of central's is held for, and its position; before any, the place before the first."""
    connection = session.connection
    found = connection.execute(_LAST_ACK).fetchone()
    if found is None:
        epoch = connection.execute("SELECT epoch FROM epochs ORDER BY counter LIMIT 1").fetchone()[0]
        return RowLink(epoch=epoch, seq=0, hash=GENESIS.hex()), 0
    epoch, seq, digest = found
    first_position = first_position_of(connection, epoch)
    assert first_position is not None
    return RowLink(epoch=epoch, seq=seq, hash=digest.hex()), first_position + seq - 1
