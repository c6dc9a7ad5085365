"""Booked rows move to archives, and nothing else changes: they are read, sent, known and verified as before."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from uuid_utils.compat import uuid7

from programme.cloudevents import decode_event
from programme.events import (
    AbandonReason,
    AuthorisationAbandoned,
    DayClosed,
    EpochOpened,
    EpochReason,
    Event,
    Voided,
)
from sync.chain import Row
from sync.errors import AlreadyClosed, ArchiveDamaged, JournalBroken
from sync.journal import AckOutcome, Journal, Transaction
from sync.journal.verify import Report, verify
from sync.wire import Head, RowVerdict, Verdict
from tests.sync.boxes import BOX, CENTRAL_KEY_ID, NOON, Shop, earned, redeemed, sold, voided

LATER = NOON + timedelta(days=40)
HEADS = {programme: Head(generation=1, version=1) for programme in ("card", "voucher")}


def check(shop: Shop) -> Report:
    keys: dict[str, Ed25519PublicKey] = {
        CENTRAL_KEY_ID: shop.central_key.public_key(),
        BOX: shop.key.public_key(),
    }
    return verify(shop.path, keys=keys)


def at_hand(shop: Shop) -> list[int]:
    with closing(sqlite3.connect(shop.path)) as connection:
        return [position for (position,) in connection.execute("SELECT position FROM rows ORDER BY position")]


def files(shop: Shop) -> list[Path]:
    return sorted(shop.path.parent.glob("*/*.zst"))


def rows_of(shop: Shop, epoch: str | None = None) -> list[Row]:
    return shop.journal.rows(1, 10_000, 10**9, epoch=epoch)


@pytest.fixture
def old(shop: Shop) -> Shop:
    """A box with 22 rows, of which central booked 21; a closure at 12, a void at 14."""
    for programme in HEADS:
        shop.load_replica(programme, 1)
    shop.give_grant()
    for _ in range(9):
        shop.append(earned())
    shop.close_day()
    sale = shop.append(sold())
    shop.append(voided(sale))
    for _ in range(8):
        shop.append(redeemed(grant=f"{shop.journal.epoch}/1"))
    assert shop.take(shop.ack(21, heads=HEADS)) is AckOutcome.ADVANCED
    return shop


def test_booked_rows_move_in_files_of_a_size(old: Shop) -> None:
    before = rows_of(old)

    assert old.journal.archive(before=LATER, rows_in_file=10) == 2

    assert [path.name[:25] for path in files(old)] == ["000000000001-000000000010", "000000000011-000000000020"]
    assert rows_of(old) == before
    assert at_hand(old) == [1, 12, 14, 21, 22]
    assert isinstance(decode_event(before[11].event).data, DayClosed)
    assert isinstance(decode_event(before[13].event).data, Voided)
    report = check(old)
    assert (report.rows, report.archives) == (22, 2)


def test_rows_are_read_across_files_in_batches_of_a_size(old: Shop) -> None:
    before = rows_of(old)
    old.journal.archive(before=LATER, rows_in_file=5)

    for first in range(1, 23):
        for last in range(first, 23):
            assert old.journal.rows(first, last, 10**9) == before[first - 1 : last]
    size = len(before[8].event) + len(before[9].event)
    assert old.journal.rows(9, 22, size) == before[8:10]
    assert old.journal.rows(9, 22, 1) == before[8:9]


def test_what_is_younger_than_asked_stays(old: Shop) -> None:
    assert old.journal.archive(before=NOON, rows_in_file=2) == 0
    assert files(old) == []


def test_what_central_has_not_booked_stays(old: Shop) -> None:
    old.append(earned())

    assert old.journal.archive(before=LATER, rows_in_file=3) == 7
    assert at_hand(old)[-2:] == [22, 23]


def test_what_the_replica_does_not_hold_stays(shop: Shop) -> None:
    shop.load_replica("card", 1)
    for _ in range(9):
        shop.append(earned())
    shop.take(shop.ack(5, heads={"card": Head(generation=1, version=1)}))
    shop.take(shop.ack(9, heads={"card": Head(generation=1, version=2)}))

    assert shop.journal.archive(before=LATER, rows_in_file=2) == 2
    assert at_hand(shop) == [1, *range(5, 11)]


def test_a_row_that_waits_for_a_person_at_central_stays_in_the_database_too(shop: Shop) -> None:
    shop.load_replica("card", 1)
    shop.append(earned())
    waiting = shop.append(earned())
    shop.append(earned())
    verdicts = (RowVerdict(seq=3, verdict=Verdict.QUARANTINED),)
    shop.take(shop.ack(4, heads={"card": HEADS["card"]}, verdicts=verdicts))
    shop.append(earned(instrument="k2"))

    shop.journal.archive(before=LATER, rows_in_file=2)

    assert shop.journal.submit(lambda tx: tx.own_since_counted("card", "k1")).result() == (waiting,)
    check(shop)


def test_an_archived_id_never_counts_again(old: Shop) -> None:
    events = [decode_event(row.event) for row in rows_of(old)]
    old.journal.archive(before=LATER, rows_in_file=10)

    for event in events:
        with pytest.raises(AlreadyClosed):
            old.append(earned(), event_id=event.event_id)
        assert old.journal.submit(lambda tx, event=event: tx.is_sent(event.event_id)).result() is (event != events[-1])  # type: ignore[misc]


def test_an_abandoned_ask_never_becomes_an_operation_however_old_it_is(shop: Shop) -> None:
    asked = uuid7()
    abandoned = shop.append(AuthorisationAbandoned(authorisation=asked, reason=AbandonReason.GIVEN_UP), closes=asked)
    shop.append(earned())
    shop.take(shop.ack(2))
    assert shop.journal.archive(before=LATER, rows_in_file=1) == 2
    assert at_hand(shop) == [1, 3]

    for taken in (asked, abandoned.event_id):
        with pytest.raises(AlreadyClosed):
            shop.append(redeemed(), event_id=taken)


def test_what_a_fork_copied_stays_until_central_has_the_copies(old: Shop) -> None:
    old.take(old.ack(18, generation=2))
    old.journal.open_epoch(EpochReason.FORK)

    assert old.journal.archive(before=LATER, rows_in_file=1) == 18
    assert at_hand(old) == [1, 12, 14, 19, 20, 21, 22, *range(23, 28)]


def test_rows_that_central_forgot_meanwhile_do_not_move(old: Shop) -> None:
    call = old.journal._writer.call

    def forgetting(work: Callable[[Transaction], object]) -> object:
        if list(old.path.parent.glob("archive/*.zst")):  # written, and about to be noted
            old.journal._writer.call = call  # type: ignore[method-assign]
            old.take(old.ack(3, generation=2))
        return call(work)

    old.journal._writer.call = forgetting  # type: ignore[method-assign, assignment]

    assert old.journal.archive(before=LATER, rows_in_file=10) == 0
    assert at_hand(old) == list(range(1, 23))


def test_a_voided_sale_is_known_as_such(old: Shop) -> None:
    sale = decode_event(rows_of(old)[12].event)
    old.journal.archive(before=LATER, rows_in_file=10)

    assert old.journal.submit(lambda tx: tx.is_voided(sale)).result()


def test_the_box_goes_on_as_before(old: Shop) -> None:
    old.journal.archive(before=LATER, rows_in_file=10)
    before = old.journal.submit(lambda tx: dict(tx.records)).result()
    head = old.journal.head

    old.close()
    old.open()

    assert old.journal.head == head
    assert old.journal.submit(lambda tx: dict(tx.records)).result() == before
    old.append(earned())
    old.take(old.ack(23, heads=HEADS))
    assert old.journal.archive(before=LATER, rows_in_file=2) == 1
    assert check(old).rows == 23


def test_nothing_is_written_twice(old: Shop) -> None:
    assert old.journal.archive(before=LATER, rows_in_file=10) == 2
    assert old.journal.archive(before=LATER, rows_in_file=10) == 0


def test_a_central_that_was_put_back_gets_archived_rows_again(old: Shop) -> None:
    before = rows_of(old)
    old.journal.archive(before=LATER, rows_in_file=5)

    assert old.take(old.ack(3, generation=2)) is AckOutcome.ADVANCED

    assert old.journal.watermark.seq == 3
    assert old.journal.queue().unbooked_rows == 19
    assert old.journal.rows(4, 22, 10**9) == before[3:]
    assert old.take(old.ack(22, generation=2)) is AckOutcome.ADVANCED
    check(old)


def test_after_a_fork_below_the_archives_their_rows_are_copied(old: Shop) -> None:
    before = rows_of(old)
    old.journal.archive(before=LATER, rows_in_file=5)
    old.take(old.ack(3, generation=2))
    old.journal.open_epoch(EpochReason.FORK)

    opened, *copies = rows_of(old)
    closure = before[11].event
    assert isinstance(decode_event(opened.event).data, EpochOpened)
    assert [row.event for row in copies[:-1]] == [row.event for row in before[3:] if row.event != closure]
    check(old)

    old.take(old.ack(len(copies) + 1, generation=2, heads=HEADS))
    old.append(earned())
    old.journal.archive(before=LATER, rows_in_file=5)
    assert rows_of(old)[1:-1] == copies
    assert check(old).archives > 4


@pytest.mark.parametrize("stopped_after", range(5))
def test_a_move_that_was_stopped_goes_on(old: Shop, stopped_after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.journal.moving._MOVED_AT_ONCE", 3)
    before = rows_of(old)
    _archive_and_stop(old.journal, stopped_after)
    assert rows_of(old) == before
    check(old)
    old.close()
    old.open()
    assert rows_of(old) == before

    old.journal.archive(before=LATER, rows_in_file=10)

    assert at_hand(old) == [1, 12, 14, 21, 22]
    assert rows_of(old) == before
    check(old)


class _Stop(Exception):
    """The power went."""


def _archive_and_stop(journal: Journal, transactions: int) -> None:
    """Give up after so many transactions of the move."""
    call, done = journal._writer.call, iter(range(transactions))

    def counted(work: Callable[[Transaction], object]) -> object:
        if next(done, None) is None:
            raise _Stop
        return call(work)

    journal._writer.call = counted  # type: ignore[method-assign, assignment]
    with pytest.raises(_Stop):
        journal.archive(before=LATER, rows_in_file=10)
    journal._writer.call = call  # type: ignore[method-assign]


ARCHIVER = """
import sys
from datetime import timedelta
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sync.clock import LinuxClock
from sync.journal import Journal, moving
from tests.sync.boxes import BOX, NOON

