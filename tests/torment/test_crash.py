"""The short form of `make crash-test`: box, broker, centre and database die under load, and nothing is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from hardware_sim.counter_client import Reply
from tests.e2e.till import Request
from tests.sync.boxes import Shop, earned
from tests.torment.clerks import Told
from tests.torment.crash import an_ordeal
from tests.torment.reckoning import Pages


@pytest.mark.timeout(400)
def test_everything_acknowledged_happens_exactly_once() -> None:
    with an_ordeal(seed=4) as ordeal:
        reckoning = ordeal.suffer(3, print)

    assert reckoning.holds, [str(reckoning), *reckoning.faults]
    assert ordeal.killed["box"] == 3
    assert reckoning.acknowledged > 0


def test_pages_are_read_once_and_in_order(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "journal.sqlite")
    shop.create()
    pages = Pages(path=shop.path)
    ids = []
    for _ in range(2):
        ids += [str(shop.append(earned()).event_id) for _ in range(3)]
        pages.read_on()
    shop.close()

    assert (pages.rows[1:], pages.operations, pages.torn) == (ids, set(ids), 0)


def test_pages_show_a_row_that_took_another_one_s_place(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "journal.sqlite")
    shop.create()
    shop.append(earned())
    pages = Pages(path=shop.path)
    pages.read_on()
    shop.append(earned())
    shop.close()
    with closing(sqlite3.connect(shop.path, isolation_level=None)) as connection:
        connection.execute("UPDATE rows SET previous = zeroblob(32) WHERE position = 3")

    pages.read_on()

    assert pages.torn == 1


def test_an_answer_that_is_neither_yes_nor_no_is_a_fault() -> None:
    told = Told()

    told.take(Request(body={"kind": "earn"}), Reply(status=500, body={"detail": "broken"}))

    assert len(told.unexpected) == 1


def test_a_key_answered_as_another_is_a_fault() -> None:
    told = Told()

    told.take(
        Request(body={"kind": "earn"}),
        Reply(status=200, body={"accepted": True, "event_id": str(uuid4()), "type": "comptoir.earned.v1"}),
    )

    assert len(told.unexpected) == 1
