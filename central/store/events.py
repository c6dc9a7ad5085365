"""Events: each once, verbatim, with the few columns they are found by.

An event is received, then booked (`central.store.unbooked`). What the books are made of and judged by is read as far as
it is booked; whether an event is known, and what time it is, from all that was received.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, func, select

from central.store.bulk import Value, among, by_programme, insert_rows
from central.store.schema import EVENTS, UNBOOKED
from programme.cloudevents import decode_event
from programme.events import (
    OPERATIONS,
    TYPE_NAMES,
    AuthorisationAbandoned,
    AuthorisationAnswered,
    DayClosed,
    Decided,
    Earned,
    Event,
    EventData,
    GrantReceived,
    InstrumentIssued,
    Redeemed,
    Sold,
    Voided,
)
from programme.fold.books import InstrumentKey, instrument_of
from programme.fold.effects import voids_of, without_exercises
from programme.grants import read_signed_grant
from programme.instants import from_us, to_us

_COLUMNS = tuple(column.name for column in EVENTS.columns)


def add(db: Connection, arrived: Iterable[tuple[Event, bytes]]) -> None:
    """Store events that aren't there, each with its bytes."""
    insert_rows(db, EVENTS, _COLUMNS, (_row(event, raw) for event, raw in arrived))


def _row(event: Event, raw: bytes) -> tuple[Value, ...]:
    key = instrument_of(event.data)
    grant_id = target = None
    match event.data:
        case Redeemed() as redeemed:
            grant_id = redeemed.evidence.grant
        case GrantReceived() as received:
            grant_id = read_signed_grant(received.signed).grant_id
        case Voided() | Decided() as reversed_or_settled:
            target = reversed_or_settled.target
        case AuthorisationAbandoned() | AuthorisationAnswered() as ended:
            target = ended.authorisation
    programme, instrument = key or (None, None)
    return (
        str(event.event_id),
        raw,
        event.source,
        to_us(event.ordered_at),
        event.type,
        programme,
        instrument,
        grant_id,
        str(target) if target else None,
    )


def raw(db: Connection, event_id: UUID) -> bytes | None:
    """An event's bytes, verbatim."""
    found: bytes | None = db.execute(
        select(EVENTS.c.bytes).where(EVENTS.c.event_id == str(event_id))
    ).scalar_one_or_none()
    return found


def raws(db: Connection, event_ids: Collection[UUID]) -> dict[UUID, bytes]:
    """The bytes, verbatim, of those that are known."""
    query = select(EVENTS.c.event_id, EVENTS.c.bytes).where(among(db, EVENTS.c.event_id, event_ids))
    return {UUID(row.event_id): row.bytes for row in db.execute(query)}


def find(db: Connection, event_id: UUID) -> Event | None:
    """One event."""
    found = raw(db, event_id)
    return None if found is None else decode_event(found)


def every_booked(db: Connection) -> list[Event]:
    """All that the books are made of."""
    return _decode(db, select(EVENTS.c.bytes).where(_booked()))


def named(db: Connection, event_ids: Collection[UUID]) -> dict[UUID, Event]:
    """Those that are booked, by id."""
    query = select(EVENTS.c.bytes).where(among(db, EVENTS.c.event_id, event_ids), _booked())
    return {event.event_id: event for event in _decode(db, query)} if event_ids else {}


def of_instruments(db: Connection, keys: Collection[InstrumentKey]) -> dict[InstrumentKey, list[Event]]:
    """Everything booked that names these instruments."""
    found: dict[InstrumentKey, list[Event]] = {key: [] for key in keys}
    kinds = [TYPE_NAMES[kind] for kind in (InstrumentIssued, Earned, Redeemed, Sold, Voided)]
    for programme, theirs in by_programme(keys).items():
        named = (EVENTS.c.programme == programme, among(db, EVENTS.c.instrument, theirs))
        for event in _decode(db, select(EVENTS.c.bytes).where(*named, EVENTS.c.type.in_(kinds), _booked())):
            key = instrument_of(event.data)
            assert key is not None
            found[key].append(event)
    return found


def issues_of(db: Connection, keys: Collection[InstrumentKey]) -> dict[InstrumentKey, InstrumentIssued]:
    """How central put instruments into the registry."""
    found: dict[InstrumentKey, InstrumentIssued] = {}
    for programme, theirs in by_programme(keys).items():
        query = select(EVENTS.c.bytes).where(
            EVENTS.c.programme == programme,
            among(db, EVENTS.c.instrument, theirs),
            EVENTS.c.type == TYPE_NAMES[InstrumentIssued],
        )
        for event in _decode(db, query.order_by(EVENTS.c.ordered_at_us)):
            assert isinstance(event.data, InstrumentIssued)
            found.setdefault((programme, event.data.instrument), event.data)
    return found


