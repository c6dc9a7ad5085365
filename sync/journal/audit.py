"""Whether an archive or an export is what a box wrote, by the file alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from programme.cloudevents import decode_event, encode_event
from programme.errors import NotUnderstood
from programme.events import CLOSURES, EpochOpened, Event, ProgrammeTotals
from programme.state import at_least
from sync.chain import GENESIS, Row, b64, unb64
from sync.closures import check_closure
from sync.errors import BadSignature, JournalBroken, JournalError, JournalForeign, WireError
from sync.journal.archive import Header, Section, perpetual_after, sections
from sync.wire import Ack, open_message


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """A file that holds.

    Attributes:
        journal_key: The key that signed it, base64url: the box's, if the box or central says so.
        first: Of the first section.
        last: Of the last one.
        acks_checked: Whether central's signatures were, too.
    """

    device: str
    journal_key: str
    rows: int
    first: Header
    last: Header
    acks_checked: bool


def verify_file(path: Path, *, keys: Mapping[str, Ed25519PublicKey]) -> FileReport:
    """Verify an archive or an export.

    Args:
        keys: Central's, by key id; and under a device's id its journal key; as far as they are known.

    Raises:
        JournalBroken: It doesn't hold, or rows are missing within it; says where.
        JournalForeign: It was signed by another key than its box's, as `keys` has it.
        JournalError: It can't be read.
    """
    audit = _Audit(keys=dict(keys))
    try:
        with path.open("rb") as file:
            for section in sections(file):
                audit.take(section)
    except OSError as error:
        raise JournalError(f"{path} can't be read ({error.strerror}): check the file's name and its rights") from error
    audit.check_acks()
    if audit.first is None or audit.last is None:
        raise JournalBroken(f"{path} holds no rows: give an archive or an export of a journal", epoch="", seq=0)
    return FileReport(
        device=audit.first.device,
        journal_key=audit.first.journal_key,
        rows=audit.rows,
        first=audit.first,
        last=audit.last,
        acks_checked=bool(audit.acks),
    )


@dataclass(slots=True)
class _Audit:
    """One pass over the sections, and what it has seen."""

    keys: dict[str, Ed25519PublicKey]
    first: Header | None = None
    last: Header | None = None
    rows: int = 0
    acks: list[Ack] = field(default_factory=list)
    hashes: dict[tuple[str, int], bytes] = field(default_factory=dict)
    events: dict[UUID, bytes] = field(default_factory=dict)

    def take(self, section: Section) -> None:
        header = section.header
        if self.first is None:
            self.first = header
            self._check_key(header)
        else:
            self._check_follows(header)
        counted = [self._row(header, row) for row in section.rows]
        self._check_perpetual(header, counted)
        self._check_ack(header)
        self.last = header
        self.rows += header.count

    def _check_key(self, header: Header) -> None:
        known = self.keys.get(header.device)
        if known is not None and b64(known.public_bytes_raw()) != header.journal_key:
            raise JournalForeign(f"it was signed by another key than box {header.device!r} has: it isn't that box's")

    def _check_follows(self, header: Header) -> None:
        assert self.first is not None
        assert self.last is not None
        if (header.device, header.journal_key) != (self.first.device, self.first.journal_key):
            self._broken(header, "the section is another box's")
        last = self.last
        if header.first_position != last.last_position + 1:
            self._broken(header, f"rows are missing before this one, after {last.epoch}/{last.last_seq}")
        follows = (last.epoch, last.last_seq + 1, last.head)
        begins = header.first_seq == 1 and header.previous == GENESIS.hex() and header.epoch != last.epoch
        if (header.epoch, header.first_seq, header.previous) != follows and not begins:
            self._broken(header, f"the row doesn't follow {last.epoch}/{last.last_seq}")

    def _row(self, header: Header, row: Row) -> tuple[Event, bool]:
        self.hashes[(row.epoch, row.seq)] = row.hash
        try:
            event = decode_event(row.event)
        except NotUnderstood as error:
            self._broken(header, f"the event can't be read ({error})", row)
        if encode_event(event) != row.event or event.source != header.device:
            self._broken(header, "the event is another box's, or not in its canonical form", row)
        if isinstance(event.data, CLOSURES):
            try:
                check_closure(event.data, Ed25519PublicKey.from_public_bytes(unb64(header.journal_key)))
            except BadSignature:
                self._broken(header, "the closure isn't signed by this box", row)
        if (row.seq == 1) != isinstance(event.data, EpochOpened):
            self._broken(header, "an epoch begins with its opening, and with nothing else", row)
        known, digest = self.events.get(event.event_id), hashlib.sha256(row.event).digest()
        if known not in (None, digest):
            self._broken(header, f"event {event.event_id} was written twice, with other content", row)
        self.events[event.event_id] = digest
        return event, known is not None

    def _check_perpetual(self, header: Header, counted: list[tuple[Event, bool]]) -> None:
        before: dict[str, ProgrammeTotals] = {} if self.last is None else self.last.perpetual
        assert self.first is not None
        if self.first.first_position == 1:
            holds = perpetual_after(before, counted) == header.perpetual
        else:  # which rows are copies of earlier ones isn't known
            holds = at_least(header.perpetual, before) == header.perpetual
        if not holds:
            self._broken(header, "the perpetual totals aren't what the rows add up to")

    def _check_ack(self, header: Header) -> None:
        if header.ack is None or not any(key_id for key_id in self.keys if key_id != header.device):
            return
        try:
            ack = open_message(header.ack, Ack, context="ack", keys=self.keys)
        except WireError as error:
            self._broken(header, f"the ack isn't central's ({error})")
        if ack.device != header.device or (ack.epoch == header.epoch and ack.seq < header.last_seq):
            self._broken(header, "the ack doesn't cover the section")
        self.acks.append(ack)

    def check_acks(self) -> None:
        """What central acknowledged is what the file holds, where it reaches so far."""
        for ack in self.acks:
            held = self.hashes.get((ack.epoch, ack.seq))
            if held is not None and held.hex() != ack.hash:
                what = f"{ack.epoch}/{ack.seq}: central acknowledged another row"
                raise JournalBroken(what, epoch=ack.epoch, seq=ack.seq)

    def _broken(self, header: Header, what: str, row: Row | None = None) -> NoReturn:
        epoch, seq = (header.epoch, header.first_seq) if row is None else (row.epoch, row.seq)
        raise JournalBroken(f"{epoch}/{seq}: {what}", epoch=epoch, seq=seq)
