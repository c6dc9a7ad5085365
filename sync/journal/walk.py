"""One pass over a journal's rows in order: each against the one before it, and all that they add up to."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass, field
from typing import NoReturn
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from programme.cloudevents import decode_event, encode_event
from programme.errors import NotUnderstood, ProgrammeError
from programme.events import CLOSURES, Closure, EpochOpened, Event, PeriodClosed, RowLink
from programme.instants import to_us
from programme.periods import open_periods
from programme.state import EPOCH, PERPETUAL, CurrentEpoch, Record, Totals, evolve, totals
from sync.chain import GENESIS, row_hash
from sync.closures import check_closure
from sync.errors import BadSignature, JournalBroken
from sync.journal.archive import Header
from sync.journal.rows import columns_of

_UNKNOWN = b""
"""The hash of a row that was deleted with its archive."""


@dataclass(slots=True)
class Walk:
    """What was seen so far.

    Attributes:
        key: The box's journal key.
        forgotten: Rows up to this position were deleted with their archives.
        epoch: The last row's; and its `seq`, `hash` and `position`.
        epochs: First positions, by epoch.
        records: The state that the rows add up to.
    """

    connection: sqlite3.Connection
    device: str
    key: Ed25519PublicKey
    forgotten: int = 0
    epoch: str = ""
    seq: int = 0
    hash: bytes = GENESIS
    position: int = 0
    epochs: dict[str, int] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    _ordered_at_us: int = 0
    _hashes: list[bytes] = field(default_factory=list)
    _events: dict[UUID, bytes] = field(default_factory=dict)
    _closures: list[tuple[int, Closure]] = field(default_factory=list)

    def row(
        self, position: int, epoch: str, seq: int, data: bytes, previous: bytes, digest: bytes, *said: object
    ) -> Event:
        """Take the next row.

        Args:
            said: What its searchable columns say, where it is in the database.
        """
        self._place(position, epoch, seq, previous)
        if row_hash(epoch=epoch, seq=seq, previous=previous, event=data) != digest:
            self.broken("the row was changed, its hash is another")
        self.hash = digest
        self._hashes.append(digest)
        try:
            event = decode_event(data)
        except NotUnderstood as error:
            self.broken(f"the event can't be read ({error})")
        if encode_event(event) != data:
            self.broken("the event is not in its canonical form")
        if said and columns_of(event) != said:
            self.broken("the row's columns say something else than its event")
        if event.source != self.device:
            self.broken(f"the event is of {event.source!r}")
        self._event(event, data)
        return event

    def forget(self, header: Header) -> None:
        """Go on from what the header of a deleted archive says of its last row."""
        if self.forgotten != self.position or header.first_position != self.position + 1:
            self.broken("an archive was deleted before older ones", epoch=header.epoch, seq=header.first_seq)
        if header.epoch != self.epoch:
            self._begin(header.first_position - header.first_seq + 1, header.epoch)
        self.forgotten = self.position = header.last_position
        self.seq, self.hash = header.last_seq, bytes.fromhex(header.head)
        self._hashes += [*[_UNKNOWN] * (header.count - 1), self.hash]
        self.records = {
            EPOCH: CurrentEpoch(epoch=header.epoch),
            PERPETUAL: Totals(programmes=header.perpetual),
        }

    def holds(self, link: RowLink) -> bool:
        """Whether a row is among those taken."""
        first = self.epochs.get(link.epoch)
        if first is None or link.seq == 0:
            return first is not None and link.hash == GENESIS.hex()
        position = first + link.seq - 1
        if position > self.position:
            return False
        return self._hashes[position - 1] == _UNKNOWN or self._hashes[position - 1].hex() == link.hash

    def broken(self, what: str, *, epoch: str | None = None, seq: int | None = None) -> NoReturn:
        """Say where and what; by default at the last row."""
        epoch = self.epoch if epoch is None else epoch
        seq = self.seq if seq is None else seq
        raise JournalBroken(f"{epoch}/{seq}: {what}; keep the file, a new epoch is needed", epoch=epoch, seq=seq)

    def _place(self, position: int, epoch: str, seq: int, previous: bytes) -> None:
        if epoch != self.epoch:
            self._begin(position, epoch)
        if position != self.position + 1 or seq != self.seq + 1:
            self.broken("the row is missing", seq=self.seq + 1)
        self.position, self.seq = position, seq
        if previous != self.hash:
            self.broken("the row doesn't follow the one before it")

    def _begin(self, position: int, epoch: str) -> None:
        found = self.connection.execute(
            "SELECT counter, first_position FROM epochs WHERE epoch = ?", (epoch,)
        ).fetchone()
        self.epoch, self.seq, self.hash = epoch, 0, GENESIS
        if found != (len(self.epochs) + 1, position):
            self.broken("the epoch isn't where it should be", seq=1)
        self.epochs[epoch] = position

    def _event(self, event: Event, data: bytes) -> None:
        known, digest = self._events.get(event.event_id), hashlib.sha256(data).digest()
        if known is not None:
            # A copy of a row of the epoch before: the same bytes, and no second effect.
            if known != digest or len(self.epochs) == 1:
                self.broken(f"event {event.event_id} was written twice")
            return
        self._events[event.event_id] = digest
        if (self.seq == 1) != isinstance(event.data, EpochOpened):
            self.broken("an epoch begins with its opening, and with nothing else")
        if isinstance(event.data, EpochOpened):
            self._opening(event.data)
        if isinstance(event.data, CLOSURES):
            self._closure(event.data)
        if to_us(event.ordered_at) <= self._ordered_at_us:
            self.broken("the event's order time is not after the one before")
        self._ordered_at_us = to_us(event.ordered_at)
        try:
            changes = evolve(self.records, event)
        except ProgrammeError as error:
            self.broken(f"the event has no effect that can be told ({error})")
        for key, record in changes.items():
            if record is None:
                self.records.pop(key, None)
            else:
                self.records[key] = record

    def _opening(self, opened: EpochOpened) -> None:
        if opened.epoch != self.epoch:
            self.broken(f"the opening is of epoch {opened.epoch}")
        if len(self.epochs) == 1:
            if opened.parent is not None:
                self.broken("the first epoch has a parent")
        elif opened.parent is None or not self.holds(opened.parent):
            self.broken("the epoch's parent isn't in the journal")
        else:  # what came after the parent is of another branch
            last = self.epochs[opened.parent.epoch] + opened.parent.seq - 1
            self._closures = [(position, closed) for position, closed in self._closures if position <= last]

    def _closure(self, closed: Closure) -> None:
        try:
            check_closure(closed, self.key)
        except BadSignature:
            self.broken("the closure isn't signed by this box")
        if closed.perpetual != totals(self.records, PERPETUAL).programmes:
            self.broken("the closure's perpetual totals aren't what the rows add up to")
        if isinstance(closed, PeriodClosed) and not self.forgotten:
            due = open_periods(before for _, before in self._closures).get(closed.period)
            if closed.totals != due:
                self.broken(f"the closure of {closed.period} isn't the sum of its days'")
        self._closures.append((self.position, closed))
