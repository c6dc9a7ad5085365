"""Events that are received and not booked yet: what is left to do, also after a crash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from sqlalchemy import Connection, and_, delete, func, select

from central.store.bulk import among, by_programme, insert_rows
from central.store.schema import EVENTS, UNBOOKED
from programme.cloudevents import decode_event
from programme.events import Event
from programme.fold.books import InstrumentKey

_IS_SAME = and_(EVENTS.c.source == UNBOOKED.c.source, EVENTS.c.event_id == UNBOOKED.c.event_id)


def add(db: Connection, events: Iterable[Event]) -> None:
    """Put events off that have just been stored."""
    insert_rows(db, UNBOOKED, ("source", "event_id"), ((event.source, str(event.event_id)) for event in events))


def count(db: Connection) -> int:
    """How many there are."""
    return int(db.execute(select(func.count()).select_from(UNBOOKED)).scalar_one())


def waits(db: Connection, source: str) -> bool:
    """Whether something of a box isn't booked yet."""
    query = select(UNBOOKED.c.event_id).where(UNBOOKED.c.source == source)
    return db.execute(query.limit(1)).one_or_none() is not None


def take_of(db: Connection, keys: Collection[InstrumentKey]) -> list[Event]:
    """Those of some instruments: whoever takes them books them in the same transaction."""
    found: list[Event] = []
    for programme, theirs in by_programme(keys).items():
        query = select(EVENTS.c.bytes).join(UNBOOKED, _IS_SAME)
        named = query.where(EVENTS.c.programme == programme, among(db, EVENTS.c.instrument, theirs))
        found += [decode_event(raw) for raw in db.execute(named).scalars()]
    _remove(db, found)
    return found


def take_first(db: Connection, limit: int) -> list[Event]:
    """The first ones, and whatever else there is of their instruments, for these are folded whole anyway."""
    query = select(EVENTS.c.bytes, EVENTS.c.programme, EVENTS.c.instrument).join(UNBOOKED, _IS_SAME)
    first = db.execute(query.order_by(UNBOOKED.c.source, UNBOOKED.c.event_id).limit(limit)).all()
    of_none = [decode_event(row.bytes) for row in first if row.instrument is None]
    _remove(db, of_none)
    return of_none + take_of(db, {(row.programme, row.instrument) for row in first if row.instrument is not None})


def _remove(db: Connection, events: Iterable[Event]) -> None:
    by_source: dict[str, list[str]] = defaultdict(list)
    for event in events:
        by_source[event.source].append(str(event.event_id))
    for source, event_ids in by_source.items():
        db.execute(delete(UNBOOKED).where(UNBOOKED.c.source == source, among(db, UNBOOKED.c.event_id, event_ids)))
