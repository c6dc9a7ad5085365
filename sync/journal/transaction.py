"""What a piece of work can do in the journal, and the writing connection behind it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from programme.cloudevents import decode_event, encode_event
from programme.events import Event, EventData, Operation, PeriodClosed, ProgrammeTotals, Voided
from programme.registry import RegistryEntry
from programme.state import Records, evolve
from sync.chain import Row, make_row
from sync.clock import BootClock, OrderClock
from sync.errors import AlreadyClosed
from sync.journal import jobs, replica
from sync.journal.periods import periods_to_close
from sync.journal.records import StoredRecords
from sync.journal.rows import ends_of, insert_row, is_taken, kept_rows_on, last_position_of, rows_on
from sync.journal.shelf import Shelf
from sync.journal.standing import Standing, save_standing
from sync.journal.values import Job, JobState
from sync.wire import Head


class Session:
    """The one writing connection and what is known through it; only the writer's thread touches it.

    Attributes:
        standing: Where the journal stands, the open transaction included.
        committed: Where it stands on disk.
        shelf: Reads rows wherever they are.
        booked_totals: What central last said it has booked of this box, for the epoch after a fork.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        shelf: Shelf,
        device: str,
        boot: BootClock,
        clock: OrderClock,
        standing: Standing,
    ) -> None:
        self.connection = connection
        self.shelf = shelf
        self.device = device
        self.boot = boot
        self.clock = clock
        self.standing = standing
        self.committed = standing
        self.booked_totals: Mapping[str, ProgrammeTotals] = {}
        self.records = StoredRecords(connection)
        self._saved_clock = clock.base

    def begin(self) -> None:
        """Start a transaction that may write."""
        self.connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """End it: on disk when this returns."""
        if self.standing is not self.committed or self.clock.base is not self._saved_clock:
            save_standing(self.connection, self.standing, self.clock.base)
        self.connection.execute("COMMIT")
        self.committed = self.standing
        self._saved_clock = self.clock.base

    def rollback(self) -> None:
        """Give it up; the clock alone doesn't go back."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self.restore(self.committed)

    def reconnect(self, connection: sqlite3.Connection) -> None:
        """Go on with another connection, from what is on disk."""
        self.connection = connection
        self.records = StoredRecords(connection)
        self.standing = self.committed

    def restore(self, standing: Standing) -> None:
        """Go back to where the database was rolled back to."""
        self.standing = standing
        self.records.forget()

    def write(self, event: Event, data: bytes) -> Row:
        """Chain an event's bytes to the journal, without its effect on the state."""
        place = self.standing.place
        row = make_row(epoch=place.epoch, seq=place.seq + 1, previous=place.hash, event=data)
        insert_row(self.connection, place.position(row.seq), row, event)
        self.standing = replace(self.standing, place=replace(place, seq=row.seq, hash=row.hash))
        return row

    def mark_sent(self, seq: int) -> None:
        """Note that rows of this epoch up to one may have left the box."""
        position = self.standing.place.position(seq)
        if position > self.standing.sent_position:
            self.standing = replace(self.standing, sent_position=position)

    def event(self, event_id: UUID, data: EventData, occurred_at: datetime | None) -> Event:
        """Make an event of now."""
        return Event(
            event_id=event_id,
            source=self.device,
            occurred_at=occurred_at or self.boot.now(),
            ordered_at=self.clock.next(),
            clock=self.clock.state,
            data=data,
        )


