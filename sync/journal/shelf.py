"""Rows wherever they are: at hand in the database, or in archives beside it."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from programme.instants import to_us
from sync.chain import Row
from sync.errors import ArchiveDamaged, JournalBroken, JournalError, JournalFull
from sync.journal.archive import Section, SignedHeader, sections
from sync.journal.rows import rows_since

_NOTED = "SELECT first_position, last_position, moved_to, name, header, signature FROM archives"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """An archive as the journal knows it.

    Attributes:
        moved_to: Rows up to this position are in the archive alone.
        name: Of its file; None once it was deleted after the legal term.
        signed: Its header.
    """

    first_position: int
    last_position: int
    moved_to: int
    name: str | None
    signed: SignedHeader


def noted_archives(connection: sqlite3.Connection) -> list[Noted]:
    """All archives, in order."""
    return [_noted(found) for found in connection.execute(f"{_NOTED} ORDER BY first_position")]


def archives_after(connection: sqlite3.Connection, position: int) -> list[Noted]:
    """Those with rows after a position that aren't at hand any more."""
    found = connection.execute(f"{_NOTED} WHERE moved_to > ? ORDER BY moved_to", (position,))
    return [archive for archive in map(_noted, found) if archive.moved_to >= archive.first_position]


def last_archive(connection: sqlite3.Connection) -> Noted | None:
    """The newest one."""
    found = connection.execute(f"{_NOTED} ORDER BY first_position DESC LIMIT 1").fetchone()
    return None if found is None else _noted(found)


class Shelf:
    """Reads rows by their position; for one thread at a time, as its connection is."""

    def __init__(self, journal: Path) -> None:
        """Set up.

        Args:
            journal: The database, beside which the archives are.
        """
        self.folder = journal.parent / "archive"
        self._taken: tuple[str, Section] | None = None

    def row_at(self, connection: sqlite3.Connection, position: int) -> Row | None:
        """The row at a position."""
        return next(self.rows(connection, position, position), None)

    def rows_between(self, connection: sqlite3.Connection, first: int, last: int, max_bytes: int) -> list[Row]:
        """Consecutive rows up to a size in events' bytes, but at least one where there is one.

        Raises:
            ArchiveDamaged: The first one is in an archive that can't be read.
        """
        rows: list[Row] = []
        size_bytes = 0
        try:
            for row in self.rows(connection, first, last):
                size_bytes += len(row.event)
                if rows and size_bytes > max_bytes:
                    break
                rows.append(row)
        except ArchiveDamaged:
            if not rows:
                raise
        return rows

    def rows(self, connection: sqlite3.Connection, first: int, last: int, since_us: int = 0) -> Iterator[Row]:
        """Rows in order.

        Args:
            since_us: Those ordered before may be left out.

        Raises:
            ArchiveDamaged: They are in an archive that can't be read.
        """
        position = first
        while position <= last:
            found = connection.execute(
                f"{_NOTED} WHERE moved_to >= ? ORDER BY moved_to LIMIT 1", (position,)
            ).fetchone()
            archive = None if found is None else _noted(found)
            before = last if archive is None else min(last, archive.first_position - 1)
            yield from rows_since(connection, position, before, since_us)
            if archive is None or archive.first_position > last:
                return
            position = max(position, archive.first_position)
            if to_us(archive.signed.read().last_at) >= since_us:
                rows = self.section(archive).rows
                to = min(last, archive.moved_to)
                yield from rows[position - archive.first_position : to - archive.first_position + 1]
            position = archive.moved_to + 1

    def section(self, archive: Noted) -> Section:
        """What an archive holds.

        Raises:
            ArchiveDamaged: It is missing, damaged or another one.
        """
        try:
            section = self._read(archive)
        except ArchiveDamaged as error:
            raise ArchiveDamaged(str(error), last_seq=archive.signed.read().last_seq) from error
        if section.signed != archive.signed:
            what = f"{self.folder / str(archive.name)} is another archive: put this box's own file back"
            raise ArchiveDamaged(what, last_seq=archive.signed.read().last_seq)
        return section

    def _read(self, archive: Noted) -> Section:
        if archive.name is None:
            raise ArchiveDamaged(
                f"the rows up to position {archive.last_position} were deleted after the term that the law sets"
            )
        if self._taken is None or self._taken[0] != archive.name:
            self._taken = archive.name, read_archive(self.folder / archive.name)
        return self._taken[1]


def read_archive(path: Path) -> Section:
    """Read and verify one file.

    Raises:
        ArchiveDamaged: It doesn't hold, or can't be read.
    """
    try:
        with path.open("rb") as file:
            found = list(sections(file))
    except OSError as error:
        raise ArchiveDamaged(f"{path} can't be read ({error.strerror}): put the file back from a copy") from error
    except JournalBroken as error:
        raise ArchiveDamaged(f"{path} is damaged ({error}): put the file back from a copy") from error
    if len(found) != 1:
        raise ArchiveDamaged(f"{path} is no archive: put the file back from a copy")
    return found[0]


def write_archive(path: Path, data: bytes) -> None:
    """Write a file that is whole or not there, whatever happens.

    Raises:
        JournalFull: There is no room for it.
        JournalError: It can't be written.
    """
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with unfinished.open("wb") as file:
            unfinished.chmod(0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        for folder in (path.parent, path.parent.parent):
            _sync(folder)
    except OSError as error:
        with contextlib.suppress(OSError):  # it may never have been there, or the disk takes nothing any more
            unfinished.unlink()
        kind = JournalFull if error.errno in _NO_ROOM else JournalError
        raise kind(f"{path} can't be written ({error.strerror}): free disk space, or check the folder") from error


def delete_archive(path: Path) -> None:
    """Delete a file, if it is still there.

    Raises:
        JournalError: It can't be deleted.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise JournalError(f"{path} can't be deleted ({error.strerror}): check the disk and the folder") from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _noted(found: tuple[int, int, int, str | None, bytes, str]) -> Noted:
    first_position, last_position, moved_to, name, line, signature = found
    return Noted(
        first_position=first_position,
        last_position=last_position,
        moved_to=moved_to,
        name=name,
        signed=SignedHeader(line=line, signature=signature),
    )
