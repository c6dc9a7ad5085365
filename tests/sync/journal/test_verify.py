"""`verify` finds what was changed or cut, and nothing where nothing was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from uuid_utils.compat import uuid7

from programme.events import DayClosed, EpochReason, ProgrammeTotals
from sync.chain import make_row
from sync.closures import sign_closure
from sync.errors import JournalBroken, JournalForeign, JournalMissing
from sync.journal.verify import Report, verify
from tests.sync.boxes import BOX, CENTRAL_KEY_ID, DAY, NOON, Shop, earned, redeemed, sold, voided


def keys_of(shop: Shop) -> dict[str, Ed25519PublicKey]:
    return {CENTRAL_KEY_ID: shop.central_key.public_key(), BOX: shop.key.public_key()}


def check(shop: Shop) -> Report:
    return verify(shop.path, keys=keys_of(shop))


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """A box that did some of everything: seven rows, four acknowledged."""
    shop.give_grant()
    shop.append(earned())
    shop.append(redeemed(grant=f"{shop.journal.epoch}/1"))
    sale = shop.append(sold())
    shop.append(voided(sale))
    shop.close_day()
    shop.take(shop.ack(4))
    return shop


def closure() -> DayClosed:
    sums = {"card": ProgrammeTotals(earned_minor=118, redeemed_minor=50, count=2)}
    return DayClosed(business_day=DAY - timedelta(days=1), totals=sums, perpetual=sums, signature="")


def test_a_journal_that_was_left_alone_holds(busy: Shop) -> None:
    report = check(busy)

    assert report == Report(
        device=BOX,
        epochs=(busy.journal.epoch,),
        rows=7,
        archives=0,
        head=busy.journal.rows(7, 7, 1)[0].link,
        acknowledged=busy.journal.rows(4, 4, 1)[0].link,
    )


def test_it_holds_after_a_close_and_another_boot(busy: Shop) -> None:
    busy.close()
    busy.clock.reboot("boot-2", NOON - timedelta(days=9_000))
    busy.open()
    busy.append(earned())

    assert check(busy).rows == 8


def test_it_holds_after_a_fork_and_a_fork_of_that(busy: Shop) -> None:
    busy.journal.open_epoch(EpochReason.FORK)
    busy.append(earned())
    busy.journal.open_epoch(EpochReason.FORK)

    report = check(busy)

    assert len(report.epochs) == 3
    assert report.acknowledged is not None
    assert report.acknowledged.seq == 4


def test_it_holds_after_central_went_back(busy: Shop) -> None:
    busy.take(busy.ack(2, generation=2))

    assert check(busy).acknowledged == busy.journal.rows(2, 2, 1)[0].link


COLUMNS = {
    "event_id": uuid7().bytes,
    "ends": uuid7().bytes,
    "type": "comptoir.sold.v1",
    "occurred_at_us": 1,
    "ordered_at_us": 1,
    "clock": "suspect",
    "programme": "other",
    "instrument": "other",
    "currency": "CHF",
    "value_minor": 1,
    "previous": bytes(32),
    "hash": bytes(32),
    "seq": 99,
    "epoch": "1-0000000000000000",
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("seq", [2, 7])
def test_a_changed_column_is_found(busy: Shop, column: str, seq: int) -> None:
    busy.close()
    change(busy, f"UPDATE rows SET {column} = ? WHERE position = ?", COLUMNS[column], seq)

    with pytest.raises(JournalBroken) as caught:
        check(busy)
    assert caught.value.seq in (seq, 1)  # a row of a strange epoch would be its first


@pytest.mark.parametrize("seq", range(1, 8))
def test_one_changed_byte_of_an_event_is_found_where_it_is(busy: Shop, seq: int) -> None:
    epoch = busy.journal.epoch
    event = busy.journal.rows(seq, seq, 1)[0].event
    busy.close()
    change(busy, "UPDATE rows SET event = ? WHERE position = ?", event.replace(b"2026", b"2025", 1), seq)

    with pytest.raises(JournalBroken, match="hash is another") as caught:
        check(busy)
    assert (caught.value.epoch, caught.value.seq) == (epoch, seq)


def test_a_row_written_anew_with_its_right_hash_is_found_at_the_next_one(busy: Shop) -> None:
    first, second = busy.journal.rows(2, 3, 100_000)
    forged = make_row(
        epoch=second.epoch,
        seq=3,
        previous=first.hash,
        event=second.event.replace(b'"amount_minor":118', b'"amount_minor":119'),
    )
    busy.close()
    change(busy, "UPDATE rows SET event = ?, hash = ? WHERE position = 3", forged.event, forged.hash)

    with pytest.raises(JournalBroken) as caught:
        check(busy)
    assert caught.value.seq in (3, 4)


@pytest.mark.parametrize("seq", range(1, 8))
def test_a_missing_row_is_found(busy: Shop, seq: int) -> None:
    busy.close()
    change(busy, "DELETE FROM rows WHERE position = ?", seq)

    with pytest.raises(JournalBroken) as caught:
        check(busy)
    assert caught.value.seq in (seq, 1)


def test_a_tail_cut_with_care_is_found_by_the_signed_ack(busy: Shop) -> None:
    first = busy.journal.rows(2, 2, 1)[0]
    busy.close()
    busy.run_sql(
        "DELETE FROM rows WHERE position > 2", "UPDATE standing SET watermark_seq = 0, watermark_hash = zeroblob(32)"
    )
    change(busy, "UPDATE standing SET seq = 2, hash = ?", first.hash)

    with pytest.raises(JournalBroken, match="central acknowledged this row") as caught:
        check(busy)
    assert caught.value.seq == 4


def test_a_cut_tail_is_found_by_where_the_journal_ended(busy: Shop) -> None:
    busy.close()
    busy.run_sql("DELETE FROM rows WHERE position > 5")

    with pytest.raises(JournalBroken, match="cut off") as caught:
        check(busy)
    assert caught.value.seq == 6


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE state SET record = replace(CAST(record AS TEXT), '118', '119') WHERE key = 'perpetual'",
        "DELETE FROM state WHERE key = 'grant'",
        "DELETE FROM state WHERE key LIKE 'sold/%'",
        "INSERT INTO state SELECT 'day/2020-01-01', record FROM state WHERE key = 'perpetual'",
        "UPDATE state SET record = CAST('{}' AS BLOB) WHERE key = 'epoch'",
        "INSERT INTO state VALUES ('unheard/of', CAST('{}' AS BLOB))",
    ],
)
def test_a_changed_state_record_is_found(busy: Shop, statement: str) -> None:
    busy.close()
    busy.run_sql(
        statement.replace(
            "replace(CAST(record AS TEXT), '118', '119')", "CAST(replace(CAST(record AS TEXT), '118', '119') AS BLOB)"
        )
    )

    with pytest.raises(JournalBroken, match="state"):
        check(busy)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE acks SET signed = replace(signed, 'box-a', 'box-b')",
        "UPDATE acks SET seq = 3",
        "UPDATE standing SET watermark_hash = zeroblob(32)",
        "DELETE FROM standing",
        "DELETE FROM box",
        "UPDATE epochs SET counter = 7",
    ],
)
def test_a_change_around_the_rows_is_found(busy: Shop, statement: str) -> None:
    busy.close()
    busy.run_sql(statement)

    with pytest.raises(JournalBroken):
        check(busy)


def test_another_boxs_journal_does_not_pass_for_this_boxs(busy: Shop) -> None:
    other = {CENTRAL_KEY_ID: busy.central_key.public_key(), "box-b": Ed25519PrivateKey.generate().public_key()}

    with pytest.raises(JournalForeign, match="box 'box-a', and this box is 'box-b'"):
        verify(busy.path, keys=other, device="box-b")
    assert verify(busy.path, keys=keys_of(busy), device=BOX).device == BOX


def test_a_journal_under_another_key_does_not_pass_for_this_boxs(busy: Shop) -> None:
    other = {**keys_of(busy), BOX: Ed25519PrivateKey.generate().public_key()}

    with pytest.raises(JournalForeign, match="another journal key"):
        verify(busy.path, keys=other, device=BOX)


def test_a_journal_key_that_is_no_key_is_found(busy: Shop) -> None:
    busy.close()
    with closing(sqlite3.connect(busy.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE box SET journal_key = x'00'")

    with pytest.raises(JournalBroken, match="no key"):
        check(busy)


def test_a_closure_that_the_box_did_not_sign_is_found(busy: Shop) -> None:
    busy.append(sign_closure(closure(), Ed25519PrivateKey.generate()))

    with pytest.raises(JournalBroken, match="closure") as caught:
        check(busy)
    assert caught.value.seq == 8


def test_it_verifies_while_the_agent_writes(busy: Shop) -> None:
    writing = [busy.journal.submit(append_one) for _ in range(200)]

    reports = [check(busy) for _ in range(3)]

    for future in writing:
        future.result()
    assert all(7 <= report.rows <= 207 for report in reports)
    assert check(busy).rows == 207


def append_one(tx: object) -> None:
    tx.append(uuid7(), earned())  # type: ignore[attr-defined]


def test_what_is_no_journal_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(JournalMissing, match="doesn't exist"):
        verify(tmp_path / "none", keys={})
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\x00\x01garbage" * 1_000)
    with pytest.raises(JournalBroken, match="damaged"):
        verify(garbage, keys={})


def change(shop: Shop, statement: str, *parameters: object) -> None:
    with closing(sqlite3.connect(shop.path, isolation_level=None)) as connection:
        assert connection.execute(statement, parameters).rowcount == 1
