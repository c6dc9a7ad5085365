"""A box gets yesterday's disk back: nothing of either past is lost, and it goes on in a new epoch."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hardware_sim.counter_client import Json
from hardware_sim.programs import until
from hardware_sim.shop import VirtualShop
from programme.cloudevents import decode_event
from programme.events import EpochOpened, EpochReason
from tests.e2e.places import Said, Town, a_town, ask, copy_folder, dying_box, journalled, say
from tests.e2e.till import Till, earn, redeem, sell


@dataclass(slots=True, kw_only=True)
class Restored:
    """What happened around the restored disk.

    Attributes:
        forgotten: Operations between the copy and its return; the box's disk knows nothing of them.
        after: Operations on the restored disk, before central was heard.
        at_central: Ids of the events that central had before it heard of the restored disk.
    """

    town: Town
    till: Till
    old_epoch: str
    old_grant: str
    forgotten: list[Json]
    after: list[Json]
    at_central: set[str]


@pytest.fixture(scope="module")
def restored() -> Iterator[Restored]:
    with a_town(shops=2, vouchers=4) as town:
        shop, card, other = town.a, town.cards[0].token, town.cards[1].token
        till = Till(shop)
        till.do(earn(card, "60,00"))
        till.do(earn(other, "60,00"))
        town.settle()
        old = shop.status()
        shop.gateway.stop()
        copy_folder(shop.folder / "box", shop.folder / "copy")

        shop.open()
        forgotten = [till.do(earn(card, "23,50")), till.do(redeem(card, "1,00")), till.do(sell())]
        town.settle()
        at_central = town.booked()
        shop.gateway.stop()
        shutil.rmtree(shop.folder / "box")
        (shop.folder / "copy").rename(shop.folder / "box")

        shop.cut_off()
        shop.gateway.start()
        shop.gateway.wait_ready(shop.status)
        # The restored disk doesn't know that the first voucher was sold, and sells it again.
        after = [till.do(earn(card, "10,00")), till.do(redeem(other, "0,40")), till.do(sell())]
        die_over_the_new_epoch(shop)
        shop.open()
        shop.reconnect()
        until(lambda: shop.status()["epoch"] != old["epoch"], what="the box to begin a new epoch")
        until(lambda: shop.status()["grant"], what="a grant of the new epoch")
        town.settle()
        yield Restored(
            town=town,
            till=till,
            old_epoch=old["epoch"],
            old_grant=old["grant"]["id"],
            forgotten=forgotten,
            after=after,
            at_central=at_central,
        )


def die_over_the_new_epoch(shop: VirtualShop) -> None:
    """The box hears of its other past and dies: first before it has written down that it begins anew, then after."""
    box = shop.gateway
    for step in ("before a new epoch is committed", "after a new epoch was committed"):
        shop.gateway.stop()
        shop.gateway = dying_box(shop, step)
        shop.open()
        shop.reconnect()
        assert shop.gateway.wait_end() == -signal.SIGKILL
        shop.cut_off()
        shop.gateway = box


def ids(operations: list[Json]) -> set[str]:
    """Event ids of operations."""
    return {operation["event_id"] for operation in operations}


def office(restored: Restored, *arguments: str) -> Said:
    """A command at the centre."""
    return say("central.cli", *arguments, "--data", str(restored.town.virtual.data))


def test_the_copy_was_older_than_what_central_had(restored: Restored) -> None:
    assert ids(restored.forgotten) <= restored.at_central
    assert not ids(restored.forgotten) & set(journalled(restored.town.a))


def test_the_box_goes_on_in_a_new_epoch_after_the_last_common_row(restored: Restored) -> None:
    rows = ask(restored.town.a.journal, "SELECT epoch, seq, hash, event FROM rows ORDER BY position")
    opened = [(row, decode_event(row[3])) for row in rows]
    (row, event) = next((row, event) for row, event in reversed(opened) if isinstance(event.data, EpochOpened))

    assert restored.town.a.status()["epoch"] == row[0] != restored.old_epoch
    assert isinstance(event.data, EpochOpened)
    assert event.data.reason is EpochReason.FORK
    assert event.data.parent is not None and event.data.parent.epoch == restored.old_epoch
    acknowledged = [old for old in rows if old[0] == restored.old_epoch and old[1] == event.data.parent.seq]
    assert [old[2].hex() for old in acknowledged] == [event.data.parent.hash]


def test_the_later_rows_are_copied_under_their_event_ids(restored: Restored) -> None:
    rows = journalled(restored.town.a)

    for event_id in ids(restored.after):
        assert rows.count(event_id) == 2


def test_every_operation_of_both_pasts_is_booked_once(restored: Restored) -> None:
    assert ids(restored.forgotten) | ids(restored.after) <= restored.town.booked()
    for card in restored.town.cards[:2]:
        expected = restored.till.balance_minor(card.token)
        assert restored.till.shown(card.token)["spendable_minor"] == expected
        assert Till(restored.town.b).shown(card.token)["spendable_minor"] == expected


def test_the_desk_shows_the_fork(restored: Restored) -> None:
    told = office(restored, "desk", "--json").json
    said = office(restored, "desk")

    assert told["forks"]
    assert {(fork["device"], fork["epoch"]) for fork in told["forks"]} == {("box-a", restored.old_epoch)}
    # One for each row of the restored disk's past, whose places were taken.
    assert len(told["forks"]) == len(restored.after)
    assert told["conflicts"] == told["quarantine"] == []
    assert f"fork: box-a {restored.old_epoch}/" in said.out


def test_the_desk_shows_that_one_voucher_was_sold_twice(restored: Restored) -> None:
    (finding,) = office(restored, "desk", "--json").json["findings"]

    assert (finding["kind"], len(finding["events"])) == ("double_sale", 2)
    assert all(ids(finding["events"]) & ids(past) for past in (restored.forgotten, restored.after))


def test_the_books_hold(restored: Restored) -> None:
    said = office(restored, "books")

    assert said.code == 0, said.out + said.err


def test_the_journal_holds(restored: Restored) -> None:
    for shop in restored.town.shops:
        said = say("gateway.cli", "journal", "verify", "--config", str(shop.settings))
        assert said.code == 0, said.err


def test_a_grant_of_the_new_epoch_has_come_and_both_count_as_open(restored: Restored) -> None:
    epoch = restored.town.a.status()["epoch"]
    grant = restored.town.a.status()["grant"]["id"]

    assert epoch in grant
    assert grant != restored.old_grant
    device = restored.town.device(restored.town.a)
    assert (device["epoch"], device["grant"], device["grant_received"]) == (epoch, grant, True)


def test_the_counter_goes_on_in_the_new_epoch(restored: Restored) -> None:
    town, till = restored.town, restored.till
    town.settle()

    spent = till.do(redeem(town.cards[0].token, "0,20"))
    till.do(earn(town.cards[0].token, "2,00"))
    # The voucher that was sold in the forgotten past isn't sold again.
    sold = till.do(sell())

    assert not spent["stand_in"]
    assert sold["instrument"] not in {operation["instrument"] for operation in restored.forgotten}
    town.settle()
    assert ids([spent, sold]) <= town.booked()
    assert office(restored, "books").code == 0


def test_a_restart_keeps_the_new_epoch(restored: Restored) -> None:
    before = restored.town.a.status()
    restored.town.a.gateway.kill()
    restored.town.a.open()
    restored.town.settle()

    after = restored.town.a.status()

    assert (after["epoch"], after["grant"]["id"]) == (before["epoch"], before["grant"]["id"])
    assert json.loads(restored.town.virtual.office("books", "--json"))["books_balance"] is True
