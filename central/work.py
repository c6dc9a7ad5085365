"""One transaction of central's, with everything that its steps need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection

from central.keys import Keys, load_keys
from central.ports import IdSource, WallClock
from central.store import events, meta, programmes
from central.store.database import Store
from programme.cloudevents import encode_event
from programme.events import CENTRAL, ClockState, Event, EventData
from programme.fold.books import Rulebook, newest
from programme.instants import MICROSECOND, from_us
from programme.rules import RuleSet, load_rules


@dataclass(slots=True, kw_only=True)
class Work:
    """An open transaction.

    Attributes:
        now: The wall clock at its start.
        rulebook: Every published rule set.
        stored: Events stored, and neither booked nor put off yet.
        signed_at: The last time that this transaction signed.
        signed_before: The last one of the transactions before.
        wall_before: The latest wall clock that they signed a time by.
    """

    db: Connection
    now: datetime
    ids: IdSource
    keys: Keys
    tenant: str
    generation: int
    rulebook: Rulebook
    stored: list[Event] = field(default_factory=list)
    signed_at: datetime | None = None
    signed_before: datetime | None = None
    wall_before: datetime | None = None

    def signed_time(self) -> datetime:
        """Central's time: later than everything it has stored, and never before a time that it signed."""
        latest = events.latest(self.db)
        floor = self.signed_at or self.signed_before or self.now
        at = max(self.now, floor, latest + MICROSECOND if latest is not None else self.now)
        self.signed_at = at
        return at

    def wall_time(self) -> datetime:
        """The wall clock, or the latest one that a time was signed by if it was set back since."""
        return max(self.now, self.wall_before or self.now)

    def keep_signed_time(self) -> None:
        """Remember what was signed, in the same transaction, whatever the wall clock does next."""
        if self.signed_at is None:
            return
        meta.set_instants(self.db, {meta.SIGNED_US: self.signed_at, meta.WALL_US: self.wall_time()})

    def record(self, data: EventData, *, event_id: UUID | None = None) -> Event:
        """Store an event of central's own."""
        event = Event(
            event_id=event_id or self.ids.new_id(),
            source=CENTRAL,
            occurred_at=self.now,
            ordered_at=self.signed_time(),
            clock=ClockState.SYNCED,
            data=data,
        )
        self.store([(event, encode_event(event))])
        return event

    def store(self, arrived: Sequence[tuple[Event, bytes]]) -> None:
        """Store events that aren't there, each with its bytes; `central.books` books them, or puts them off."""
        events.add(self.db, arrived)
        self.stored += [event for event, _ in arrived]

    def newest_rules(self) -> dict[str, RuleSet]:
        """The latest rules of each programme."""
        return {
            programme: newest(self.rulebook, programme) for programme in sorted({name for name, _ in self.rulebook})
        }


class Workshop:
    """Opens transactions, and keeps what never changes between them: rule sets and keys."""

    def __init__(self, *, store: Store, data_dir: Path, clock: WallClock, ids: IdSource) -> None:
        self.store = store
        self.data_dir = data_dir
        self.clock = clock
        self._ids = ids
        self._rules: dict[tuple[str, int], RuleSet] = {}
        self._keys: Keys | None = None

    @contextmanager
    def write(self) -> Iterator[Work]:
        """One writing transaction: committed at the end, rolled back on an error."""
        with self.store.write() as db:
            work = self._work(db)
            yield work
            work.keep_signed_time()

    @contextmanager
    def read(self) -> Iterator[Work]:
        """One consistent view."""
        with self.store.read() as db:
            yield self._work(db)

    def _work(self, db: Connection) -> Work:
        versions = programmes.versions(db)
        for key in versions:
            if key not in self._rules:
                self._rules[key] = load_rules(programmes.text(db, *key))
        names = {programme for programme, _ in versions}
        if self._keys is None or self._keys.references.keys() != names:
            self._keys = load_keys(self.data_dir, names)
        values = meta.every(db)
        return Work(
            db=db,
            now=self.clock.now(),
            ids=self._ids,
            keys=self._keys,
            tenant=values[meta.TENANT],
            generation=int(values[meta.GENERATION]),
            rulebook={key: self._rules[key] for key in versions},
            signed_before=_instant(values.get(meta.SIGNED_US)),
            wall_before=_instant(values.get(meta.WALL_US)),
        )


def _instant(us: str | None) -> datetime | None:
    return None if us is None else from_us(int(us))
