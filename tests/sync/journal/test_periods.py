"""Month and year closures: written before the first day's of the next one, summed up along the branch, verified."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import pytest

from programme.cloudevents import decode_event
from programme.events import CLOSURES, DayClosed, EpochReason, PeriodClosed, ProgrammeTotals
from sync.closures import sign_closure
from sync.errors import JournalBroken
from sync.journal.verify import Report, verify
from sync.wire import Head
from tests.sync.boxes import BOX, CENTRAL_KEY_ID, NOON, Shop, earned

MAY_4, MAY_5, JUNE_1, JANUARY_2 = date(2026, 5, 4), date(2026, 5, 5), date(2026, 6, 1), date(2027, 1, 2)


def check(shop: Shop) -> Report:
    return verify(shop.path, keys={BOX: shop.key.public_key(), CENTRAL_KEY_ID: shop.central_key.public_key()})


def work(shop: Shop, days: Iterable[date]) -> None:
    """Earn 100 on each day and close it."""
    for day in days:
        shop.clock.pass_s((day - shop.clock.now().date()).days * 86_400)
        shop.append(earned(100, day=day))
        shop.close_day(day)


def told(shop: Shop) -> list[tuple[str, int, int]]:
    """What was closed in this epoch: the period, earned in it, and earned ever."""
    rows = [decode_event(row.event).data for row in shop.journal.rows(1, 10_000, 10**9)]
    return [
        (
            str(closed.business_day) if isinstance(closed, DayClosed) else closed.period,
            closed.totals["card"].earned_minor,
            closed.perpetual["card"].earned_minor,
        )
        for closed in rows
        if isinstance(closed, CLOSURES)
    ]


def test_a_month_is_closed_before_the_first_day_of_the_next(shop: Shop) -> None:
    work(shop, [MAY_4, MAY_5, JUNE_1])

    assert told(shop) == [
        ("2026-05-04", 100, 100),
        ("2026-05-05", 100, 200),
        ("2026-05", 200, 300),
        ("2026-06-01", 100, 300),
    ]
    check(shop)


def test_a_year_is_closed_after_its_last_month(shop: Shop) -> None:
    work(shop, [MAY_4, JUNE_1, JANUARY_2])

    assert [(period, earned_minor) for period, earned_minor, _ in told(shop) if len(period) < 8] == [
        ("2026-05", 100),
        ("2026-06", 100),
        ("2026", 200),
    ]
    check(shop)


def test_after_a_fork_they_are_closed_again_where_central_lacks_them(shop: Shop) -> None:
    work(shop, [MAY_4])
    shop.take(shop.ack(3))
    work(shop, [MAY_5, JUNE_1])
    shop.journal.open_epoch(EpochReason.FORK)

    assert told(shop) == [("2026-05-05", 100, 300), ("2026-05", 200, 300), ("2026-06-01", 100, 300)]
    work(shop, [JANUARY_2])
    assert told(shop)[-3:] == [("2026-06", 100, 400), ("2026", 300, 400), ("2027-01-02", 100, 400)]
    check(shop)


def test_a_month_that_central_has_is_not_closed_again(shop: Shop) -> None:
    work(shop, [MAY_4, JUNE_1])
    shop.take(shop.ack(5))
    shop.journal.open_epoch(EpochReason.FORK)

    assert told(shop) == [("2026-06-01", 100, 200)]
    check(shop)


def test_days_in_archives_count_as_ever(shop: Shop) -> None:
    shop.load_replica("card", 1)
    work(shop, [MAY_4, MAY_5, JUNE_1])
    shop.take(shop.ack(7, heads={"card": Head(generation=1, version=1)}))
    shop.journal.archive(before=NOON.replace(year=2027), rows_in_file=2)

    work(shop, [JANUARY_2])

    assert told(shop)[-3:] == [("2026-06", 100, 400), ("2026", 300, 400), ("2027-01-02", 100, 400)]
    check(shop)


def test_a_month_that_is_not_the_sum_of_its_days_is_found(shop: Shop) -> None:
    work(shop, [MAY_4])
    sums = {"card": ProgrammeTotals(earned_minor=99, count=1)}
    perpetual = {"card": ProgrammeTotals(earned_minor=100, count=1)}
    shop.append(sign_closure(PeriodClosed(period="2026-05", totals=sums, perpetual=perpetual, signature=""), shop.key))

    with pytest.raises(JournalBroken, match="sum of its days"):
        check(shop)


def test_a_perpetual_total_that_the_rows_do_not_add_up_to_is_found(shop: Shop) -> None:
    shop.append(earned(100))
    sums = {"card": ProgrammeTotals(earned_minor=99, count=1)}
    shop.append(sign_closure(DayClosed(business_day=MAY_4, totals=sums, perpetual=sums, signature=""), shop.key))

    with pytest.raises(JournalBroken, match="perpetual"):
        check(shop)
