"""Any device, the network, the broker or the centre may go and come back: the counter goes on, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from hardware_sim.counter_client import Json
from hardware_sim.programs import until
from hardware_sim.shop import VirtualShop
from hardware_sim.town import VOUCHER
from tests.e2e.places import Town, a_town, journalled, say
from tests.e2e.till import Till, earn, redeem, sell

SCANNER, PRINTER = "douchette", "imprimante"
READY, GONE = "ready", "gone"


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with a_town(vouchers=12) as town:
        yield town


@pytest.fixture(scope="module")
def till(town: Town) -> Till:
    till = Till(town.a)
    for card in town.cards:
        till.do(earn(card.token, "60,00"))
    town.settle()
    return till


@pytest.fixture(autouse=True)
def everything_adds_up(town: Town, till: Till) -> Iterator[None]:
    """After each test, with everything back: all that was accepted is booked once, and nothing else is."""
    yield
    _bring_back(town)
    town.settle()
    assert set(till.accepted) <= set(journalled(town.a)) <= town.booked()
    for card in town.cards:
        assert till.shown(card.token)["spendable_minor"] == till.balance_minor(card.token)
    town.virtual.office("books")


def _bring_back(town: Town) -> None:
    shop = town.a
    if not town.virtual.broker.running:
        town.virtual.broker.start()
    shop.reconnect()
    if not town.virtual.central.running:
        town.virtual.start_central()
    shop.twin("printer").do("power", state="on")
    shop.twin("printer").do("cover", state="closed")
    shop.twin("printer").do("paper", state="ok")
    shop.twin("scanner").do("replug")
    for name in (SCANNER, PRINTER):
        wait_for(shop, name, READY)
    until(lambda: not shop.status()["jobs"], what="everything to be printed")


def device(shop: VirtualShop, name: str) -> Json:
    """How a device stands, as the box says."""
    return next(told for told in shop.status()["devices"] if told["name"] == name)


def wait_for(shop: VirtualShop, name: str, state: str) -> Json:
    """Wait until the box says so of a device."""
    return until(lambda: told if (told := device(shop, name))["state"] == state else None, what=f"{name} to be {state}")


def job_of(shop: VirtualShop, event_id: str) -> Json | None:
    """The print job of an operation, while it is open."""
    return next((job for job in shop.status()["jobs"] if job["event_id"] == event_id), None)


def printed(shop: VirtualShop) -> list[Json]:
    """Everything that has come out of the printer."""
    twin = shop.twin("printer")
    return [twin.do("wait_receipt", count=number + 1) for number in range(twin.do("state")["receipts"])]


def assert_printed_once(shop: VirtualShop, sold: Json) -> None:
    """A sold voucher has come out once; and what is printed next is what is asked for next."""
    until(lambda: job_of(shop, sold["event_id"]) is None, what="the voucher to be printed")
    before = printed(shop)
    reply = shop.counter.post("/v1/prints", {"event": sold["event_id"]})
    assert reply.status == 202
    _, again = shop.receipt(len(before) + 1)
    assert "DUPLICATA" in "\n".join(again["lines"])
    mine = [receipt for receipt in before if receipt["qr"] == again["qr"]]
    assert len(mine) == 1
    assert "DUPLICATA" not in "\n".join(mine[0]["lines"])


def test_the_scanner_is_unplugged_and_comes_back(town: Town, till: Till) -> None:
    shop = town.a
    shop.twin("scanner").do("unplug")

    told = wait_for(shop, SCANNER, GONE)

    assert "câble" in told["message"]
    till.do(earn(town.cards[0].token, "2,00"))
    shop.twin("scanner").do("replug")
    wait_for(shop, SCANNER, READY)
    shop.twin("scanner").do("wait_host")
    assert shop.scan(town.cards[1].token)["instrument"] == town.cards[1].instrument


def test_a_voucher_sold_without_paper_is_printed_once_when_paper_comes(town: Town, till: Till) -> None:
    shop = town.a
    shop.twin("printer").do("paper", state="out")
    until(lambda: "papier" in device(shop, PRINTER)["message"].lower(), what="the box to say that paper is out")

    sold = till.do(sell())

    waiting = until(
        lambda: job if (job := job_of(shop, sold["event_id"])) and job["detail"] else None, what="the job to wait"
    )
    assert waiting["state"] == "queued" and "papier" in waiting["detail"].lower()
    till.do(earn(town.cards[0].token, "2,00"))
    shop.twin("printer").do("paper", state="ok")
    assert_printed_once(shop, sold)


def test_a_voucher_sold_with_the_cover_open_is_printed_once_when_it_closes(town: Town, till: Till) -> None:
    shop = town.a
    shop.twin("printer").do("cover", state="open")
    until(lambda: "capot" in device(shop, PRINTER)["message"].lower(), what="the box to say that the cover is open")

    sold = till.do(sell())

    till.do(earn(town.cards[0].token, "2,00"))
    shop.twin("printer").do("cover", state="closed")
    assert_printed_once(shop, sold)


def test_the_printer_is_switched_off_and_on(town: Town, till: Till) -> None:
    shop = town.a
    shop.twin("printer").do("power", state="off")
    wait_for(shop, PRINTER, GONE)

    sold = till.do(sell())

    waiting = job_of(shop, sold["event_id"])
    assert waiting is not None and waiting["state"] == "queued"
    shop.twin("printer").do("power", state="on")
    wait_for(shop, PRINTER, READY)
    assert_printed_once(shop, sold)


def test_the_network_is_cut_and_comes_back(town: Town, till: Till) -> None:
    shop = town.a
    shop.cut_off()
    until(lambda: not shop.status()["link"]["up"], what="the box to notice")

    done = [till.do(earn(town.cards[0].token, "2,00")) for _ in range(5)]
    spent = till.do(redeem(town.cards[1].token, "0,10"))

    assert [operation["stage"] for operation in done] == ["recorded"] * 5
    assert spent["stand_in"]
    queue = shop.status()["queue"]
    assert queue["unbooked_rows"] == 6
    assert queue["value_at_risk_minor"] == {"EUR": 5 * 10 + 10}
    shop.reconnect()
    until(lambda: shop.status()["link"]["up"], what="the link to come back")


def test_the_network_freezes_and_thaws(town: Town, till: Till) -> None:
    shop = town.a
    for link in ("broker-link", "central-link"):
        shop.twin(link).do("freeze")

    # Nobody says that anything is wrong: asks go unanswered, and the box stands in.
    spent = till.do(redeem(town.cards[2].token, "0,10"))
    till.do(earn(town.cards[2].token, "2,00"))

    assert spent["stand_in"]
    assert shop.status()["queue"]["unbooked_rows"] == 2
    shop.reconnect()


def test_the_broker_is_killed_and_started_again(town: Town, till: Till) -> None:
    shop = town.a
    town.virtual.broker.kill()
    until(lambda: not shop.status()["link"]["up"], what="the box to notice")

    till.do(earn(town.cards[0].token, "2,00"))
    sold = till.do(sell())

    assert_printed_once(shop, sold)
    town.virtual.broker.start()
    until(lambda: shop.status()["link"]["up"], what="the link to come back")


def test_central_is_killed_and_started_again(town: Town, till: Till) -> None:
    town.virtual.central.kill()

    till.do(earn(town.cards[0].token, "2,00"))
    spent = till.do(redeem(town.cards[3].token, "0,10"))

    assert spent["stand_in"]
    assert town.a.status()["queue"]["unbooked_rows"] == 2
    town.start_central()
    # The next batch shows central that it lacks the rows before.
    till.do(earn(town.cards[0].token, "2,00"))


def test_everything_goes_at_once_and_comes_back(town: Town, till: Till) -> None:
    shop = town.a
    town.virtual.broker.kill()
    town.virtual.central.kill()
    shop.cut_off()
    shop.twin("scanner").do("unplug")
    shop.twin("printer").do("power", state="off")
    for name in (SCANNER, PRINTER):
        wait_for(shop, name, GONE)

    sold = till.do(sell())
    for card in town.cards:
        for _ in range(5):
            till.do(earn(card.token, "2,00"))

    shop.gateway.kill()
    shop.gateway.start()
    shop.gateway.wait_ready(shop.status)
    assert {READY} & {told["state"] for told in shop.status()["devices"]} == set()
    till.do(earn(town.cards[0].token, "2,00"))
    _bring_back(town)
    assert_printed_once(shop, sold)


def test_the_counter_says_all_this_in_words(town: Town) -> None:
    shop = town.a
    shop.twin("printer").do("power", state="off")
    wait_for(shop, PRINTER, GONE)
    shop.cut_off()
    until(lambda: not shop.status()["link"]["up"], what="the box to notice")

    said = say("gateway.cli", "status", "--config", str(shop.settings))

    assert said.code == 0, said.err
    assert "Connexion : coupée, la caisse continue seule" in said.out
    assert "imprimante: Absent" in said.out
    assert "douchette: Prêt." in said.out
    assert f"Registre {VOUCHER}" in said.out
    assert UUID(said.out.splitlines()[-1].rsplit(" ", 1)[1])
