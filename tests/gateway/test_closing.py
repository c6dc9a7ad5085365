"""Closing days: each with its totals, and a month before the first day of the next."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta

from uuid_utils.compat import uuid7

from gateway.closing import close_day, days_to_close
from programme.decide import Earn
from programme.events import DayClosed, Event
from sync.journal import Transaction
from sync.journal.verify import verify
from tests.gateway.world import CARD, DEVICE, NOON, Box


def earn(box: Box, at: datetime) -> None:
    box.clock.go_to(at)
    command = Earn(code=box.desk.resolve(box.central.card(1)), basket_minor=2_000)
    asyncio.run(box.counter.operate(command, uuid7()))


def close(box: Box, up_to: date) -> list[Event]:
    def work(tx: Transaction) -> list[Event]:
        days = days_to_close(tx.records, up_to=up_to)
        return [close_day(tx, day=day, key=box.key, new_id=uuid7) for day in days]

    return box.journal.submit(work).result()


def test_days_are_closed_in_order_each_with_its_totals(box: Box) -> None:
    earn(box, NOON)
    earn(box, NOON + timedelta(days=1))
    earn(box, NOON + timedelta(days=9))

    closed = [event.data for event in close(box, up_to=date(2026, 5, 5))]

    assert all(isinstance(data, DayClosed) for data in closed)
    assert [(data.business_day, data.totals[CARD].count) for data in closed if isinstance(data, DayClosed)] == [
        (date(2026, 5, 4), 1),
        (date(2026, 5, 5), 1),
    ]
    assert close(box, up_to=date(2026, 5, 5)) == []


def test_the_month_that_is_over_is_closed_before_a_day_of_the_next(box: Box) -> None:
    earn(box, NOON)
    close(box, up_to=date(2026, 5, 4))
    earn(box, NOON + timedelta(days=10))
    earn(box, NOON + timedelta(days=30))

    (may, june) = close(box, up_to=date(2026, 6, 3))

    assert isinstance(may.data, DayClosed)
    assert isinstance(june.data, DayClosed)
    assert box.rows()[-3:] == ["day_closed", "period_closed", "day_closed"]
    keys = {**box.identity.central_keys, DEVICE: box.key.public_key()}
    assert verify(box.path, keys=keys).rows == 8


def test_a_day_goes_on_after_its_closure(box: Box) -> None:
    earn(box, NOON)
    close(box, up_to=NOON.date())
    earn(box, NOON)

    (again,) = close(box, up_to=NOON.date())

    assert isinstance(again.data, DayClosed)
    assert (again.data.totals[CARD].count, again.data.perpetual[CARD].count) == (1, 2)