key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(sys.argv[2]))
journal = Journal.open(Path(sys.argv[1]), device=BOX, key=key, clock=LinuxClock())
moving._MOVED_AT_ONCE = 1
print("opened", flush=True)
journal.archive(before=NOON + timedelta(days=99), rows_in_file=2)
"""


@pytest.mark.parametrize("delay_ms", [0, 10, 20, 40])
def test_a_move_survives_sigkill_at_any_moment(old: Shop, delay_ms: int) -> None:
    before = rows_of(old)
    old.close()
    command = [sys.executable, "-c", ARCHIVER, str(old.path), old.key.private_bytes_raw().hex()]
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "opened\n"
        with contextlib.suppress(subprocess.TimeoutExpired):  # whatever it is at by then
            process.wait(delay_ms / 1_000)
        process.kill()
    old.open()
    assert rows_of(old) == before
    check(old)

    old.journal.archive(before=LATER, rows_in_file=2)

    assert rows_of(old) == before
    assert at_hand(old) == [1, 12, 14, 21, 22]
    check(old)


CHANGES = {
    "header": "UPDATE archives SET header = CAST(replace(CAST(header AS TEXT), ':10,', ':11,') AS BLOB)",
    "signature": "UPDATE archives SET signature = 'A' || substr(signature, 2)",
    "name": "UPDATE archives SET name = 'none.zst' WHERE first_position = 1",
    "order": "UPDATE archives SET name = (SELECT name FROM archives ORDER BY name DESC LIMIT 1)",
    "an archive": "DELETE FROM archives WHERE first_position = 11",
    "an old file": "UPDATE archives SET name = NULL WHERE first_position = 11",
    "moved": "UPDATE archives SET moved_to = 15 WHERE first_position = 11",
    "an id": "DELETE FROM archived WHERE position = 5",
    "a position": "UPDATE archived SET position = 2 WHERE position = 5",
    "a row at hand": "UPDATE rows SET value_minor = 1 WHERE position = 14",
    "an event at hand": "UPDATE rows SET event = (SELECT event FROM rows WHERE position = 1) WHERE position = 12",
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES.keys())
def test_verify_finds_what_was_changed_around_the_archives(old: Shop, statement: str) -> None:
    old.journal.archive(before=LATER, rows_in_file=10)
    old.close()
    old.run_sql(statement)

    with pytest.raises(JournalBroken):
        check(old)


def test_verify_finds_a_missing_or_changed_file(old: Shop) -> None:
    old.journal.archive(before=LATER, rows_in_file=10)
    first, second = files(old)
    whole = second.read_bytes()
    second.write_bytes(whole[:-1])
    with pytest.raises(JournalBroken) as caught:
        check(old)
    assert caught.value.seq == 11
    second.write_bytes(whole)
    first.unlink()
    with pytest.raises(JournalBroken):
        check(old)


def test_a_damaged_archive_is_said_so_and_the_box_goes_on(old: Shop) -> None:
    old.journal.archive(before=LATER, rows_in_file=10)
    files(old)[0].write_bytes(b"")

    with pytest.raises(ArchiveDamaged, match="put the file back from a copy"):
        old.journal.rows(5, 5, 1)

    assert len(old.journal.rows(11, 22, 10**9)) == 12
    old.append(earned())
    old.close()
    old.open()
    assert old.journal.epoch.startswith("1-")


def test_a_damaged_row_of_an_epoch_that_is_over_stays_where_it_is(old: Shop) -> None:
    epoch = old.journal.epoch
    old.close()
    old.run_sql(
        "UPDATE rows SET event = x'00ff' WHERE position = 6", "UPDATE rows SET event = x'00' WHERE position = 22"
    )
    Journal.recover(old.path, device=BOX, key=old.key, clock=old.clock).close()
    old.open()
    old.append(earned())
    old.take(old.ack(2, heads=HEADS))
    old.append(earned())

    old.journal.archive(before=LATER, rows_in_file=3)

    assert 6 in at_hand(old)
    assert 5 not in at_hand(old)
    assert 7 not in at_hand(old)
    assert [row.seq for row in rows_of(old, epoch)] == list(range(1, 23))
    with pytest.raises(JournalBroken) as caught:
        check(old)
    assert caught.value.seq == 6


@pytest.mark.parametrize("tables", [("state",), ("archives", "state"), ("archived",)])
def test_a_mended_journal_knows_its_archives(old: Shop, tables: tuple[str, ...]) -> None:
    old.journal.archive(before=LATER, rows_in_file=5)
    before = old.journal.submit(lambda tx: dict(tx.records)).result()
    events = [decode_event(row.event) for row in rows_of(old)]
    epoch = old.journal.epoch
    old.close()
    for table in tables:
        overwrite_page_of(old.path, table)

    Journal.recover(old.path, device=BOX, key=old.key, clock=old.clock).close()
    old.open()

    after = old.journal.submit(lambda tx: dict(tx.records)).result()
    for records in (before, after):
        records.pop("epoch")
        records.pop("grant", None)
    assert after == before
    assert [decode_event(row.event) for row in rows_of(old, epoch)] == events
    with pytest.raises(AlreadyClosed):
        old.append(earned(), event_id=events[4].event_id)
    check(old)


def overwrite_page_of(path: Path, name: str) -> None:
    with closing(sqlite3.connect(path)) as disk:
        (page_bytes,) = disk.execute("PRAGMA page_size").fetchone()
        (page,) = disk.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * page_bytes)
        file.write(b"\xa5" * page_bytes)


def test_after_the_legal_term_files_go_and_ids_stay(old: Shop) -> None:
    old.journal.archive(before=LATER, rows_in_file=5)
    events: list[Event] = [decode_event(row.event) for row in rows_of(old)]
    within_the_third = events[12].ordered_at
    names = [path.name for path in files(old)]

    assert old.journal.delete_archives(before=NOON) == []
    assert old.journal.delete_archives(before=within_the_third) == names[:2]

    assert [path.name for path in files(old)] == names[2:]
    with pytest.raises(AlreadyClosed):
        old.append(earned(), event_id=events[4].event_id)
    with pytest.raises(ArchiveDamaged, match="the term that the law sets"):
        old.journal.rows(4, 8, 10**9)
    assert len(old.journal.rows(11, 22, 10**9)) == 12
    assert check(old).rows == 22

    old.run_sql("UPDATE state SET record = CAST(replace(CAST(record AS TEXT), '1062', '1063') AS BLOB)")
    with pytest.raises(JournalBroken, match="perpetual"):
        check(old)