def under_grant(db: Connection, device: str, grant_id: str) -> list[Event]:
    """A box's redemptions that name a grant."""
    return _decode(
        db,
        select(EVENTS.c.bytes).where(
            EVENTS.c.source == device,
            EVENTS.c.grant_id == grant_id,
            EVENTS.c.type == TYPE_NAMES[Redeemed],
            _booked(),
        ),
    )


def received_grants(db: Connection, device: str, epoch: str) -> list[Event]:
    """A box's rows that name a grant of an epoch as received."""
    return _decode(db, select(EVENTS.c.bytes).where(*_in_epoch(device, epoch, TYPE_NAMES[GrantReceived])))


def grants_used_since(db: Connection, device: str, epoch: str, *, since: datetime) -> set[str]:
    """Ids of an epoch's grants that redemptions ordered since then name."""
    later = EVENTS.c.ordered_at_us >= to_us(since)
    used = select(EVENTS.c.grant_id).where(*_in_epoch(device, epoch, TYPE_NAMES[Redeemed]), later)
    return {grant_id for grant_id in db.execute(used.distinct()).scalars() if grant_id is not None}


def _in_epoch(device: str, epoch: str, kind: str) -> tuple[ColumnElement[bool], ...]:
    of_epoch = EVENTS.c.grant_id.startswith(f"{epoch}/", autoescape=True)
    return EVENTS.c.source == device, of_epoch, EVENTS.c.type == kind, _booked()


def all_voids(db: Connection, targets: Collection[UUID]) -> list[Event]:
    """Every void that names one of these events, whether it holds or not."""
    return _about(db, targets, TYPE_NAMES[Voided])


def voided(db: Connection, targets: Iterable[Event]) -> set[UUID]:
    """Those of these events that a void holds for, as the fold sees it: no stranger's, and none made in training."""
    every = list(targets)
    voids, _ = voids_of(without_exercises([*every, *all_voids(db, [event.event_id for event in every])]))
    return set(voids)


def answers_to(db: Connection, authorisations: Collection[UUID]) -> list[Event]:
    """Central's answers about these authorisations."""
    return _about(db, authorisations, TYPE_NAMES[AuthorisationAnswered])


def closures(db: Connection, device: str) -> list[Event]:
    """A box's closures of days."""
    query = select(EVENTS.c.bytes).where(EVENTS.c.source == device, EVENTS.c.type == TYPE_NAMES[DayClosed])
    return _decode(db, query)


def operations_after(db: Connection, device: str, after: datetime | None) -> list[Event]:
    """A box's operations that are ordered after a moment, or all."""
    kinds = [TYPE_NAMES[kind] for kind in OPERATIONS]
    query = select(EVENTS.c.bytes).where(EVENTS.c.source == device, EVENTS.c.type.in_(kinds))
    return _decode(db, query if after is None else query.where(EVENTS.c.ordered_at_us > to_us(after)))


def decisions_on(db: Connection, redemptions: Collection[UUID]) -> list[Event]:
    """What was decided about these redemptions."""
    return _about(db, redemptions, TYPE_NAMES[Decided])


def newest(db: Connection, count: int, *, kinds: Collection[type[EventData]] = OPERATIONS) -> list[Event]:
    """The newest events of some kinds, in canonical order, the newest first."""
    query = select(EVENTS.c.bytes).where(EVENTS.c.type.in_([TYPE_NAMES[kind] for kind in kinds]))
    return _decode(db, query.order_by(EVENTS.c.ordered_at_us.desc(), EVENTS.c.event_id.desc()).limit(count))


def count_since(db: Connection, source: str, since: datetime) -> int:
    """How many events of a source are ordered at a moment or after it."""
    theirs = (EVENTS.c.source == source) & (EVENTS.c.ordered_at_us >= to_us(since))
    return int(db.execute(select(func.count()).select_from(EVENTS).where(theirs)).scalar_one())


def latest(db: Connection) -> datetime | None:
    """The latest order time of all."""
    us = db.execute(select(func.max(EVENTS.c.ordered_at_us))).scalar_one()
    return None if us is None else from_us(us)


def _about(db: Connection, targets: Collection[UUID], kind: str) -> list[Event]:
    if not targets:
        return []
    return _decode(
        db, select(EVENTS.c.bytes).where(among(db, EVENTS.c.target, targets), EVENTS.c.type == kind, _booked())
    )


def _booked() -> ColumnElement[bool]:
    waits = select(UNBOOKED.c.event_id).where(
        UNBOOKED.c.source == EVENTS.c.source, UNBOOKED.c.event_id == EVENTS.c.event_id
    )
    return ~waits.exists()


def _decode(db: Connection, query: Select[bytes]) -> list[Event]:
    return [decode_event(found) for found in db.execute(query).scalars()]
