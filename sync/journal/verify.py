"""Whether a journal is what was written: every row, archives included, the state they add up to, and central's acks.

It finds any change to a stored row, and any tail cut below the last row that the file says it ends with or that an ack
it holds names. It can't find a file that was put back whole from an older copy: central does, by its next ack.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from programme.canonical import from_bytes
from programme.cloudevents import decode_event, encode_event
from programme.errors import NotUnderstood, ProgrammeError
from programme.events import CLOSURES, Closure, EpochOpened, Event, PeriodClosed, RowLink
from programme.instants import to_us
from programme.periods import open_periods
from programme.state import EPOCH, PERPETUAL, CurrentEpoch, Record, Totals, evolve, record_kind, totals
from sync.chain import GENESIS, b64, row_hash
from sync.closures import check_closure
from sync.errors import ArchiveDamaged, BadSignature, JournalBroken, JournalForeign, JournalMissing, WireError
from sync.journal.archive import Header
from sync.journal.database import connect_read_only, meaning
from sync.journal.rows import MAX_POSITION, columns_of, ends_of
from sync.journal.shelf import Noted, Shelf, noted_archives
from sync.wire import Ack, open_message

_ROWS = """
SELECT position, epoch, seq, event, previous, hash, event_id, ends, type, occurred_at_us, ordered_at_us, clock,
       programme, instrument, currency, value_minor
