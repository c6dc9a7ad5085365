"""A network camera films the counter: what it sees is read once, and whatever happens to it stops nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from hardware_sim.shop import FILM
from hardware_sim.things import Kind
from hardware_sim.town import CARD
from tests.e2e.places import NearTown, Town, short_folder
from tests.e2e.test_unplug import GONE, READY, wait_for
from tests.e2e.till import Till, earn


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with short_folder() as folder, NearTown(folder) as virtual:
        shop = virtual.found_shop("a", "Librairie des Halles", has_camera=False, films=True)
        cards = virtual.issue(CARD, 8)
        virtual.start_central()
        shop.open()
        wait_for(shop, FILM, READY)
        yield Town(virtual=virtual, shops=[shop], cards=cards)


def assert_films(town: Town, number: int, *, kind: Kind = Kind.CARD) -> None:
    """A card that is held before the camera is on the counter, and isn't read again until it has gone."""
    shown = town.a.film(town.cards[number].token, kind=kind, seed=3)

    assert shown["instrument"] == town.cards[number].instrument
    town.a.twin(FILM).do("wait_left")
    presented = town.a.counter.get("/v1/counter")["presented"]
    assert [left["number"] for left in presented if left["device"] == FILM] == [shown["number"]]


def assert_the_counter_goes_on(town: Town, number: int) -> None:
    """The hand scanner reads, and a basket is credited."""
    assert town.a.scan(town.cards[number].token)["instrument"] == town.cards[number].instrument
    Till(town.a).do(earn(town.cards[number].token, "2,00"))


@pytest.mark.parametrize("kind", Kind)
def test_a_code_in_a_trembling_hand_is_read_once(town: Town, kind: Kind) -> None:
    assert_films(town, list(Kind).index(kind), kind=kind)


def test_what_was_filmed_can_be_credited(town: Town) -> None:
    assert_films(town, 3)

    assert town.a.operate("earn", amount="23,50")["accepted"] is True


def test_a_frozen_camera_is_said_and_resumes_by_itself(town: Town) -> None:
    town.a.twin(FILM).do("freeze")

    assert "câble" in wait_for(town.a, FILM, GONE)["message"]
    assert_the_counter_goes_on(town, 4)
    town.a.twin(FILM).do("thaw")
    wait_for(town.a, FILM, READY)
    assert_films(town, 5)


def test_an_unplugged_camera_is_said_and_resumes_by_itself(town: Town) -> None:
    town.a.twin(FILM).do("unplug")

    assert "câble" in wait_for(town.a, FILM, GONE)["message"]
    assert_the_counter_goes_on(town, 6)
    town.a.twin(FILM).do("replug")
    wait_for(town.a, FILM, READY)
    assert_films(town, 7)


def test_a_box_starts_without_its_camera_and_ends_while_it_is_frozen(town: Town) -> None:
    town.a.gateway.stop()
    town.a.twin(FILM).do("unplug")
    town.a.open()
    assert_the_counter_goes_on(town, 4)
    town.a.twin(FILM).do("replug")
    wait_for(town.a, FILM, READY)

    town.a.twin(FILM).do("freeze")
    pid = town.a.gateway.pid
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    assert town.a.gateway.wait_end() == 0
