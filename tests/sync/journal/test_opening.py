"""An opening reads the rows since the last closure, however many there are before it, and holds the state to them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sync.chain import make_row
from sync.clock import LinuxClock
from sync.errors import JournalBroken
from sync.journal import Journal, tail
from sync.journal.verify import verify
from tests.sync.boxes import BOX, CENTRAL_KEY_ID, DAY, Shop, earned, redeemed, sold, voided
from tests.sync.grown import DEVICE, grown_journal

MANY, A_DAY = 20_130, 400


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ed25519PrivateKey]:
    path, key = tmp_path_factory.mktemp("many") / "journal.sqlite", Ed25519PrivateKey.generate()
    grown_journal(path, key, MANY, rows_a_day=A_DAY)
    return path, key


def bytes_read() -> int:
    """By this process, so far (proc(5): rchar)."""
    return int(Path("/proc/self/io").read_text(encoding="ascii").split()[1])


def test_it_reads_little_of_a_long_journal(many: tuple[Path, Ed25519PrivateKey]) -> None:
    path, key = many
    before = bytes_read()

    journal = Journal.open(path, device=DEVICE, key=key, clock=LinuxClock())

    read = bytes_read() - before
    assert journal.head is not None
    assert journal.head.seq == MANY
    journal.close()
    assert read < path.stat().st_size / 20


def test_what_it_did_not_read_is_found_by_verify(many: tuple[Path, Ed25519PrivateKey]) -> None:
    path, key = many

    assert verify(path, keys={DEVICE: key.public_key()}).rows == MANY


def test_where_no_day_is_closed_it_reads_so_many_rows_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, key = tmp_path / "journal.sqlite", Ed25519PrivateKey.generate()
    grown_journal(path, key, 5_000, rows_a_day=1_000_000)
    monkeypatch.setattr(tail, "MOST_ROWS", 100)
    before = bytes_read()

    Journal.open(path, device=DEVICE, key=key, clock=LinuxClock()).close()

    assert bytes_read() - before < path.stat().st_size / 10


@pytest.fixture
def closed(shop: Shop) -> Shop:
    """A box that closed a day, and went on: rows 1 to 4, and 5 to 9."""
    shop.give_grant()
    shop.append(earned(instrument="k9"))
    shop.close_day()
    shop.take(shop.ack(4))
    shop.give_grant(2)
    sale = shop.append(sold())
    shop.append(voided(sale))
    shop.append(redeemed(grant=f"{shop.journal.epoch}/2"))
    shop.append(earned(day=DAY + timedelta(days=1)))
    shop.close()
    return shop


def test_what_follows_a_closure_holds(closed: Shop) -> None:
    closed.open()


@pytest.mark.parametrize("position", range(4, 10))
@pytest.mark.parametrize("damage", ["DELETE FROM rows", "UPDATE rows SET event = CAST(event || x'20' AS BLOB)"])
def test_damage_since_the_last_closure_is_found(closed: Shop, damage: str, position: int) -> None:
    closed.run_sql(f"{damage} WHERE position = {position}")

    with pytest.raises(JournalBroken) as caught:
        closed.open()
    assert caught.value.seq == position or position == 9


def test_a_row_since_then_that_was_written_anew_with_its_right_hash_is_found(closed: Shop) -> None:
    closed.open()
    _, row = closed.journal.rows(5, 6, 10**9)
    closed.close()
    forged = make_row(epoch=row.epoch, seq=6, previous=row.previous, event=row.event.replace(b"2000", b"2001"))
    with closing(sqlite3.connect(closed.path, isolation_level=None)) as disk:
        disk.execute("UPDATE rows SET event = ?, hash = ? WHERE position = 6", (forged.event, forged.hash))

    with pytest.raises(JournalBroken) as caught:
        closed.open()
    assert caught.value.seq == 7


def test_damage_before_it_is_left_to_verify(closed: Shop) -> None:
    closed.run_sql("UPDATE rows SET event = CAST(event || x'20' AS BLOB) WHERE position = 3")

    closed.open()

    with pytest.raises(JournalBroken) as caught:
        verify(closed.path, keys={BOX: closed.key.public_key(), CENTRAL_KEY_ID: closed.central_key.public_key()})
    assert caught.value.seq == 3


def test_a_closure_under_another_key_is_found(closed: Shop) -> None:
    closed.open()
    own, closed.key = closed.key, Ed25519PrivateKey.generate()
    closed.close_day()
    closed.close()
    closed.key = own

    with pytest.raises(JournalBroken, match="didn't sign"):
        closed.open()


STATE = ["perpetual", "day/2026-05-05", "epoch", "grant", "sold/v0", "operation/"]


@pytest.mark.parametrize("statement", ["DELETE FROM state", "UPDATE state SET record = CAST('{}' AS BLOB)"])
@pytest.mark.parametrize("key", STATE)
def test_a_state_that_is_not_what_the_rows_add_up_to_is_found_and_set_right(
    closed: Shop, key: str, statement: str
) -> None:
    closed.open()
    before = closed.journal.submit(lambda tx: dict(tx.records)).result()
    closed.close()
    closed.run_sql(f"{statement} WHERE key LIKE '{key}%'")
    with pytest.raises(JournalBroken, match=f"record '{key}"):
        closed.open()

    Journal.recover(closed.path, device=BOX, key=closed.key, clock=closed.clock).close()
    closed.open()

    after = closed.journal.submit(lambda tx: dict(tx.records)).result()
    for records in (before, after):
        records.pop("epoch")
        records.pop("grant", None)  # as in every new epoch
    assert after == before
    verify(closed.path, keys={BOX: closed.key.public_key(), CENTRAL_KEY_ID: closed.central_key.public_key()})