FROM rows WHERE position BETWEEN ? AND ? ORDER BY position
"""
_UNKNOWN = b""
"""The hash of a row that was deleted with its archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A journal that holds.

    Attributes:
        rows: Of all epochs.
        archives: How many hold the oldest of them.
        acknowledged: The last row that a signed ack of central's vouches for; None before any.
    """

    device: str
    epochs: tuple[str, ...]
    rows: int
    archives: int
    head: RowLink
    acknowledged: RowLink | None


def verify(path: Path, *, keys: dict[str, Ed25519PublicKey], device: str | None = None) -> Report:
    """Verify a journal, also while the agent writes it.

    Args:
        keys: Central's, by key id; and under the device's id the box's journal key, if it is known from elsewhere.
        device: Whose journal it should be; None where the file alone says so, which any box's file would.

    Raises:
        JournalBroken: It doesn't hold; says where and what.
        JournalMissing: It isn't there.
        JournalForeign: It is another box's, or was written under another key than `keys` names.
        JournalError: The file can't be read.
    """
    if not path.exists():
        raise JournalMissing(f"{path} doesn't exist: give the path of a box's journal")
    try:
        with closing(connect_read_only(path)) as connection:
            connection.execute("BEGIN")  # one view of it all
            return _Verification(connection, keys, Shelf(path), expected=device).run()
    except sqlite3.Error as error:
        raise meaning(error, path) from error


@dataclass(slots=True)
class _Verification:
    """One pass over the rows, and what it has seen."""

    connection: sqlite3.Connection
    keys: dict[str, Ed25519PublicKey]
    shelf: Shelf
    expected: str | None = None
    device: str = ""
    forgotten: int = 0
    epoch: str = ""
    seq: int = 0
    hash: bytes = GENESIS
    position: int = 0
    ordered_at_us: int = 0
    epochs: dict[str, int] = field(default_factory=dict)
    hashes: list[bytes] = field(default_factory=list)
    events: dict[UUID, bytes] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    closures: list[tuple[int, Closure]] = field(default_factory=list)
    vouching: set[str] = field(default_factory=set)

    def run(self) -> Report:
        self._owner()
        archives = noted_archives(self.connection)
        for archive in archives:
            self._rows_at_hand(archive.first_position - 1)
            if archive.name is None:
                self._forgotten(archive)
            else:
                self._archive(archive)
        self._rows_at_hand(MAX_POSITION)
        self._end()
        acknowledged = self._acks()
        self._state()
        self._file()
        return Report(
            device=self.device,
            epochs=tuple(self.epochs),
            rows=self.position,
            archives=len(archives),
            head=RowLink(epoch=self.epoch, seq=self.seq, hash=self.hash.hex()),
            acknowledged=acknowledged,
        )

    def _broken(self, what: str, *, epoch: str | None = None, seq: int | None = None) -> NoReturn:
        epoch = self.epoch if epoch is None else epoch
        seq = self.seq if seq is None else seq
        raise JournalBroken(f"{epoch}/{seq}: {what}; keep the file, a new epoch is needed", epoch=epoch, seq=seq)

    def _owner(self) -> None:
        box = self.connection.execute("SELECT device, journal_key FROM box").fetchone()
        if box is None:
            self._broken("it doesn't say whose journal it is")
        self.device = box[0]
        if self.expected not in (None, self.device):
            raise JournalForeign(
                f"this is the journal of box {self.device!r}, and this box is {self.expected!r}: "
                "give it its own disk back"
            )
        try:
            key = Ed25519PublicKey.from_public_bytes(box[1])
        except (ValueError, TypeError):
            self._broken("the journal key it names is no key")
        if self.keys.get(self.device, key).public_bytes_raw() != box[1]:
            raise JournalForeign(
                f"the journal of box {self.device!r} was written under another journal key than this box's: "
                "give the box its own disk or its own key file back"
            )
        self.keys = {**self.keys, self.device: key}

    def _rows_at_hand(self, last: int) -> None:
        for columns in self.connection.execute(_ROWS, (self.position + 1, last)):
            self._row(*columns)

    def _archive(self, archive: Noted) -> None:
        header = self._header(archive)
        try:
            section = self.shelf.section(archive)
        except ArchiveDamaged as error:
            self._broken(str(error), epoch=header.epoch, seq=header.first_seq)
        at_hand = {
            columns[0]: columns
            for columns in self.connection.execute(_ROWS, (archive.first_position, archive.last_position))
        }
        for position, row in enumerate(section.rows, start=archive.first_position):
            kept = (row.epoch, row.seq, row.event, row.previous, row.hash)
            columns = at_hand.get(position, (position, *kept))
            event = self._row(*columns)
            if columns[1:6] != kept:
                self._broken("the row says something else than its archive")
            if position <= archive.moved_to:
                self._is_known(event)
            elif position not in at_hand:
                self._broken("the row is missing, and it hasn't moved to its archive yet")
        if totals(self.records, PERPETUAL).programmes != header.perpetual:
            self._broken("the archive's perpetual totals aren't what the rows add up to")

    def _header(self, archive: Noted) -> Header:
        header = archive.signed.read()
        key = self.keys[self.device].public_bytes_raw()
        if (header.device, header.journal_key) != (self.device, b64(key)):
            self._broken("the archive is another box's", epoch=header.epoch, seq=header.first_seq)
        said = (header.first_position, header.last_position)
        if said != (archive.first_position, archive.last_position):
            self._broken("the archive says something else than is noted of it", epoch=header.epoch)
        if header.ack is not None:
            self.vouching.add(header.ack)
        return header

    def _is_known(self, event: Event) -> None:
        for taken in (event.event_id, ends_of(event.event_id, event.data)):
            found = self.connection.execute("SELECT position FROM archived WHERE id = ?", (taken.bytes,)).fetchone()
            if found is None or found[0] < self.position:
                self._broken(f"event {taken} isn't known as archived: repeated, it would count again")

    def _forgotten(self, archive: Noted) -> None:
        """Go on from what a deleted archive's header says; of its rows only those still at hand can be read."""
        header = self._header(archive)
        if self.forgotten != self.position or header.first_position != self.position + 1:
            self._broken("an archive was deleted before older ones", epoch=header.epoch, seq=header.first_seq)
        if header.epoch != self.epoch:
            self._begin(header.first_position - header.first_seq + 1, header.epoch)
        for _, epoch, seq, data, previous, digest, *_ in self.connection.execute(
            _ROWS, (archive.first_position, archive.last_position)
        ):
            if row_hash(epoch=epoch, seq=seq, previous=previous, event=data) != digest:
                self._broken("the row was changed, its hash is another", epoch=epoch, seq=seq)
        self.forgotten = self.position = header.last_position
        self.seq, self.hash = header.last_seq, bytes.fromhex(header.head)
        self.hashes += [*[_UNKNOWN] * (header.count - 1), self.hash]
        self.records = {
            EPOCH: CurrentEpoch(epoch=header.epoch),
            PERPETUAL: Totals(programmes=header.perpetual),
        }

    def _row(
        self, position: int, epoch: str, seq: int, data: bytes, previous: bytes, digest: bytes, *said: object
    ) -> Event:
        self._place(position, epoch, seq, previous)
        if row_hash(epoch=epoch, seq=seq, previous=previous, event=data) != digest:
            self._broken("the row was changed, its hash is another")
        self.hash = digest
        self.hashes.append(digest)
        try:
            event = decode_event(data)
        except NotUnderstood as error:
            self._broken(f"the event can't be read ({error})")
        if encode_event(event) != data:
            self._broken("the event is not in its canonical form")
        if said and columns_of(event) != said:
            self._broken("the row's columns say something else than its event")
        if event.source != self.device:
            self._broken(f"the event is of {event.source!r}")
        self._event(event, data)
        return event

    def _place(self, position: int, epoch: str, seq: int, previous: bytes) -> None:
        if epoch != self.epoch:
            self._begin(position, epoch)
        if position != self.position + 1 or seq != self.seq + 1:
            self._broken("the row is missing", seq=self.seq + 1)
        self.position, self.seq = position, seq
        if previous != self.hash:
            self._broken("the row doesn't follow the one before it")

    def _begin(self, position: int, epoch: str) -> None:
        found = self.connection.execute(
            "SELECT counter, first_position FROM epochs WHERE epoch = ?", (epoch,)
        ).fetchone()
        self.epoch, self.seq, self.hash = epoch, 0, GENESIS
        if found != (len(self.epochs) + 1, position):
            self._broken("the epoch isn't where it should be", seq=1)
        self.epochs[epoch] = position

    def _event(self, event: Event, data: bytes) -> None:
        known, digest = self.events.get(event.event_id), hashlib.sha256(data).digest()
        if known is not None:
            # A copy of a row of the epoch before: the same bytes, and no second effect.
            if known != digest or len(self.epochs) == 1:
                self._broken(f"event {event.event_id} was written twice")
            return
        self.events[event.event_id] = digest
        if (self.seq == 1) != isinstance(event.data, EpochOpened):
            self._broken("an epoch begins with its opening, and with nothing else")
        if isinstance(event.data, EpochOpened):
            self._opening(event.data)
        if isinstance(event.data, CLOSURES):
            self._closure(event.data)
        if to_us(event.ordered_at) <= self.ordered_at_us:
            self._broken("the event's order time is not after the one before")
        self.ordered_at_us = to_us(event.ordered_at)
        try:
            changes = evolve(self.records, event)
        except ProgrammeError as error:
            self._broken(f"the event has no effect that can be told ({error})")
        for key, record in changes.items():
            if record is None:
                self.records.pop(key, None)
            else:
                self.records[key] = record

    def _opening(self, opened: EpochOpened) -> None:
        if opened.epoch != self.epoch:
            self._broken(f"the opening is of epoch {opened.epoch}")
        if len(self.epochs) == 1:
            if opened.parent is not None:
                self._broken("the first epoch has a parent")
        elif opened.parent is None or not self._holds(opened.parent):
            self._broken("the epoch's parent isn't in the journal")
        else:  # what came after the parent is of another branch
            last = self.epochs[opened.parent.epoch] + opened.parent.seq - 1
            self.closures = [(position, closed) for position, closed in self.closures if position <= last]

    def _closure(self, closed: Closure) -> None:
        try:
            check_closure(closed, self.keys[self.device])
        except BadSignature:
            self._broken("the closure isn't signed by this box")
        if closed.perpetual != totals(self.records, PERPETUAL).programmes:
            self._broken("the closure's perpetual totals aren't what the rows add up to")
        if isinstance(closed, PeriodClosed) and not self.forgotten:
            due = open_periods(before for _, before in self.closures).get(closed.period)
            if closed.totals != due:
                self._broken(f"the closure of {closed.period} isn't the sum of its days'")
        self.closures.append((self.position, closed))

    def _holds(self, link: RowLink) -> bool:
        first = self.epochs.get(link.epoch)
        if first is None or link.seq == 0:
            return first is not None and link.hash == GENESIS.hex()
        position = first + link.seq - 1
        if position > self.position:
            return False
        return self.hashes[position - 1] == _UNKNOWN or self.hashes[position - 1].hex() == link.hash

    def _end(self) -> None:
        stand = self.connection.execute(
            "SELECT epoch, seq, hash, watermark_seq, watermark_hash FROM standing"
        ).fetchone()
        if stand is None:
            self._broken("it doesn't say where it ends")
        epoch, seq, digest, watermark_seq, watermark_hash = stand
        if (epoch, seq, digest) != (self.epoch, self.seq, self.hash):
            self._broken(f"the journal ended at {epoch}/{seq}: what follows this row is cut off", seq=self.seq + 1)
        if not self._holds(RowLink(epoch=epoch, seq=watermark_seq, hash=watermark_hash.hex())):
            self._broken("the last acknowledged row isn't in the journal", seq=watermark_seq)

    def _acks(self) -> RowLink | None:
        last: tuple[int, int, RowLink] | None = None
        for signed in self.vouching:
            self._vouching_ack(signed)
        found = self.connection.execute("SELECT epoch, generation, seq, hash, signed FROM acks")
        for epoch, generation, seq, digest, signed in found:
            link = RowLink(epoch=epoch, seq=seq, hash=digest.hex())
            self._ack(link, generation, signed)
            order = (self.epochs.get(epoch, 0), generation, link)
            if seq > 0 and (last is None or order[:2] > last[:2]):
                last = order
        return None if last is None else last[2]

    def _ack(self, link: RowLink, generation: int, signed: str) -> None:
        try:
            ack = open_message(signed, Ack, context="ack", keys=self.keys)
        except WireError as error:
            self._broken(f"the ack of this row isn't central's ({error})", epoch=link.epoch, seq=link.seq)
        said = (ack.device, ack.generation, RowLink(epoch=ack.epoch, seq=ack.seq, hash=ack.hash))
        if said != (self.device, generation, link):
            self._broken("the ack says something else than is noted of it", epoch=link.epoch, seq=link.seq)
        if not self._holds(link):
            self._broken("central acknowledged this row, and it is not in the journal", epoch=link.epoch, seq=link.seq)

    def _vouching_ack(self, signed: str) -> None:
        """An ack in an archive: the rows up to the one it names are in this journal."""
        try:
            ack = open_message(signed, Ack, context="ack", keys=self.keys)
        except WireError as error:
            self._broken(f"an archive's ack isn't central's ({error})")
        if ack.device != self.device or not self._holds(RowLink(epoch=ack.epoch, seq=ack.seq, hash=ack.hash)):
            self._broken("an archive's ack names a row that is not in the journal", epoch=ack.epoch, seq=ack.seq)

    def _state(self) -> None:
        stored = {}
        for key, data in self.connection.execute("SELECT key, record FROM state"):
            try:
                stored[key] = from_bytes(data, record_kind(key))
            except (NotUnderstood, KeyError):
                self._broken(f"the state's record {key!r} can't be read")
        for key in sorted(stored.keys() | self.records.keys()):
            if self.forgotten and key not in self.records:
                continue  # it goes back to rows that the law no longer wants kept
            if stored.get(key) != self.records.get(key):
                self._broken(f"the state's record {key!r} isn't what the rows add up to")

    def _file(self) -> None:
        (answer,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            self._broken(f"the file is damaged ({answer})")
