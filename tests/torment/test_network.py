"""The short form of `make network-test`: every fault of a network once, and a small fleet that comes back at once."""

from __future__ import annotations

import asyncio

import pytest

from tests.torment.network import an_ordeal
from tests.torment.storm import a_storm

EVERY_FAULT = 8


@pytest.mark.timeout(400)
def test_a_bad_network_costs_time_only() -> None:
    with an_ordeal(seed=7) as ordeal:
        reckoning = ordeal.suffer(EVERY_FAULT, print)

    assert reckoning.holds, [str(reckoning), *reckoning.faults]
    assert len(ordeal.suffered) == EVERY_FAULT
    assert reckoning.acknowledged > 0


@pytest.mark.timeout(400)
def test_a_fleet_that_comes_back_at_once_sends_everything_once() -> None:
    with a_storm(40) as storm:
        landed = asyncio.run(storm.blow())

    assert landed.holds, str(landed)
