"""SIGKILL at every step of the way of an operation, on both sides: nothing is lost, nothing happens twice.

Each test lets the box or the centre die at one step while the till asks for something, starts the same program again,
lets the till repeat what it got no answer to, and looks whether everything adds up, here and there.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import gateway.cli
from gateway.identity import load_identity
from hardware_sim.counter_client import Json
from hardware_sim.programs import until
from hardware_sim.town import CARD, PROGRAMMES, VOUCHER
from sync.topics import Up
from tests.e2e.dying import BOX_STEPS, CENTRAL_STEPS
from tests.e2e.places import OPEN_GRANTS, Town, a_town, ask, dying_box, dying_central, journalled, run_here
from tests.e2e.tap import Tap
from tests.e2e.till import Request, Till, earn, redeem, sell

DONE = """
SELECT event_id FROM rows WHERE type IN ('comptoir.earned.v1', 'comptoir.redeemed.v1', 'comptoir.sold.v1')
"""


class World:
    """A town of one shop, whose programs die and come back."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.shop = town.a
        self.card = town.cards[0].token
        self.till = Till(town.a)
        self.epoch = self.shop.status()["epoch"]
        self.receipts = 0
        self._gateway, self._central = self.shop.gateway, town.virtual.central
        self._versions = 1
        self.till.do(earn(self.card, "100,00"))
        town.settle()

    def be_ready(self) -> None:
        """Whatever became of the step before, both programs run as they are, and hear each other."""
        self.shop.reconnect()
        if not self._central.running:
            self.start_central()
        if not self._gateway.running:
            self.open_box()
        self.town.settle()

    def open_box(self) -> None:
        """Start the box as it is."""
        self.shop.gateway.kill()
        self.shop.gateway = self._gateway
        self.shop.open()

    def reopen_box(self) -> None:
        """Let the box say anew where it stands."""
        self._gateway.stop()
        self.open_box()
        self.town.settle()

    def open_dying_box(self, step: str) -> None:
        """Start the box so that it dies at a step."""
        self._gateway.stop()
        self.shop.gateway = dying_box(self.shop, step)
        self.shop.open()

    def start_central(self) -> None:
        """Start the centre as it is, and wait until it has heard the box."""
        self.town.virtual.central.kill()
        self.town.virtual.central = self._central
        self.town.start_central()

    def start_dying_central(self, step: str) -> None:
        """Start the centre so that it dies at a step."""
        virtual = self.town.virtual
        self._central.stop()
        virtual.central = dying_central(virtual, step)
        self.town.start_central()

    def publish_rules(self) -> None:
        """A new version of the voucher's rules: every box gets another configuration."""
        self._versions += 1
        file = self.town.virtual.folder / f"{VOUCHER}-{self._versions}.toml"
        text = (PROGRAMMES / f"{VOUCHER}.toml").read_text(encoding="utf-8")
        file.write_text(text.replace("version = 1", f"version = {self._versions}"), encoding="utf-8")
        self.town.virtual.office("programme", "load", str(file))

    def consign(self) -> None:
        """Another voucher to sell: the box gets another grant."""
        self.town.virtual.issue(VOUCHER, 1, "--face", "20,00", "--consign", self.shop.device)

    def check(self) -> None:
        """Everything settles, and adds up."""
        self.town.settle()
        until(self._holds_newest, what="the box to hold the newest grant and configuration, and central to know")
        rows = journalled(self.shop)
        assert len(rows) == len(set(rows)), "an event was journalled twice"
        assert set(self.till.accepted) <= set(rows), "an operation that the counter acknowledged is gone"
        assert not self.till.given_up & set(rows), "an operation was given up, and happened"
        assert len(ask(self.shop.journal, DONE)) == len(self.till.accepted), "something happened unasked"
        assert set(rows) <= self.town.booked(), "a row is acknowledged and not booked"
        assert self.till.shown(self.card)["spendable_minor"] == self.till.balance_minor(self.card)
        assert self.shop.status()["epoch"] == self.epoch
        assert self._office("books", "--json")["books_balance"] is True
        (device,) = self._office("devices", "--json")
        assert device["open_authorisations"] == []
        assert run_here(gateway.cli.main, "journal", "verify", "--config", str(self.shop.settings))

    def next_receipt(self) -> Json:
        """The next thing that comes out of the printer."""
        self.receipts += 1
        _, printed = self.shop.receipt(self.receipts)
        return printed

    def _holds_newest(self) -> bool:
        status = self.shop.status()
        (device,) = self._office("devices", "--json")
        return (
            self.town.virtual.ask(OPEN_GRANTS) == [(self.shop.device, status["grant"]["id"])]
            and device["grant_received"]
            and status["configuration"] == device["config_version"] == device["config_applied"]
            and not status["queue"]["unbooked_rows"]
        )

    def _office(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.town.virtual.office(*arguments))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with a_town(vouchers=10) as town:
        yield World(town)