class Transaction:
    """The journal as one piece of work sees it: all or nothing, after the works before it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        session.clock.release()

    @property
    def records(self) -> Records:
        """What the rows add up to."""
        return self._session.records

    def now(self) -> datetime:
        """The order time of the next event that this work appends."""
        self._session.clock.hold()
        return self._session.clock.peek()

    def append(
        self,
        event_id: UUID,
        data: EventData,
        *,
        closes: UUID | None = None,
        occurred_at: datetime | None = None,
    ) -> Event:
        """Write an event: its row, and what it changes.

        Every event ends the ask of its own id; an abandonment ends the one that it names.

        Args:
            closes: The ask that the caller means to end, checked against the event.
            occurred_at: By the wall clock; now, by default.

        Raises:
            AlreadyClosed: The id is taken, or the ask has its one row.
            ValueError: The event doesn't end what `closes` says.
        """
        session = self._session
        ends = ends_of(event_id, data)
        if closes is not None and closes != ends:
            raise ValueError(f"event {event_id} ends {ends}, not {closes}")
        for taken in {event_id, ends}:
            if is_taken(session.connection, taken):
                raise AlreadyClosed(f"{taken} has its row already; nothing was written")
        event = session.event(event_id, data, occurred_at)
        session.write(event, encode_event(event))
        session.records.change(evolve(session.records, event))
        return event

    def periods_to_close(self, *, before: date) -> list[PeriodClosed]:
        """The closures of the months and years that are over when a day is closed; unsigned, to be appended first."""
        session = self._session
        return periods_to_close(session.connection, session.standing.place, session.records, before=before)

    def add_job(self, kind: str, event_id: UUID, payload: bytes) -> int:
        """Leave durable work to do, once this transaction is on disk.

        Returns:
            The job's id.
        """
        return jobs.add_job(self._session.connection, kind, event_id, payload)

    def jobs_of(self, event_id: UUID) -> list[Job]:
        """What an event left to do, in order."""
        return jobs.jobs_of(self._session.connection, event_id)

    def end_job(self, job_id: int, state: JobState, *, after: JobState) -> bool:
        """Write down how a job ended; False where it isn't in the state any more that it was seen in."""
        return jobs.set_job(self._session.connection, job_id, state, "", after)

    def fail_jobs_of(self, event_id: UUID, detail: str) -> None:
        """Do no more of what an event left to do."""
        jobs.fail_jobs_of(self._session.connection, event_id, detail)

    def is_voided(self, event: Event) -> bool:
        """Whether an operation was voided here, be its day closed or not."""
        data = event.data
        if not isinstance(data, Operation):
            return False
        rows = rows_on(self._session.connection, data.programme, data.instrument, 0)
        found = (decode_event(row.event).data for row in rows)
        return any(
            isinstance(void, Voided) and void.target == event.event_id and not void.counter.training for void in found
        )

    def is_sent(self, event_id: UUID) -> bool:
        """Whether an event's row may have left the box."""
        position = last_position_of(self._session.connection, event_id)
        return position is not None and position <= self._session.standing.sent_position

    def mark_sent(self, seq: int) -> None:
        """Note, before they leave in an ask, that rows of this epoch up to one may have left the box."""
        self._session.mark_sent(seq)

    def entry(self, programme: str, instrument: str) -> RegistryEntry | None:
        """What the replica says of an instrument."""
        return replica.entry(self._session.connection, programme, instrument)

    def replica_head(self, programme: str) -> Head | None:
        """How far the replica is."""
        return replica.head(self._session.connection, programme)

    def own_since_counted(self, programme: str, instrument: str) -> tuple[Event, ...]:
        """This box's operations on an instrument that the replica, as it is, doesn't hold, or not yet; in order."""
        connection = self._session.connection
        counted = replica.counted_position(connection, programme)
        rows = kept_rows_on(connection, programme, instrument, counted)
        rows += rows_on(connection, programme, instrument, counted)
        events = (decode_event(row.event) for row in rows)
        # A row that was copied to a new epoch is the same event.
        return tuple({event.event_id: event for event in events}.values())

    def unacknowledged_rows(self, programme: str, instrument: str) -> list[Row]:
        """This epoch's rows on an instrument that central hasn't acknowledged: what an ask carries."""
        standing = self._session.standing
        acknowledged = standing.place.position(standing.watermark_seq)
        return rows_on(self._session.connection, programme, instrument, acknowledged)
