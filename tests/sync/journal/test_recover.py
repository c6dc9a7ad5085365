"""After damage the box goes on in a new epoch; the file stays as evidence."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest

from programme.cloudevents import decode_event
from programme.events import EpochOpened, EpochReason
from sync.errors import JournalBroken
from sync.journal import Journal
from sync.journal.verify import verify
from tests.sync.boxes import BOX, CENTRAL_KEY_ID, Shop, earned


def recover(shop: Shop) -> Journal:
    return Journal.recover(shop.path, device=BOX, key=shop.key, clock=shop.clock)


def test_a_cut_tail_stops_the_box_until_a_new_epoch_begins(shop: Shop) -> None:
    kept = [shop.append(earned()) for _ in range(3)]
    shop.take(shop.ack(2))
    acknowledged = shop.journal.watermark
    shop.append(earned())
    shop.close()
    shop.run_sql("DELETE FROM rows WHERE position = 5")
    with pytest.raises(JournalBroken, match="doesn't end"):
        shop.open()

    recover(shop).close()
    journal = shop.open()

    opened, *copies = (decode_event(row.event) for row in journal.rows(1, 99, 10**9))
    assert opened.data == EpochOpened(epoch=journal.epoch, reason=EpochReason.CORRUPTION, parent=acknowledged)
    assert copies == kept[1:]
    assert opened.ordered_at > kept[-1].ordered_at
    shop.append(earned())


def test_a_tail_cut_below_the_ack_stays_known_to_verify(shop: Shop) -> None:
    for _ in range(3):
        shop.append(earned())
    shop.take(shop.ack(4))
    acknowledged = shop.journal.watermark
    shop.close()
    shop.run_sql("DELETE FROM rows WHERE position > 2")

    journal = recover(shop)

    (row,) = journal.rows(1, 99, 10**9)
    assert decode_event(row.event).data == EpochOpened(
        epoch=journal.epoch, reason=EpochReason.CORRUPTION, parent=acknowledged
    )
    journal.close()
    with pytest.raises(JournalBroken):
        verify(shop.path, keys={CENTRAL_KEY_ID: shop.central_key.public_key()})


CHANGED = """replace(CAST(event AS TEXT), '"amount_minor":118', '"amount_minor":918')"""


@pytest.mark.parametrize("damage", [CHANGED, "x'00ff' || event"], ids=["amount", "no text"])
def test_a_damaged_row_that_central_lacks_is_named_and_never_copied(shop: Shop, damage: str) -> None:
    kept = [shop.append(earned()) for _ in range(4)]
    shop.take(shop.ack(2))
    epoch = shop.journal.epoch
    shop.close()
    shop.run_sql(f"UPDATE rows SET event = CAST({damage} AS BLOB) WHERE position = 4")
    with pytest.raises(JournalBroken, match=f"row {epoch}/4 of the journal is damaged"):
        shop.open()

    recover(shop).close()
    journal = shop.open()

    _, *copies = (decode_event(row.event) for row in journal.rows(1, 99, 10**9))
    assert copies == [kept[1], kept[3]]
    assert journal.submit(lambda tx: tx.own_since_counted("card", "k1")).result() == (kept[0], kept[1], kept[3])


@pytest.mark.parametrize("statement", ["DELETE FROM rows", "DELETE FROM standing", "DELETE FROM epochs"])
def test_where_nothing_is_left_the_box_is_enrolled_anew(shop: Shop, statement: str) -> None:
    shop.close()
    shop.run_sql(statement)

    with pytest.raises(JournalBroken, match="enrol this box anew"):
        recover(shop)


def test_a_recovery_that_fails_lets_the_file_go(shop: Shop) -> None:
    shop.append(earned())
    shop.close()
    threads = set(threading.enumerate())

    def no_randomness() -> UUID:
        raise OSError("no randomness")

    with pytest.raises(OSError, match="no randomness"):
        Journal.recover(shop.path, device=BOX, key=shop.key, clock=shop.clock, new_id=no_randomness)

    assert set(threading.enumerate()) == threads
    recover(shop).close()
