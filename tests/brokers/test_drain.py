"""Any broker must do: a back-log arrives once, whichever broker dies in the middle of it.

`make broker-test` sends a longer one, and runs the tests of the connection and of every message on each of the brokers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from benchmarks.drain import fill_journal
from hardware_sim.cluster import NatsCluster
from hardware_sim.programs import until
from hardware_sim.shop import VirtualShop
from hardware_sim.town import CARD, VirtualTown
from tests.brokers.stands import Stand, chosen, name_of
from tests.e2e.places import short_folder

ROWS = int(os.environ.get("COMPTOIR_DRAIN_ROWS", "20000"))
CARDS = ROWS // 40
"""So that no card reaches its cap: every earn is an entry of the books."""
DEATHS = 2
WITHIN_S = 120.0
"""Only bounds a test that fails."""


@pytest.fixture(params=chosen(Stand.NATS_CLUSTER), ids=name_of)
def town(request: pytest.FixtureRequest) -> Iterator[VirtualTown]:
    with short_folder() as folder, VirtualTown(folder, broker=request.param.make(folder / "broker")) as virtual:
        yield virtual


def test_a_broker_that_dies_during_a_drain_loses_nothing_and_doubles_nothing(town: VirtualTown) -> None:
    shop = town.found_shop("a", "Librairie des Halles", has_camera=False)
    cards = [card.instrument for card in town.issue(CARD, CARDS)]
    last = fill_journal(shop.journal.parent, cards, ROWS)[-1]
    town.start_central()
    shop.gateway.start()

    # The cluster promises to outlive one server; it isn't killed again before that one has caught up.
    for death in range(1, 1 + (1 if isinstance(town.broker, NatsCluster) else DEATHS)):
        until(lambda death=death: _watermark(town) > death * ROWS // 4, what="a part of it")  # type: ignore[misc]
        assert _watermark(town) < last.seq, "all was there before the broker died: make the back-log longer"
        if isinstance(town.broker, NatsCluster):
            town.broker.kill_one()
            until(lambda: _is_heard_again(shop), what="the box to be back by another server", within_s=WITHIN_S)
        else:
            town.broker.kill()
        town.broker.start()

    until(lambda: _watermark(town) >= last.seq, what="all of it", within_s=WITHIN_S)
    assert '"books_balance": true' in town.office("books", "--json")
    ((events, ids),) = town.ask("SELECT count(*), count(DISTINCT event_id) FROM events WHERE type LIKE '%earned%'")
    ((entries, booked),) = town.ask("SELECT count(*), count(DISTINCT event_id) FROM ledger_entries")
    assert (events, ids) == (ROWS, ROWS)
    assert (entries, booked) == (ROWS, ROWS)


def _watermark(town: VirtualTown) -> int:
    ((seq,),) = town.ask("SELECT coalesce(max(watermark_seq), 0) FROM epochs")
    return int(seq)


def _is_heard_again(shop: VirtualShop) -> bool:
    return bool(shop.status()["link"]["up"])
