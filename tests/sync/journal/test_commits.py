"""What a commit costs: one sync for a lone event, and one for all that waits meanwhile."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from uuid_utils.compat import uuid7

from sync.errors import JournalError
from sync.journal import Transaction
from sync.journal.database import connect
from tests.sync.boxes import Shop, earned, redeemed

# SQLite file format §4.1: a 32-byte header, then frames of a 24-byte header and a page; the header's second
# big-endian word is not zero in a commit frame, and its salts are the file header's in frames of this round.
_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24


def commits_in(log: Path) -> int:
    """Commits in a write-ahead log; each one was synced before it counted."""
    data = log.read_bytes()
    frame_bytes = _FRAME_HEADER_BYTES + int.from_bytes(data[8:12], "big")
    frames = (data[at : at + _FRAME_HEADER_BYTES] for at in range(_HEADER_BYTES, len(data), frame_bytes))
    return sum(frame[8:16] == data[16:24] and frame[4:8] != bytes(4) for frame in frames)


def log_of(shop: Shop) -> Path:
    return shop.path.with_name(f"{shop.path.name}-wal")


def test_each_commit_is_synced(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "file")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_a_lone_event_costs_one_commit(shop: Shop) -> None:
    before = commits_in(log_of(shop))

    shop.append(redeemed())

    assert commits_in(log_of(shop)) == before + 1


def test_a_work_that_only_reads_costs_none(shop: Shop) -> None:
    before = commits_in(log_of(shop))

    shop.journal.submit(lambda tx: (tx.now(), tx.entry("card", "k1"), tx.own_since_counted("card", "k1"))).result()

    assert commits_in(log_of(shop)) == before


def test_what_waits_together_is_committed_together(shop: Shop) -> None:
    before = commits_in(log_of(shop))
    started, release = threading.Event(), threading.Event()

    def hold(_: Transaction) -> None:
        started.set()
        release.wait()

    holding = shop.journal.submit(hold)
    started.wait()
    waiting = [shop.journal.submit(lambda tx: tx.append(uuid7(), earned())) for _ in range(50)]
    release.set()

    holding.result()
    seqs = [future.result().ordered_at for future in waiting]
    assert commits_in(log_of(shop)) == before + 1
    assert seqs == sorted(set(seqs))
    assert shop.journal.queue().unbooked_rows == 51


def test_the_log_stays_short(shop: Shop) -> None:
    for _ in range(800):
        shop.append(earned())

    assert log_of(shop).stat().st_size < 9 * 1024 * 1024  # without an end to it: 20 MiB and more


def test_a_cancelled_work_is_not_done(shop: Shop) -> None:
    started, release = threading.Event(), threading.Event()

    def hold(_: Transaction) -> None:
        started.set()
        release.wait()

    shop.journal.submit(hold)
    started.wait()
    cancelled = shop.journal.submit(lambda tx: tx.append(uuid7(), earned()))
    assert cancelled.cancel()
    release.set()

    shop.append(earned())
    assert shop.journal.queue().unbooked_rows == 2


def test_a_work_that_wants_the_program_to_end_does_not_end_the_writer(shop: Shop) -> None:
    def leave(tx: Transaction) -> None:
        tx.append(uuid7(), earned())
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        shop.journal.submit(leave).result()
    shop.append(earned())

    assert shop.journal.queue().unbooked_rows == 2


def test_what_is_submitted_before_the_end_is_done(shop: Shop) -> None:
    journal = shop.journal
    waiting = [journal.submit(lambda tx: tx.append(uuid7(), earned())) for _ in range(20)]
    shop.close()

    assert all(future.done() for future in waiting)
    assert shop.open().queue().unbooked_rows == 21


def test_the_end_may_be_asked_for_twice(shop: Shop) -> None:
    journal = shop.journal
    journal.close()
    journal.close()

    with pytest.raises(JournalError, match="closed"):
        journal.queue()
    shop.open()


def test_an_ask_carries_the_rows_that_central_may_lack(shop: Shop) -> None:
    shop.append(earned(instrument="k1"))
    shop.append(redeemed(instrument="k1"))
    shop.append(redeemed(instrument="k2"))
    shop.append(earned(instrument="k1"))
    shop.take(shop.ack(2))

    rows = shop.journal.submit(lambda tx: tx.unacknowledged_rows("card", "k1")).result()

    assert rows == [shop.journal.rows(seq, seq, 1)[0] for seq in (3, 5)]


class LostDisk:
    """A connection whose disk went away: transactions neither end nor go back."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, *parameters: tuple[bytes | int | str | None, ...]) -> sqlite3.Cursor:
        if statement in ("COMMIT", "ROLLBACK"):
            raise sqlite3.OperationalError("disk I/O error")
        return self._connection.execute(statement, *parameters)

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


def test_the_writer_outlives_a_disk_that_goes_and_comes_back(shop: Shop) -> None:
    path, away = shop.path, shop.path.with_name("away")
    session = shop.journal._session
    session.connection = LostDisk(session.connection)  # type: ignore[assignment]
    path.rename(away)
    path.mkdir()  # nothing that could be opened instead
    with pytest.raises(JournalError):
        shop.append(earned())

    path.rmdir()
    away.rename(path)
    with pytest.raises(JournalError):
        shop.append(earned())

    assert shop.append(earned())
