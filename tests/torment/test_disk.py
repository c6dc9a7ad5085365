"""A box whose disk is full, turns read-only, stalls or loses its power, with the whole agent on it: nothing is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.client import INSUFFICIENT_STORAGE, OK, SERVICE_UNAVAILABLE

import pytest

from hardware_sim.counter_client import Reply
from hardware_sim.programs import until
from hardware_sim.shop import VirtualShop
from hardware_sim.town import CARD, Issued, VirtualTown
from tests.e2e.places import Town, found, say, short_folder
from tests.e2e.till import Request, earn
from tests.torment.clerks import Told, at_work
from tests.torment.disks import DiskUnavailable, LoopDisk
from tests.torment.reckoning import Pages, reckon

_DISK_MIB = 160
"""More than a box keeps in reserve."""
_MOST_OPERATIONS = 5_000
"""A full disk has room for fewer: the journal writes over its own log for a while."""

_WITHIN_S = 120.0
_STALLS, _STALL_S = 8, 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A town whose first box has its data on a disk of its own."""

    town: Town
    disk: LoopDisk
    cards: list[Issued]
    told: Told = field(default_factory=Told)

    @property
    def shop(self) -> VirtualShop:
        return self.town.a

    def ask(self, request: Request) -> Reply:
        """Ask the counter once, and note what it did."""
        reply = self.shop.counter.post("/v1/operations", request.body, key=request.key)
        if reply.status == OK:
            self.told.take(request, reply)
        return reply

    def an_earn(self) -> Request:
        return earn(self.cards[len(self.told.accepted) % len(self.cards)].token, "2,00")

    def at_work(self) -> AbstractContextManager[None]:
        """Clerks use the counter meanwhile."""
        return at_work(self.shop, self.cards, self.told, random.Random(len(self.told.accepted)))

    def let_them_do(self, count: int) -> None:
        """Wait until the clerks have done so much more."""
        enough = len(self.told.accepted) + count
        until(lambda: len(self.told.accepted) >= enough, what="the clerks to go on", within_s=_WITHIN_S)

    def check(self) -> None:
        """Everything is booked, and adds up."""
        self.town.settle()
        reckoning = reckon(self.town, self.told, Pages(path=self.shop.journal), self.cards)
        assert reckoning.holds, [str(reckoning), *reckoning.faults]


@contextmanager
def a_place() -> Iterator[Place]:
    with short_folder() as folder:
        town = folder / "town"
        with LoopDisk(folder / "image", town / "a" / "box", size_mib=_DISK_MIB) as disk, VirtualTown(town) as virtual:
            place = Place(town=found(virtual), disk=disk, cards=virtual.issue(CARD, 10))
            place.town.settle()
            try:
                yield place
            finally:
                # Before its disk goes.
                place.shop.gateway.stop()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    try:
        with a_place() as place:
            yield place
    except DiskUnavailable as error:
        pytest.skip(str(error))


def refused(place: Place) -> tuple[Request, Reply]:
    """The first operation that isn't recorded."""
    for _ in range(_MOST_OPERATIONS):
        request = place.an_earn()
        reply = place.ask(request)
        if reply.status != OK:
            return request, reply
    raise AssertionError("the disk takes everything")


def test_a_full_disk_refuses_in_plain_words_and_goes_on_when_there_is_room(place: Place) -> None:
    pid = place.shop.gateway.pid
    place.ask(place.an_earn())
    ballast = place.disk.fill()

    request, reply = refused(place)

    assert (reply.status, reply.body["type"]) == (INSUFFICIENT_STORAGE, "urn:comptoir:problem:disk-full")
    assert reply.body["detail"].startswith("Disque plein : l'opération n'a pas été enregistrée.")
    # It can still be looked at.
    assert place.shop.status()["device"] == place.shop.device
    assert place.shop.counter.post("/v1/scans", {"code": place.cards[0].token, "device": "till"}).status == OK

    ballast.unlink()

    assert place.ask(request).status == OK
    assert place.shop.gateway.pid == pid
    place.check()


def test_a_disk_that_turns_read_only_refuses_and_loses_nothing(place: Place) -> None:
    place.ask(place.an_earn())
    place.disk.fail()

    request, reply = refused(place)

    assert (reply.status, reply.body["type"]) == (SERVICE_UNAVAILABLE, "urn:comptoir:problem:journal-fault")
    assert reply.body["detail"].startswith("Le journal n'a pas pu écrire : l'opération n'a pas été enregistrée.")

    # ext4 takes nothing more until it was unmounted and looked at: a person restarts the box.
    place.shop.gateway.stop()
    place.disk.unmount()
    place.disk.repair()
    place.disk.mount()
    place.shop.open()
    assert place.ask(request).status == OK
    place.check()


def test_a_box_does_not_start_on_a_read_only_disk_and_says_so(place: Place) -> None:
    place.shop.gateway.stop()
    place.disk.remount("ro")

    started = say("gateway.cli", "run", "--config", str(place.shop.settings))

    assert started.code == 1
    assert "ne peut pas être utilisé : vérifiez le disque" in started.err
    place.disk.remount("rw")
    place.shop.open()
    place.check()


def test_clerks_wait_until_a_full_disk_has_room_again(place: Place) -> None:
    with place.at_work():
        ballast = place.disk.fill()
        until(lambda: place.told.put_off, what="somebody to be told that the disk is full", within_s=_WITHIN_S)
        ballast.unlink()

    place.check()


def test_a_disk_that_stalls_loses_nothing(place: Place) -> None:
    put_off = place.told.put_off
    with place.at_work():
        for _ in range(_STALLS):
            with place.disk.stalled():
                time.sleep(_STALL_S)
            place.let_them_do(1)

    assert place.told.put_off == put_off
    place.check()


def test_a_power_cut_under_the_whole_agent_loses_nothing(place: Place) -> None:
    with place.at_work():
        for _ in range(2):
            place.let_them_do(20)
            pid = place.shop.gateway.pid
            assert pid is not None
            place.disk.cut_power_under(pid)
            place.shop.gateway.kill()
            place.disk.unmount()
            place.disk.mount()
            place.shop.open()

    place.check()
