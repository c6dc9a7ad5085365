"""A full disk refuses new operations in plain words; the counter goes on by itself once there is room."""

from __future__ import annotations

import asyncio
import shutil

import pytest
from uuid_utils.compat import uuid7

from gateway.errors import CounterError
from gateway.orders import Kind, Order
from gateway.outcomes import Outcome
from gateway.words import Problem
from programme.decide import Redeem
from sync.journal.verify import verify
from tests.gateway.world import Box

_SPARE_PAGES = 4


def limit_pages(box: Box, pages: int) -> None:
    """SQLite says the same at its own limit as on a full disk; only the writing connection can set it."""
    box.journal.submit(
        lambda tx: tx._session.connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    ).result()


def earn(box: Box) -> Outcome:
    order = Order(kind=Kind.EARN, amount="23,50", code=box.central.card(1))
    return asyncio.run(box.counter.operate(box.orders.command(order), uuid7()))


def fill(box: Box) -> int:
    """Earn until there is no room; returns how often that went well."""
    limit_pages(box, box.path.stat().st_size // 4096 + _SPARE_PAGES)
    for done in range(10_000):
        try:
            earn(box)
        except CounterError as error:
            assert error.problem is Problem.DISK_FULL
            assert "Disque plein" in error.say("fr")
            assert "Disk full" in error.say("en")
            return done
    raise AssertionError("the disk was never full")


def test_a_full_disk_refuses_says_so_and_loses_nothing(box: Box) -> None:
    recorded = fill(box)
    before = box.rows()

    assert before.count("earned") == recorded
    assert box.journal.queue().unbooked_rows == recorded + 1
    shown = asyncio.run(box.desk.look(box.desk.place(box.central.card(1), device="douchette")))
    assert shown.pending_minor == recorded * 118

    limit_pages(box, 1 << 30)
    assert earn(box).event is not None
    assert box.rows() == [*before, "earned"]
    verify(box.path, keys={})


def test_an_approval_that_finds_no_room_can_be_repeated(box: Box) -> None:
    box.central.approve()
    key = uuid7()
    spend = Redeem(code=box.desk.resolve(box.central.card(1)), amount_minor=50)
    fill(box)
    with pytest.raises(CounterError):
        while True:
            asyncio.run(box.counter.operate(spend, key := uuid7()))

    limit_pages(box, 1 << 30)
    outcome = asyncio.run(box.counter.operate(spend, key))

    assert outcome.event is not None
    assert outcome.event.event_id == key == box.central.asked[-1].authorisation


def test_below_the_reserve_operations_are_refused_and_everything_else_works(box: Box) -> None:
    earn(box)
    free = shutil.disk_usage(box.folder).free
    box.counter = box.make_counter(reserve_bytes=free * 2)

    with pytest.raises(CounterError) as refused:
        earn(box)

    assert refused.value.problem is Problem.DISK_FULL
    assert box.rows().count("earned") == 1
    box.acknowledge_all()
    box.give_grant()
    assert box.journal.queue().unbooked_rows == 1
    box.counter = box.make_counter(reserve_bytes=free // 2)
    assert earn(box).event is not None


def test_a_request_that_was_recorded_is_answered_below_the_reserve_too(box: Box) -> None:
    key = uuid7()
    order = Order(kind=Kind.EARN, amount="23,50", code=box.central.card(1))
    recorded = asyncio.run(box.counter.operate(box.orders.command(order), key))
    box.counter = box.make_counter(reserve_bytes=1 << 60)

    again = asyncio.run(box.counter.operate(box.orders.command(order), key))

    assert again.repeated
    assert again.event == recorded.event
