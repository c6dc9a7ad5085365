"""One transaction of central's, with everything that its steps need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from central.keys import Keys, load_keys
from central.ports import IdSource, WallClock
from central.store import events, meta, programmes
from central.store.database import Store
from central.store.instants import MICROSECOND
from programme.events import CENTRAL, ClockState, Event, EventData, encode_event
from programme.fold.books import Rulebook, newest
from programme.rules import RuleSet, load_rules


@dataclass(slots=True, kw_only=True)
class Work:
    """An open transaction.

    Attributes:
        now: The wall clock at its start.
        rulebook: Every published rule set.
        stored: Events stored and not booked yet.
    """

    db: Connection
    now: datetime
    ids: IdSource
    keys: Keys
    tenant: str
    generation: int
    rulebook: Rulebook
    stored: list[Event] = field(default_factory=list)

    def signed_time(self) -> datetime:
        """Central's time: later than everything it has stored."""
        latest = events.latest(self.db)
        return self.now if latest is None else max(self.now, latest + MICROSECOND)

    def record(self, data: EventData) -> Event:
        """Store an event of central's own."""
        event = Event(
            event_id=self.ids.new_id(),
            source=CENTRAL,
            occurred_at=self.now,
            ordered_at=self.signed_time(),
            clock=ClockState.SYNCED,
            data=data,
        )
        self.store(event, encode_event(event))
        return event

    def store(self, event: Event, raw: bytes) -> None:
        """Store an event that isn't there; `books.book` books it later in the same transaction."""
        events.add(self.db, event, raw)
        self.stored.append(event)

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
            yield self._work(db)

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
        return Work(
            db=db,
            now=self.clock.now(),
            ids=self._ids,
            keys=self._keys,
            tenant=meta.read(db, meta.TENANT),
            generation=int(meta.read(db, meta.GENERATION)),
            rulebook={key: self._rules[key] for key in versions},
        )
