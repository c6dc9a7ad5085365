"""The story on PostgreSQL, and a centre that dies over it: whatever the database, the same books."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware_sim.postgres import Postgres
from tests.e2e.places import a_town, dying_central, say
from tests.e2e.till import Till, earn


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    url = postgres.new()
    yield url
    postgres.drop(url)


def test_the_story_holds(database: str, tmp_path: Path) -> None:
    told = say("hardware_sim.cli", "story", "--database", database, "--out", str(tmp_path))

    assert (told.code, told.err) == (0, ""), told.out + told.err
    story = json.loads((tmp_path / "story.json").read_text(encoding="utf-8"))
    assert (story["books_balance"], story["broken_promises"], story["lost_events"]) == (True, [], [])
    assert story["double_acceptances"] == 1


def test_the_centre_dies_between_commit_and_ack(database: str) -> None:
    with a_town(database=database) as town:
        till, card = Till(town.a), town.cards[0].token
        central = town.virtual.central
        central.stop()
        town.virtual.central = dying_central(town.virtual, "a batch was committed, before the ack")
        town.start_central()

        till.do(earn(card, "3,50"))

        assert town.virtual.central.wait_end() == -signal.SIGKILL
        town.virtual.central = central
        town.start_central()
        till.do(earn(card, "3,50"))
        town.settle()
        assert till.shown(card)["spendable_minor"] == till.balance_minor(card)
        assert json.loads(town.virtual.office("books", "--json"))["books_balance"] is True
