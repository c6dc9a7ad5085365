"""Faults planted in central's database, which the story's end must find."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from enum import Enum
from pathlib import Path


class Fault(Enum):
    """What to plant."""

    DOUBLE = "double"
    """An event booked twice."""
    LOST = "lost"
    """An event gone, with all that was booked for it."""
    LEDGER = "ledger"
    """One cent more in one posting."""


def plant(fault: Fault, database: Path) -> None:
    """Plant a fault by hand, as somebody with access to the disk could."""
    with closing(sqlite3.connect(database)) as connection, connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        _PLANTERS[fault](connection)


def _some_entry(connection: sqlite3.Connection) -> int:
    return int(
        connection.execute(
            "SELECT entry FROM ledger_entries JOIN events USING (event_id) WHERE type = 'comptoir.redeemed.v1'"
        ).fetchone()[0]
    )


def _double(connection: sqlite3.Connection) -> None:
    entry = _some_entry(connection)
    added = connection.execute(
        "INSERT INTO ledger_entries (event_id, programme, currency, booked_at_us) "
        "SELECT event_id, programme, currency, booked_at_us FROM ledger_entries WHERE entry = ?",
        (entry,),
    ).lastrowid
    connection.execute(
        "INSERT INTO postings (entry, account, amount_minor) "
        "SELECT ?, account, amount_minor FROM postings WHERE entry = ?",
        (added, entry),
    )


def _lost(connection: sqlite3.Connection) -> None:
    (event_id,) = connection.execute(
        "SELECT event_id FROM ledger_entries WHERE entry = ?", (_some_entry(connection),)
    ).fetchone()
    connection.execute(
        "DELETE FROM postings WHERE entry IN (SELECT entry FROM ledger_entries WHERE event_id = ?)", (event_id,)
    )
    connection.execute("DELETE FROM ledger_entries WHERE event_id = ?", (event_id,))
    connection.execute("DELETE FROM events WHERE event_id = ?", (event_id,))


def _ledger(connection: sqlite3.Connection) -> None:
    entry = _some_entry(connection)
    connection.execute(
        "UPDATE postings SET amount_minor = amount_minor + 1 "
        "WHERE rowid = (SELECT rowid FROM postings WHERE entry = ? LIMIT 1)",
        (entry,),
    )


_PLANTERS: Mapping[Fault, Callable[[sqlite3.Connection], None]] = {
    Fault.DOUBLE: _double,
    Fault.LOST: _lost,
    Fault.LEDGER: _ledger,
}
