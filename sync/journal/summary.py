"""How much a journal holds, and where."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from programme.cloudevents import decode_event
from programme.events import CLOSURES, DayClosed
from programme.instants import from_us
from sync.errors import JournalMissing
from sync.journal.database import connect_read_only, meaning
from sync.journal.rows import last_archived_position, last_closure_position, row_at_hand
from sync.journal.shelf import Shelf, noted_archives
from sync.journal.standing import stored_standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A journal in figures.

    Attributes:
        rows: Of all epochs, archives included.
        archived_rows: Of which are in archives.
        archives: How many of these there are; those deleted after the legal term apart.
        oldest_at_hand_at: When the oldest row outside of archives was ordered; None where all are in archives.
        last_closed: The day or period closed last in this epoch.
        free_bytes: Of the file system.
    """

    rows: int
    archived_rows: int
    unbooked_rows: int
    archives: int
    oldest_at_hand_at: datetime | None
    last_closed: str | None
    database_bytes: int
    archive_bytes: int
    free_bytes: int


def summarise(path: Path) -> Summary:
    """Look at a journal, also while the agent writes it; nothing is verified.

    Raises:
        JournalMissing: There is none.
        JournalError: It can't be read.
    """
    if not path.exists():
        raise JournalMissing(f"{path} doesn't exist: enrol this box, or name its settings with --config")
    try:
        with closing(connect_read_only(path)) as connection:
            connection.execute("BEGIN")  # one view of it all
            return _summary(connection, path)
    except sqlite3.Error as error:
        raise meaning(error, path) from error


def _summary(connection: sqlite3.Connection, path: Path) -> Summary:
    standing, _ = stored_standing(connection)
    place, archived = standing.place, last_archived_position(connection)
    names = [archive.name for archive in noted_archives(connection) if archive.name is not None]
    files = [Shelf(path).folder / name for name in names]
    ((oldest_us,),) = connection.execute("SELECT min(ordered_at_us) FROM rows WHERE position > ?", (archived,))
    closure = last_closure_position(connection, place)
    return Summary(
        rows=place.last_position,
        archived_rows=archived,
        unbooked_rows=place.last_position - place.position(standing.watermark_seq),
        archives=len(names),
        oldest_at_hand_at=None if oldest_us is None else from_us(oldest_us),
        last_closed=None if closure is None else _closed(connection, closure),
        database_bytes=path.stat().st_size,
        archive_bytes=sum(file.stat().st_size for file in files if file.exists()),
        free_bytes=shutil.disk_usage(path.parent).free,
    )


def _closed(connection: sqlite3.Connection, position: int) -> str | None:
    row = row_at_hand(connection, position)
    data = decode_event(row.event).data if row is not None and row.is_sound else None
    if not isinstance(data, CLOSURES):
        return None
    return str(data.business_day) if isinstance(data, DayClosed) else data.period
