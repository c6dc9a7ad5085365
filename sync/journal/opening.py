"""The first and every later opening of a journal's file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from programme.events import EpochOpened, EpochReason
from sync.clock import BootClock, OrderClock
from sync.errors import JournalBroken, JournalError, JournalForeign, JournalMissing
from sync.journal.database import connect, damage_note, meaning, migrate
from sync.journal.fork import add_epoch
from sync.journal.mend import is_whole, mend
from sync.journal.shelf import Shelf
from sync.journal.standing import Standing, load_standing, salvage_standing
from sync.journal.transaction import Session, Transaction


def first_session(
    path: Path, device: str, key: Ed25519PrivateKey, boot: BootClock, clock: OrderClock, new_id: Callable[[], UUID]
) -> Session:
    """Make the file, with the first epoch's first row in the same transaction.

    Raises:
        sqlite3.Error: The file can't be written.
        JournalError: There is a journal already.
    """
    with _connection(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        migrate(connection)
        if connection.execute("SELECT 1 FROM box").fetchone() is not None:
            raise JournalError(f"{path} is a journal already: open it")
        connection.execute("INSERT INTO box VALUES (1, ?, ?)", (device, key.public_key().public_bytes_raw()))
        standing = Standing(place=add_epoch(connection, 1, 1))
        session = Session(connection, shelf=Shelf(path), device=device, boot=boot, clock=clock, standing=standing)
        opened = EpochOpened(epoch=standing.place.epoch, reason=EpochReason.ENROLMENT)
        Transaction(session).append(new_id(), opened)
        session.commit()
        _sync_folder(path.parent)
        return session


def next_session(path: Path, device: str, key: Ed25519PrivateKey, boot: BootClock, *, damaged: bool = False) -> Session:
    """Go on from where the file says, or, if it is damaged, from the last row that can be read.

    Raises:
        JournalBroken: The last rows are damaged, or a page was when the file was last used.
        sqlite3.Error: The file can't be used.
        JournalError: It is no journal, or another box's.
    """
    with _connection(path) as connection:
        try:
            return _going_on(connection, path, device, key, boot, damaged)
        except sqlite3.DatabaseError as error:
            told = meaning(error, path)
            if isinstance(told, JournalBroken):
                raise JournalBroken(str(told), epoch=_epoch_of(connection), seq=0) from error
            raise


def _going_on(
    connection: sqlite3.Connection, path: Path, device: str, key: Ed25519PrivateKey, boot: BootClock, damaged: bool
) -> Session:
    if damaged and not is_whole(connection):
        mend(connection, Shelf(path))
    if not damaged and damage_note(path).exists():
        what = f"{path} is damaged: keep the file, a new epoch is needed"
        raise JournalBroken(what, epoch=_epoch_of(connection), seq=0)
    connection.execute("BEGIN IMMEDIATE")
    migrate(connection)
    _check_owner(connection, path, device, key)
    load = salvage_standing if damaged else load_standing
    standing, base = load(connection, key.public_key())
    connection.execute("COMMIT")
    return Session(
        connection,
        shelf=Shelf(path),
        device=device,
        boot=boot,
        clock=OrderClock(boot, base),
        standing=standing,
    )


def _epoch_of(connection: sqlite3.Connection) -> str:
    """As far as it can be read: it tells this damage from one before the last recovery."""
    try:
        return str(connection.execute("SELECT epoch FROM standing").fetchone()[0])
    except (sqlite3.DatabaseError, TypeError):
        return ""


def _check_owner(connection: sqlite3.Connection, path: Path, device: str, key: Ed25519PrivateKey) -> None:
    box = connection.execute("SELECT device, journal_key FROM box").fetchone()
    if box is None:
        raise JournalMissing(f"{path} holds no journal: enrol this box")
    if box[0] != device:
        raise JournalForeign(
            f"{path} is the journal of box {box[0]!r}, and this is {device!r}: give it its own disk back"
        )
    if box[1] != key.public_key().public_bytes_raw():
        raise JournalForeign(f"{path} was written under another journal key: give box {device!r} its own key file back")


@contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that is closed where the journal turns out not to be usable."""
    connection = connect(path)
    try:
        yield connection
    except (sqlite3.Error, JournalError):
        connection.close()
        raise


def _sync_folder(folder: Path) -> None:
    """Make a new file's name survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