Act = Callable[[World], Request | None]


def an_earn(world: World) -> Request:
    """The till credits a basket."""
    return earn(world.card, "3,50")


def a_spend(world: World) -> Request:
    """The till spends from the card."""
    return redeem(world.card, "0,10")


def nothing(_: World) -> None:
    """The till asks for nothing: the centre has news."""


EARNS = {
    "before an operation is appended",
    "after the append, before the commit",
    "after the commit, before the answer to the till",
    "before a batch is given to the link",
    "after a batch was given to the link",
    "after a batch was published",
    "before an ack is applied",
    "after an ack was applied",
    "before a registry delta is applied",
    "after a registry delta was applied",
    "a batch came, before its transaction",
    "a batch was booked, before the commit",
    "a batch was committed, before the ack",
    "the ack was published",
    "before a registry delta is published",
    "a registry delta was published",
}
SPENDS = {
    "before an ask leaves",
    "after an ask left",
    "after the answer came, before its row",
    "after the row of an answer",
    "an ask came, before its transaction",
    "an ask was decided, before the commit",
    "an ask was committed, before the answer",
    "the answer was published",
}
PRINTS = {"before a print job's first byte": False, "after a print job's last byte": True}
"""And whether it came out."""
NEWS: dict[str, Callable[[World], None]] = {
    "before a grant is recorded": World.consign,
    "after a grant's append, before the commit": World.consign,
    "after a grant was recorded": World.consign,
    "before a grant is published": World.consign,
    "a grant was published": World.consign,
    "before a configuration is kept": World.publish_rules,
    "after a configuration was kept": World.publish_rules,
    "before a report is published": World.publish_rules,
    "after a report was published": World.publish_rules,
    "before a configuration is published": World.publish_rules,
    "a configuration was published": World.publish_rules,
}
SNAPSHOT = "in the middle of a registry snapshot"
BIRTHS = {"before the birth is published", "after the birth was published"}
RESENDS = {"before a resend is published", "a resend was published"}
EPOCHS = {"before a new epoch is committed", "after a new epoch was committed"}
"""Taken in `test_restored_disk`: this town keeps its epoch."""


def test_every_step_is_taken() -> None:
    taken = [EARNS, SPENDS, set(PRINTS), set(NEWS), {SNAPSHOT}, BIRTHS, RESENDS, EPOCHS]
    assert set.union(*taken) == set(BOX_STEPS) | set(CENTRAL_STEPS)
    assert sum(map(len, taken)) == len(BOX_STEPS) + len(CENTRAL_STEPS)


@pytest.mark.parametrize("step", [step for step in BOX_STEPS if step in EARNS | SPENDS])
def test_the_box_dies_over_an_operation(step: str, world: World) -> None:
    world.be_ready()
    world.open_dying_box(step)
    if step in SPENDS:
        until(lambda: world.shop.status()["link"]["up"], what="a link to ask through")
    request = an_earn(world) if step in EARNS else a_spend(world)

    answer = world.till.ask(request)

    assert world.shop.gateway.wait_end() == -signal.SIGKILL
    world.open_box()
    world.till.insist(request, answer)
    world.check()


