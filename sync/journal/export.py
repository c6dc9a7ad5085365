"""A journal for an auditor: its archives and the rows at hand, as sections of one text file that verifies alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from programme.events import ProgrammeTotals
from sync.chain import Row
from sync.errors import JournalMissing
from sync.journal.archive import Header, SignedHeader, section_bytes, sign_header
from sync.journal.database import connect_read_only, meaning
from sync.journal.moving import ROWS_IN_FILE, head_for, perpetual_before
from sync.journal.rows import MAX_POSITION, rows_since
from sync.journal.shelf import Shelf, noted_archives
from sync.journal.standing import stored_standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when, and until when; sections that reach over an edge are exported whole, for they are signed whole."""

    first: datetime | None = None
    end: datetime | None = None

    def takes(self, header: Header) -> bool:
        """Whether a section has rows ordered within it."""
        is_after = self.first is None or header.last_at >= self.first
        return is_after and (self.end is None or header.first_at < self.end)


def export(path: Path, file: BinaryIO, *, key: Ed25519PrivateKey, span: Span) -> int:
    """Write the sections of a journal, also while the agent writes it.

    Args:
        key: The box's journal key, which signs for the rows at hand.

    Returns:
        How many rows were written.

    Raises:
        JournalMissing: There is none.
        JournalError: It can't be read; an archive is missing or damaged.
    """
    if not path.exists():
        raise JournalMissing(f"{path} doesn't exist: give the path of a box's journal")
    try:
        with closing(connect_read_only(path)) as connection:
            connection.execute("BEGIN")  # one view of it all
            count = 0
            for signed, header, rows in _sections(connection, Shelf(path), key, span):
                file.write(section_bytes(signed, rows))
                count += header.count
            return count
    except sqlite3.Error as error:
        raise meaning(error, path) from error


def _sections(
    connection: sqlite3.Connection, shelf: Shelf, key: Ed25519PrivateKey, span: Span
) -> Iterator[tuple[SignedHeader, Header, list[Row]]]:
    last_position = 0
    for archive in noted_archives(connection):
        last_position = archive.last_position
        header = archive.signed.read()
        if archive.name is not None and span.takes(header):
            yield archive.signed, header, list(shelf.section(archive).rows)
    for header, rows in _at_hand(connection, key, last_position):
        if span.takes(header):
            yield sign_header(header, key), header, rows


def _at_hand(connection: sqlite3.Connection, key: Ed25519PrivateKey, after: int) -> Iterator[tuple[Header, list[Row]]]:
    ((device,),) = connection.execute("SELECT device FROM box")
    standing, _ = stored_standing(connection)
    booked = standing.place.position(standing.watermark_seq)
    perpetual: Mapping[str, ProgrammeTotals] = perpetual_before(connection)
    for rows in _runs(rows_since(connection, after + 1, MAX_POSITION)):
        header = head_for(connection, rows, perpetual=perpetual, device=device, key=key, booked=booked)
        yield header, rows
        perpetual = header.perpetual


def _runs(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows that follow each other; damaged ones are left out, so that whoever reads the file finds them missing."""
    run: list[Row] = []
    for row in rows:
        follows = run and (row.epoch, row.seq, row.previous) == (run[-1].epoch, run[-1].seq + 1, run[-1].hash)
        if run and not (follows and row.is_sound and len(run) < ROWS_IN_FILE):
            yield run
            run = []
        if row.is_sound:
            run.append(row)
    if run:
        yield run
