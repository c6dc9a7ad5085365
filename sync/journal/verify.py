"""Whether a journal is what was written: every row, archives included, the state they add up to, and central's acks.

It finds any change to a stored row, and any tail cut below the last row that the file says it ends with or that an ack
it holds names. It can't find a file that was put back whole from an older copy: central does, by its next ack.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from programme.canonical import from_bytes
from programme.errors import NotUnderstood
from programme.events import Event, RowLink
from programme.state import PERPETUAL, record_kind, totals
from sync.chain import b64, row_hash
from sync.errors import ArchiveDamaged, JournalBroken, JournalForeign, JournalMissing, WireError
from sync.journal.archive import Header
from sync.journal.database import connect_read_only, meaning
from sync.journal.rows import MAX_POSITION, ends_of
from sync.journal.shelf import Noted, Shelf, noted_archives
from sync.journal.walk import Walk
from sync.wire import Ack, open_message

_ROWS = """
SELECT position, epoch, seq, event, previous, hash, event_id, ends, type, occurred_at_us, ordered_at_us, clock,
       programme, instrument, currency, value_minor
FROM rows WHERE position BETWEEN ? AND ? ORDER BY position
"""


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
            owner, key = _owner(connection, keys, device)
            walk = Walk(connection, owner, key)
            return _Verification(connection, {**keys, owner: key}, Shelf(path), walk).run()
    except sqlite3.Error as error:
        raise meaning(error, path) from error


def _owner(
    connection: sqlite3.Connection, keys: dict[str, Ed25519PublicKey], expected: str | None
) -> tuple[str, Ed25519PublicKey]:
    """Whose journal it is, and the key that it names."""
    box = connection.execute("SELECT device, journal_key FROM box").fetchone()
    if box is None:
        raise _nobodys("it doesn't say whose journal it is")
    device, raw = box
    if expected not in (None, device):
        raise JournalForeign(
            f"this is the journal of box {device!r}, and this box is {expected!r}: give it its own disk back"
        )
    try:
        key = Ed25519PublicKey.from_public_bytes(raw)
    except (ValueError, TypeError):
        raise _nobodys("the journal key it names is no key") from None
    if keys.get(device, key).public_bytes_raw() != raw:
        raise JournalForeign(
            f"the journal of box {device!r} was written under another journal key than this box's: "
            "give the box its own disk or its own key file back"
        )
    return device, key


def _nobodys(what: str) -> JournalBroken:
    return JournalBroken(f"{what}; keep the file, a new epoch is needed", epoch="", seq=0)


@dataclass(slots=True)
class _Verification:
    """The walk over all rows, wherever they are, and what is kept around them."""

    connection: sqlite3.Connection
    keys: dict[str, Ed25519PublicKey]
    shelf: Shelf
    walk: Walk
    vouching: set[str] = field(default_factory=set)

    def run(self) -> Report:
        archives, walk = noted_archives(self.connection), self.walk
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
            device=walk.device,
            epochs=tuple(walk.epochs),
            rows=walk.position,
            archives=len(archives),
            head=RowLink(epoch=walk.epoch, seq=walk.seq, hash=walk.hash.hex()),
            acknowledged=acknowledged,
        )

    def _rows_at_hand(self, last: int) -> None:
        for columns in self.connection.execute(_ROWS, (self.walk.position + 1, last)):
            self.walk.row(*columns)

    def _archive(self, archive: Noted) -> None:
        header = self._header(archive)
        try:
            section = self.shelf.section(archive)
        except ArchiveDamaged as error:
            self.walk.broken(str(error), epoch=header.epoch, seq=header.first_seq)
        at_hand = {
            columns[0]: columns
            for columns in self.connection.execute(_ROWS, (archive.first_position, archive.last_position))
        }
        for position, row in enumerate(section.rows, start=archive.first_position):
            kept = (row.epoch, row.seq, row.event, row.previous, row.hash)
            columns = at_hand.get(position, (position, *kept))
            event = self.walk.row(*columns)
            if columns[1:6] != kept:
                self.walk.broken("the row says something else than its archive")
            if position <= archive.moved_to:
                self._is_known(event)
            elif position not in at_hand:
                self.walk.broken("the row is missing, and it hasn't moved to its archive yet")
        if totals(self.walk.records, PERPETUAL).programmes != header.perpetual:
            self.walk.broken("the archive's perpetual totals aren't what the rows add up to")

    def _header(self, archive: Noted) -> Header:
        header = archive.signed.read()
        key = self.walk.key.public_bytes_raw()
        if (header.device, header.journal_key) != (self.walk.device, b64(key)):
            self.walk.broken("the archive is another box's", epoch=header.epoch, seq=header.first_seq)
        said = (header.first_position, header.last_position)
        if said != (archive.first_position, archive.last_position):
            self.walk.broken("the archive says something else than is noted of it", epoch=header.epoch)
        if header.ack is not None:
            self.vouching.add(header.ack)
        return header

    def _is_known(self, event: Event) -> None:
        for taken in (event.event_id, ends_of(event.event_id, event.data)):
            found = self.connection.execute("SELECT position FROM archived WHERE id = ?", (taken.bytes,)).fetchone()
            if found is None or found[0] < self.walk.position:
                self.walk.broken(f"event {taken} isn't known as archived: repeated, it would count again")

    def _forgotten(self, archive: Noted) -> None:
        """Of a deleted archive's rows only those still at hand can be read."""
        self.walk.forget(self._header(archive))
        for _, epoch, seq, data, previous, digest, *_ in self.connection.execute(
            _ROWS, (archive.first_position, archive.last_position)
        ):
            if row_hash(epoch=epoch, seq=seq, previous=previous, event=data) != digest:
                self.walk.broken("the row was changed, its hash is another", epoch=epoch, seq=seq)

    def _end(self) -> None:
        stand = self.connection.execute(
            "SELECT epoch, seq, hash, watermark_seq, watermark_hash FROM standing"
        ).fetchone()
        if stand is None:
            self.walk.broken("it doesn't say where it ends")
        epoch, seq, digest, watermark_seq, watermark_hash = stand
        if (epoch, seq, digest) != (self.walk.epoch, self.walk.seq, self.walk.hash):
            self.walk.broken(
                f"the journal ended at {epoch}/{seq}: what follows this row is cut off", seq=self.walk.seq + 1
            )
        if not self.walk.holds(RowLink(epoch=epoch, seq=watermark_seq, hash=watermark_hash.hex())):
            self.walk.broken("the last acknowledged row isn't in the journal", seq=watermark_seq)

    def _acks(self) -> RowLink | None:
        last: tuple[int, int, RowLink] | None = None
        for signed in self.vouching:
            self._vouching_ack(signed)
        found = self.connection.execute("SELECT epoch, generation, seq, hash, signed FROM acks")
        for epoch, generation, seq, digest, signed in found:
            link = RowLink(epoch=epoch, seq=seq, hash=digest.hex())
            self._ack(link, generation, signed)
            order = (self.walk.epochs.get(epoch, 0), generation, link)
            if seq > 0 and (last is None or order[:2] > last[:2]):
                last = order
        return None if last is None else last[2]

    def _ack(self, link: RowLink, generation: int, signed: str) -> None:
        try:
            ack = open_message(signed, Ack, context="ack", keys=self.keys)
        except WireError as error:
            self.walk.broken(f"the ack of this row isn't central's ({error})", epoch=link.epoch, seq=link.seq)
        said = (ack.device, ack.generation, RowLink(epoch=ack.epoch, seq=ack.seq, hash=ack.hash))
        if said != (self.walk.device, generation, link):
            self.walk.broken("the ack says something else than is noted of it", epoch=link.epoch, seq=link.seq)
        if not self.walk.holds(link):
            self.walk.broken(
                "central acknowledged this row, and it is not in the journal", epoch=link.epoch, seq=link.seq
            )

    def _vouching_ack(self, signed: str) -> None:
        """An ack in an archive: the rows up to the one it names are in this journal."""
        try:
            ack = open_message(signed, Ack, context="ack", keys=self.keys)
        except WireError as error:
            self.walk.broken(f"an archive's ack isn't central's ({error})")
        if ack.device != self.walk.device or not self.walk.holds(RowLink(epoch=ack.epoch, seq=ack.seq, hash=ack.hash)):
            self.walk.broken("an archive's ack names a row that is not in the journal", epoch=ack.epoch, seq=ack.seq)

    def _state(self) -> None:
        stored = {}
        for key, data in self.connection.execute("SELECT key, record FROM state"):
            try:
                stored[key] = from_bytes(data, record_kind(key))
            except (NotUnderstood, KeyError):
                self.walk.broken(f"the state's record {key!r} can't be read")
        for key in sorted(stored.keys() | self.walk.records.keys()):
            if self.walk.forgotten and key not in self.walk.records:
                continue  # it goes back to rows that the law no longer wants kept
            if stored.get(key) != self.walk.records.get(key):
                self.walk.broken(f"the state's record {key!r} isn't what the rows add up to")

    def _file(self) -> None:
        (answer,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            self.walk.broken(f"the file is damaged ({answer})")
