"""Sections of a journal as files: signed, readable by hand, each verifiable alone.

A section is consecutive rows of one epoch, as lines of UTF-8:

    header          `Header` as RFC 8785 JSON
    signature       the journal key's over the header line, base64url (`sync.chain.sign`, context "section")
    event           one line for each row, its canonical bytes verbatim

The hash of a row follows from the header and the events (`sync.chain.row_hash`); the header names the hash before the
first row and the last row's, so that its signature covers every row. An archive is one section in one zstd frame; an
export is many sections one after the other, as plain text.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from programme.canonical import Instant, canonical_bytes, from_bytes
from programme.errors import NotUnderstood
from programme.events import OPERATIONS, Closure, Count, EpochOpened, Event, ProgrammeTotals
from programme.state import at_least, count_operation
from sync.chain import Row, b64, check_signature, make_row, sign, unb64
from sync.errors import BadSignature, JournalBroken
from sync.wire.fields import Epoch, Hash

SECTION_CONTEXT = "section"
_ZSTD_LEVEL = 9
_MAX_SECTION_BYTES = 64 * 1024 * 1024
"""No archive of ours comes near; a frame that claims more is refused before it is unpacked."""
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"  # RFC 8878 §3.1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a section says of itself.

    Attributes:
        journal_key: The box's public one, base64url.
        first_position: Of the first row, over all epochs.
        previous: Hash before the first row; zeros where an epoch begins.
        head: The last row's hash.
        first_at: `ordered_at` of the first row; rows copied from the epoch before keep theirs.
        last_at: Of the last row.
        perpetual: Totals by programme up to the last row, since the box's enrolment.
        ack: Central's signed ack by which the rows were known to be booked, verbatim; None for rows that weren't.
    """

    format: Literal["comptoir/section/1"] = "comptoir/section/1"
    device: str
    journal_key: str
    epoch: Epoch
    first_position: Count
    first_seq: Count
    count: Count
    previous: Hash
    head: Hash
    first_at: Instant
    last_at: Instant
    perpetual: dict[str, ProgrammeTotals]
    ack: str | None = None

    @property
    def last_position(self) -> int:
        """Of the last row."""
        return self.first_position + self.count - 1

    @property
    def last_seq(self) -> int:
        """Of the last row."""
        return self.first_seq + self.count - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHeader:
    """A header as it is written.

    Attributes:
        line: Its bytes, which the signature covers.
    """

    line: bytes
    signature: str

    def read(self) -> Header:
        """The header, its signature checked under the key that it names.

        Raises:
            JournalBroken: It isn't what was signed, or no header.
        """
        try:
            header = from_bytes(self.line, Header)
        except NotUnderstood as error:
            raise JournalBroken(f"the section's header can't be read ({error})", epoch="", seq=0) from error
        try:
            key = Ed25519PublicKey.from_public_bytes(unb64(header.journal_key))
            check_signature(key, SECTION_CONTEXT, self.line, unb64(self.signature))
        except (BadSignature, ValueError) as error:
            what = f"the section from {header.epoch}/{header.first_seq} isn't what the box signed"
            raise JournalBroken(what, epoch=header.epoch, seq=header.first_seq) from error
        return header


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Rows whose chain and signature hold."""

    signed: SignedHeader
    header: Header
    rows: tuple[Row, ...]


def sign_header(header: Header, key: Ed25519PrivateKey) -> SignedHeader:
    """Sign a header."""
    line = canonical_bytes(header)
    return SignedHeader(line=line, signature=b64(sign(key, SECTION_CONTEXT, line)))


def section_bytes(signed: SignedHeader, rows: Sequence[Row]) -> bytes:
    """A section as text."""
    return b"\n".join([signed.line, signed.signature.encode(), *(row.event for row in rows), b""])


def pack(section: bytes) -> bytes:
    """A section as an archive's bytes."""
    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True).compress(section)


def sections(file: BinaryIO) -> Iterator[Section]:
    """The sections of an archive or an export, each verified by itself.

    Raises:
        JournalBroken: One doesn't hold, or the file isn't of this form.
    """
    if file.read(len(_ZSTD_MAGIC)) == _ZSTD_MAGIC:
        file.seek(0)
        file = io.BytesIO(_unpacked(file.read()))
    else:
        file.seek(0)
    while line := file.readline():
        signed = SignedHeader(line=line.rstrip(b"\n"), signature=file.readline().strip().decode("ascii", "replace"))
        header = signed.read()
        yield Section(signed=signed, header=header, rows=_rows(header, file))


def _unpacked(data: bytes) -> bytes:
    try:
        if not 0 <= zstandard.frame_content_size(data) <= _MAX_SECTION_BYTES:
            raise JournalBroken("the archive is larger than any of ours", epoch="", seq=0)
        return zstandard.ZstdDecompressor().decompress(data, read_across_frames=False, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise JournalBroken(f"the archive can't be unpacked ({error})", epoch="", seq=0) from error


def _rows(header: Header, file: BinaryIO) -> tuple[Row, ...]:
    rows: list[Row] = []
    previous = bytes.fromhex(header.previous)
    for seq in range(header.first_seq, header.first_seq + header.count):
        line = file.readline()
        if not line.endswith(b"\n"):
            raise JournalBroken(f"row {header.epoch}/{seq} is cut off the section", epoch=header.epoch, seq=seq)
        row = make_row(epoch=header.epoch, seq=seq, previous=previous, event=line[:-1])
        rows.append(row)
        previous = row.hash
    if not rows or previous.hex() != header.head:
        what = f"the rows {header.epoch}/{header.first_seq} to {header.last_seq} aren't those that the box signed"
        raise JournalBroken(what, epoch=header.epoch, seq=header.first_seq)
    return tuple(rows)


def perpetual_after(
    before: Mapping[str, ProgrammeTotals], events: Iterable[tuple[Event, bool]]
) -> dict[str, ProgrammeTotals]:
    """The perpetual totals after some rows.

    Args:
        events: Each with whether it was copied from the epoch before, and so counted already.
    """
    sums = dict(before)
    for event, is_copy in events:
        data = event.data
        if isinstance(data, EpochOpened | Closure):
            sums = at_least(sums, data.perpetual)
        elif isinstance(data, OPERATIONS) and not data.counter.training and not is_copy:
            sums[data.programme] = count_operation(sums.get(data.programme, ProgrammeTotals()), data)
    return sums
