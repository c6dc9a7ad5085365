"""The SQLite file: opening it, its numbered migrations, and what its errors mean."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from importlib.resources import files
from pathlib import Path

from sync.errors import JournalBroken, JournalError, JournalFull

_CHECKPOINT_BACKSTOP_PAGES = 1_000
"""The checkpointer works beside the writer; only a log of this size, 4 MiB, makes the writer finish it. A short log is
used over and over, and to write over a file's blocks syncs faster than to make it grow (measured: 0.20 to 0.35 ms)."""
_LOG_KEEP_BYTES = 8 * 1024 * 1024
_BUSY_TIMEOUT_S = 10.0


def connect(path: Path) -> sqlite3.Connection:
    """Open a journal for writing: write-ahead log, synced at each commit."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=_BUSY_TIMEOUT_S
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_BACKSTOP_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_KEEP_BYTES}")
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a journal for reading, also while the agent writes."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=_BUSY_TIMEOUT_S,
    )


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to this version, within the caller's transaction.

    Raises:
        JournalError: A later version of the program wrote this file.
    """
    steps = sorted(
        (entry for entry in (files("sync.journal") / "schema").iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(steps):
        raise JournalError(
            f"the journal is of version {version}, this program knows {len(steps)}: install the newer program again"
        )
    for number, step in enumerate(steps[version:], start=version + 1):
        for statement in _statements(step.read_text(encoding="utf-8")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")


def _statements(script: str) -> list[str]:
    # sqlite3's executescript would commit the caller's transaction first.
    statements, pending = [], ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    return statements


def noticed(error: sqlite3.Error, path: Path) -> JournalError:
    """The same as `meaning`, of a journal in use; damage is noted beside it, so that the next opening looks for it."""
    told = meaning(error, path)
    if isinstance(told, JournalBroken):
        with contextlib.suppress(OSError):  # a disk that takes no note: the damage is met again
            damage_note(path).write_text(f"{told}\n", encoding="utf-8")
    return told


def damage_note(path: Path) -> Path:
    """Where it is noted that a page of the journal couldn't be read; an opening doesn't read all of them."""
    return path.with_name(f"{path.name}.damaged")


def meaning(error: sqlite3.Error, path: Path) -> JournalError:
    """Say in our words what SQLite's error asks of whom."""
    if isinstance(error, sqlite3.ProgrammingError):
        return JournalError(f"{path} is closed: start the agent again")
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the primary result code
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(path)):
        return JournalFull(f"no room left for {path}: free disk space; nothing was recorded")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return JournalBroken(f"{path} is damaged ({error}): keep the file, a new epoch is needed", epoch="", seq=0)
    return JournalError(f"{path} can't be used ({error}): check the disk; nothing was recorded")


def _is_full(path: Path) -> bool:
    try:
        return os.statvfs(path.parent).f_bavail == 0
    except OSError:
        return False
