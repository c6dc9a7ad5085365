"""A disk that was put back: nothing is dropped, nothing counts twice, and nothing is granted any more."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta

import pytest
from uuid_utils.compat import uuid7

from programme.canonical import canonical_bytes
from programme.cloudevents import decode_event
from programme.events import (
    AbandonReason,
    AuthorisationAbandoned,
    DayClosed,
    EpochOpened,
    EpochReason,
    GrantReceived,
    RowLink,
)
from programme.state import EPOCH, GRANT, PERPETUAL, Record, totals
from sync.chain import GENESIS, Row
from sync.errors import AlreadyClosed
from sync.journal import AckOutcome
from sync.journal.verify import verify
from sync.wire import encode_batch, read_batch, verify_batch
from tests.sync.boxes import BOX, CENTRAL_KEY_ID, DAY, Shop, earned, redeemed, sold, voided


def rows_of(shop: Shop) -> list[Row]:
    return shop.journal.rows(1, 10_000, 10**9)


def state_of(shop: Shop) -> dict[str, Record]:
    return shop.journal.submit(lambda tx: dict(tx.records)).result()


@pytest.fixture
def restored(shop: Shop) -> Shop:
    """A box that went on after its disk was copied, was acknowledged, and got the old disk back."""
    shop.give_grant()
    shop.append(earned(100))
    shop.take(shop.ack(3))
    shop.append(earned(200))
    shop.close()
    shutil.copyfile(shop.path, shop.path.with_name("copy"))
    shop.open()
    shop.append(earned(300))
    shop.append(earned(400))
    ahead = shop.ack(6)
    shop.close()
    shutil.copyfile(shop.path.with_name("copy"), shop.path)
    shop.open()
    shop.append(redeemed(50, grant=f"{shop.journal.epoch}/1"))
    shop.append(sold())

    assert shop.take(ahead) is AckOutcome.FORKED
    return shop


def test_the_new_epoch_names_the_last_row_that_both_know(restored: Shop) -> None:
    before = restored.journal.epoch
    common = restored.journal.rows(3, 3, 1)[0].link
    restored.journal.open_epoch(EpochReason.FORK)

    opened = decode_event(rows_of(restored)[0].event).data

    assert opened == EpochOpened(epoch=restored.journal.epoch, reason=EpochReason.FORK, parent=common)
    assert restored.journal.epoch.startswith("2-")
    assert restored.journal.epoch != before
    assert restored.journal.watermark == RowLink(epoch=restored.journal.epoch, seq=0, hash=GENESIS.hex())


def test_later_rows_are_copied_byte_for_byte(restored: Shop) -> None:
    later = [row.event for row in rows_of(restored)[3:]]
    restored.journal.open_epoch(EpochReason.FORK)

    copies = rows_of(restored)

    assert [row.event for row in copies[1:]] == later
    assert [row.seq for row in copies] == [1, 2, 3, 4]
    assert verify_batch(read_batch(encode_batch(BOX, copies, restored.key)), restored.key.public_key()) == copies


def test_the_old_rows_stay(restored: Shop) -> None:
    epoch, before = restored.journal.epoch, rows_of(restored)
    restored.journal.open_epoch(EpochReason.FORK)

    assert restored.journal.rows(1, 99, 10**9, epoch=epoch) == before


def test_the_state_is_the_same_but_for_epoch_and_grant(restored: Shop) -> None:
    before = state_of(restored)
    restored.journal.open_epoch(EpochReason.FORK)

    after = state_of(restored)

    assert GRANT in before
    assert GRANT not in after
    assert after.pop(EPOCH) != before.pop(EPOCH)
    del before[GRANT]
    assert canonical_bytes(after) == canonical_bytes(before)


def test_it_verifies_and_survives_the_process(restored: Shop) -> None:
    restored.journal.open_epoch(EpochReason.FORK)
    head = restored.journal.head
    restored.close()
    restored.open()
    restored.append(earned())

    keys = {CENTRAL_KEY_ID: restored.central_key.public_key()}
    assert restored.journal.rows(4, 4, 1)[0].link == head
    assert verify(restored.path, keys=keys).rows == 6 + 4 + 1


def closures(shop: Shop) -> list[tuple[date, int, int]]:
    """Day, earned that day, and earned ever, of the closures in this epoch."""
    data = [decode_event(row.event).data for row in rows_of(shop)]
    return [
        (closed.business_day, closed.totals["card"].earned_minor, closed.perpetual["card"].earned_minor)
        for closed in data
        if isinstance(closed, DayClosed)
    ]


@pytest.mark.parametrize("acknowledged", [1, 2, 3])
def test_a_day_whose_closure_central_lacks_is_closed_again(shop: Shop, acknowledged: int) -> None:
    shop.append(earned(100))
    shop.append(earned(5, training=True))
    shop.take(shop.ack(acknowledged))
    lost = shop.close_day()
    shop.append(earned(7, day=DAY + timedelta(days=1)))
    shop.journal.open_epoch(EpochReason.FORK)

    assert closures(shop) == [(DAY, 100, 107)]
    assert all(decode_event(row.event).event_id != lost.event_id for row in rows_of(shop))

    shop.append(earned(20))
    shop.take(shop.ack(1))
    shop.journal.open_epoch(EpochReason.FORK)
    assert closures(shop) == [(DAY, 120, 127)]

    shop.take(shop.ack(len(rows_of(shop))))
    shop.append(earned(3))
    shop.close_day()
    shop.journal.open_epoch(EpochReason.FORK)
    assert closures(shop) == [(DAY, 3, 130)]
    keys = {CENTRAL_KEY_ID: shop.central_key.public_key()}
    assert verify(shop.path, keys=keys).rows > 0


def test_grants_and_openings_are_not_copied(shop: Shop) -> None:
    shop.take(shop.ack(1))
    shop.give_grant()
    kept = shop.append(earned())
    asked = uuid7()
    gave_up = shop.append(AuthorisationAbandoned(authorisation=asked, reason=AbandonReason.GIVEN_UP), closes=asked)
    shop.journal.open_epoch(EpochReason.FORK)
    shop.give_grant()
    last = shop.append(earned())
    shop.journal.open_epoch(EpochReason.FORK)

    events = [decode_event(row.event) for row in rows_of(shop)]

    assert events[1:] == [kept, gave_up, last]
    assert not any(isinstance(event.data, GrantReceived) for event in events)


def test_before_any_ack_everything_is_copied(shop: Shop) -> None:
    epoch = shop.journal.epoch
    event = shop.append(earned())
    shop.journal.open_epoch(EpochReason.CORRUPTION)

    opened, copy = (decode_event(row.event) for row in rows_of(shop))

    assert opened.data == EpochOpened(
        epoch=shop.journal.epoch,
        reason=EpochReason.CORRUPTION,
        parent=RowLink(epoch=epoch, seq=0, hash=GENESIS.hex()),
    )
    assert copy == event


def test_a_copied_event_is_still_taken_sent_and_one_on_its_card(shop: Shop) -> None:
    event = shop.append(earned(instrument="k1"))
    void = shop.append(voided(event))
    shop.journal.open_epoch(EpochReason.FORK)

    with pytest.raises(AlreadyClosed):
        shop.append(earned(), event_id=event.event_id)
    assert shop.journal.submit(lambda tx: tx.is_sent(event.event_id)).result()
    own = shop.journal.submit(lambda tx: tx.own_since_counted("card", "k1")).result()
    assert own == (event, void)
    assert shop.journal.queue().value_at_risk_minor == {"EUR": 118}


def test_an_event_of_an_acknowledged_row_is_taken_for_ever(shop: Shop) -> None:
    event = shop.append(earned())
    shop.take(shop.ack(2))
    shop.journal.open_epoch(EpochReason.FORK)

    with pytest.raises(AlreadyClosed):
        shop.append(earned(), event_id=event.event_id)


def test_what_a_new_generation_of_central_lost_is_copied_too(shop: Shop) -> None:
    events = [shop.append(earned()) for _ in range(2)]
    shop.take(shop.ack(3))
    shop.take(shop.ack(0, generation=2))
    shop.journal.open_epoch(EpochReason.FORK)

    assert [decode_event(row.event) for row in rows_of(shop)[1:]] == events


def test_perpetual_totals_do_not_fall_below_what_central_booked(restored: Shop) -> None:
    own = totals(restored.journal.submit(lambda tx: dict(tx.records)).result(), PERPETUAL).programmes["card"]
    booked = replace(own, earned_minor=own.earned_minor + 400, redeemed_minor=0)
    restored.take(restored.ack(99, hash="ab" * 32, perpetual={"card": booked}))
    restored.journal.open_epoch(EpochReason.FORK)

    after = totals(restored.journal.submit(lambda tx: dict(tx.records)).result(), PERPETUAL).programmes

    assert after["card"] == replace(own, earned_minor=own.earned_minor + 400)