@pytest.mark.parametrize("step", [step for step in BOX_STEPS if step in NEWS])
def test_the_box_dies_over_news(step: str, world: World) -> None:
    world.be_ready()
    world.open_dying_box(step)

    NEWS[step](world)

    assert world.shop.gateway.wait_end() == -signal.SIGKILL
    world.open_box()
    world.till.do(an_earn(world))
    world.check()


@pytest.mark.parametrize("step", sorted(BIRTHS))
def test_the_box_dies_when_it_says_that_it_is_there(step: str, world: World) -> None:
    world.be_ready()
    world.shop.cut_off()
    world.open_dying_box(step)
    world.till.do(an_earn(world))

    world.shop.reconnect()

    assert world.shop.gateway.wait_end() == -signal.SIGKILL
    world.open_box()
    world.till.do(an_earn(world))
    world.check()


def test_the_box_dies_over_a_registry_snapshot(world: World) -> None:
    world.be_ready()
    world.shop.gateway.stop()
    # What is issued while the centre doesn't run comes in no delta.
    world.town.virtual.central.stop()
    (issued,) = world.town.virtual.issue(CARD, 1)
    world.town.start_central()

    world.open_dying_box(SNAPSHOT)

    assert world.shop.gateway.wait_end() == -signal.SIGKILL
    world.open_box()
    world.check()
    assert world.till.shown(issued.token)["spendable_minor"] == 0


@pytest.mark.parametrize(("step", "came_out"), list(PRINTS.items()))
def test_the_box_dies_over_a_print(step: str, came_out: bool, world: World) -> None:
    world.be_ready()
    world.open_dying_box(step)
    request = sell()

    answer = world.till.ask(request)

    assert world.shop.gateway.wait_end() == -signal.SIGKILL
    originals = [world.next_receipt()] if came_out else []
    world.open_box()
    sold = world.till.insist(request, answer)
    (job,) = [job for job in world.shop.status()["jobs"] if job["event_id"] == sold["event_id"]]
    # Nobody but a person can know whether it came out, and nothing is printed by itself.
    assert job["state"] == "uncertain"
    world.shop.counter.post(f"/v1/prints/{job['job']}/answer", {"printed": False})
    again = world.next_receipt()
    assert "DUPLICATA" in _text(again)
    for original in originals:
        assert "DUPLICATA" not in _text(original) and original["qr"] == again["qr"]
    world.check()


def _text(printed: Json) -> str:
    return "\n".join(printed["lines"])


@pytest.mark.parametrize("step", [step for step in CENTRAL_STEPS if step in EARNS | SPENDS])
def test_the_centre_dies_over_an_operation(step: str, world: World) -> None:
    world.be_ready()
    world.start_dying_central(step)
    request = an_earn(world) if step in EARNS else a_spend(world)

    answer = world.till.ask(request)

    # The counter has its answer, whatever becomes of the centre.
    assert answer is not None and answer["accepted"]
    assert world.town.virtual.central.wait_end() == -signal.SIGKILL
    world.start_central()
    world.till.insist(request, answer)
    world.till.do(an_earn(world))
    world.check()


@pytest.mark.parametrize("step", [step for step in CENTRAL_STEPS if step in NEWS])
def test_the_centre_dies_over_news(step: str, world: World) -> None:
    world.be_ready()
    # Its last birth, which the broker keeps, may be older than its grant and its configuration: these would come again.
    world.reopen_box()
    world.start_dying_central(step)

    NEWS[step](world)

    assert world.town.virtual.central.wait_end() == -signal.SIGKILL
    world.start_central()
    world.till.do(an_earn(world))
    world.check()


@pytest.mark.parametrize("step", sorted(RESENDS))
def test_the_centre_dies_when_it_asks_for_rows_again(step: str, world: World) -> None:
    world.be_ready()
    world.start_dying_central(step)
    with Tap(world.town.virtual.broker) as tap:
        tap.say(load_identity(world.shop.folder / "box").address.up(Up.JOURNAL), b"no batch at all")

    assert world.town.virtual.central.wait_end() == -signal.SIGKILL
    world.till.do(an_earn(world))
    world.start_central()
    world.till.do(an_earn(world))
    world.check()
