"""A batch's rows on their way into the database: judged one after the other, written many at a time.

A row is judged by what central knew before it, earlier rows of the same batch included. Those are at hand here and
needn't be in the database yet; where something must be, all that was judged is written first.
"""

from __future__ import annotations

import string
from collections.abc import Iterable

from central.intake import Intake, Taken
from central.place import check_place, event_before
from central.store import desk, journal
from central.store.devices import Device
from central.work import Work
from programme.cloudevents import decode_event
from programme.errors import NotUnderstood
from programme.events import Event
from sync.chain import Row
from sync.wire import RowVerdict, Verdict

MAX_REASON_CHARACTERS = 80
"""Of a row in an ack: a batch of bad rows must not make it larger than brokers take."""
_PLAIN = frozenset(string.ascii_letters + string.digits + string.punctuation + " ") - {'"', "\\"}
"""What JSON writes as one byte, also in JSON within JSON, as signed messages are."""


class Reception:
    """Takes the rows of one batch, in order."""

    def __init__(self, work: Work, device: Device, rows: Iterable[Row]) -> None:
        """Read what the rows are judged by.

        Args:
            rows: All that will be taken.
        """
        self._work = work
        self._device = device
        self._intake = Intake(work, device, [row.event for row in rows])
        self._rows: list[tuple[Row, Event | None]] = []
        self._conflicts: list[tuple[Row, Event]] = []
        self._last_seq: int | None = None
        self._before: Event | None = None

    def take(self, row: Row) -> RowVerdict | None:
        """Take a row of central's branch.

        Returns:
            What the box must be told; None where it is simply booked.
        """
        if row.seq - 1 != self._last_seq:
            # Some row of another batch comes before.
            self.write()
            self._before = event_before(self._work, self._device.device, row, is_fork=False)
        self._last_seq = row.seq
        event, verdict = self._judge(row, self._before)
        self._rows.append((row, event))
        if event is not None:
            self._before = self._known(event) or self._before
        if self._intake.must_release:
            self.write()
        return verdict

    def take_fork(self, row: Row) -> None:
        """Take a row of another branch, which is stored already."""
        self.write()
        self._judge(row, event_before(self._work, self._device.device, row, is_fork=True))
        self.write()

    def write(self) -> None:
        """Write what was taken."""
        rows, self._rows = self._rows, []
        conflicts, self._conflicts = self._conflicts, []
        device = self._device.device
        self._intake.store()
        journal.add(self._work.db, device, ((row, event.event_id if event else None) for row, event in rows))
        for row, event in conflicts:
            desk.add_conflict(self._work.db, device, row, event_id=event.event_id, at=self._work.now)
        self._intake.release()

    def _judge(self, row: Row, before: Event | None) -> tuple[Event | None, RowVerdict | None]:
        """A row's event, if it is understood, and what the box must be told."""
        try:
            event = self._intake.understand(row.event)
            known = self._intake.known(event.event_id)
            check_place(self._work, self._device.device, row, event, before=before, is_known=known is not None)
        except NotUnderstood as error:
            self._intake.set_aside(row, str(error))
            return None, quarantined(row, str(error))
        match self._intake.take(event, row.event, known):
            case Taken.STORED:
                return event, None
            case Taken.REPEATED:
                return event, RowVerdict(seq=row.seq, verdict=Verdict.DUPLICATE)
            case Taken.CONFLICTING:
                self._conflicts.append((row, event))
                return event, conflict(row)

    def _known(self, event: Event) -> Event | None:
        """The event as it is known: not as a conflicting row has it, and none of another box's."""
        if not self._conflicts or self._conflicts[-1][1] is not event:
            return event
        known = self._intake.known(event.event_id)
        assert known is not None
        found = decode_event(known)
        return found if found.source == self._device.device else None


def first_verdicts(work: Work, device: Device, rows: list[Row]) -> list[RowVerdict]:
    """What rows that come again were told, for that ack may have been lost."""
    waiting = journal.set_aside(work.db, device.device, rows)
    return [_first_verdict(row, *waiting.get(row.hash, (False, ""))) for row in rows]


def _first_verdict(row: Row, is_conflict: bool, reason: str) -> RowVerdict:
    if reason:
        return quarantined(row, reason)
    return conflict(row) if is_conflict else RowVerdict(seq=row.seq, verdict=Verdict.DUPLICATE)


def quarantined(row: Row, reason: str) -> RowVerdict:
    """What is told of a row that wasn't understood."""
    plain = "".join(letter if letter in _PLAIN else "?" for letter in reason[:MAX_REASON_CHARACTERS])
    return RowVerdict(seq=row.seq, verdict=Verdict.QUARANTINED, reason=plain)


def conflict(row: Row) -> RowVerdict:
    """What is told of a row whose event is known otherwise."""
    return RowVerdict(seq=row.seq, verdict=Verdict.CONFLICT, reason="known with other bytes")
