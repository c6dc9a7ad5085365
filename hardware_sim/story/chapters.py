"""The five steps of the story, as the people at the counters live them."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from uuid_utils.compat import uuid7

from hardware_sim.counter_client import Json
from hardware_sim.errors import StoryError
from hardware_sim.programs import until
from hardware_sim.shop import VirtualShop
from hardware_sim.story import facts
from hardware_sim.story.narrator import Narrator
from hardware_sim.town import CARD, VOUCHER, Issued, VirtualTown
from programme.money import format_amount

FACE_MINOR = 2_000
SEEDS = (1, 2, 3)
SHOPS = {"a": "Librairie des Halles", "b": "Boulangerie du Pont"}


@dataclass(slots=True, kw_only=True)
class Cast:
    """Who and what takes part."""

    town: VirtualTown
    a: VirtualShop
    b: VirtualShop
    cards: dict[str, Issued]
    vouchers: dict[str, str] = field(default_factory=dict)
    receipts: dict[str, Path] = field(default_factory=dict)


def set_up(town: VirtualTown) -> Cast:
    """Found two shops, issue three cards and consign five vouchers to the first."""
    a, b = (town.found_shop(shop, name) for shop, name in SHOPS.items())
    cards = dict(zip(("K1", "K2", "K3"), town.issue(CARD, 3), strict=True))
    town.issue(VOUCHER, 5, "--face", "20,00", "--consign", a.device)
    town.start_central()
    return Cast(town=town, a=a, b=b, cards=cards)


def earn_and_spend(cast: Cast, tell: Narrator) -> None:
    """Enrol, open, earn, see it booked, spend."""
    tell.step("Two shops open; a card earns 5 % of a basket and spends")
    a, b = cast.a, cast.b
    for shop in (a, b):
        shop.open()
        until(_has_grant(shop), what=f"the grant of {shop.device}")
    tell.say("both boxes are enrolled, connected and hold a grant")
    shown = a.scan(cast.cards["K1"].token)
    tell.check(shown["programme"] == CARD and shown["spendable_minor"] == 0, "K1 is recognised, and empty")
    earned = a.operate("earn", amount="23,50")
    tell.check(earned["accepted"] and earned["amount_minor"] == 118, "23,50 € at 5 % earn 1,18 €")
    settle(cast)
    shown = b.scan(cast.cards["K1"].token)
    tell.check(shown["spendable_minor"] == 118, "booked by central, it shows in the other shop too")
    spent = a.operate("redeem", amount="0,50")
    tell.check(spent["accepted"] and not spent["stand_in"], "K1 spends 0,50 €, approved by central")
    settle(cast)
    tell.check(a.scan(cast.cards["K1"].token)["spendable_minor"] == 68, "0,68 € are left on K1")
    a.scan(cast.cards["K2"].token)
    tell.check(a.operate("earn", amount="60,00")["amount_minor"] == 300, "K2 earns 3,00 €")
    settle(cast)


def sell_and_redeem(cast: Cast, tell: Narrator) -> None:
    """Sell a voucher on paper, redeem it elsewhere from a photograph of the paper."""
    tell.step("A voucher is sold on paper at A and taken at B from a photograph")
    a, b = cast.a, cast.b
    sell(cast, "V0")
    tell.check(cast.receipts["V0"].exists(), "V0 is sold and printed")
    settle(cast)
    for seed in SEEDS:
        shown = b.photograph(cast.receipts["V0"], seed=seed)
        tell.check(
            shown["understood"] and shown["face_minor"] == FACE_MINOR,
            f"B reads it from a tilted, blurred photograph of 2 pixels a module (seed {seed})",
        )
    taken = b.operate("redeem")
    tell.check(taken["accepted"] and taken["amount_minor"] == FACE_MINOR, "B redeems V0")
    settle(cast)
    a.scan(cast.vouchers["V0"])
    refused = a.operate("redeem")
    tell.check(
        reason(refused) == "AlreadyRedeemed" and SHOPS["b"] in refused["message"],
        f"A is told when and where: « {refused['message']} »",
    )
    for name in ("V1", "V2"):
        sell(cast, name)
    settle(cast)
    for shop in (a, b):
        scans = [shop.scan(cast.vouchers[name]) for name in ("V1", "V2")]
        tell.check(
            all(scan["refusal"] is None for scan in scans), f"V1 and V2 are valid in the replica of {shop.device}"
        )


def go_offline(cast: Cast, tell: Narrator) -> None:
    """Cut the network; the shops go on within their grants."""
    tell.step("The network is cut; both shops go on within their grants")
    a, b = cast.a, cast.b
    for shop in (a, b):
        shop.cut_off()
        until(_is_alone(shop), what=f"{shop.device} to notice")
    for name, basket in (("K1", "10,00"), ("K2", "20,00"), ("K3", "12,00")):
        a.scan(cast.cards[name].token)
        tell.check(a.operate("earn", amount=basket)["accepted"], f"{name} earns on {basket} €")
    for name, amount in (("K1", "0,30"), ("K2", "1,00")):
        a.scan(cast.cards[name].token)
        spent = a.operate("redeem", amount=amount)
        tell.check(spent["accepted"] and spent["stand_in"], f"{name} spends {amount} €, the box standing in")
    a.scan(cast.cards["K1"].token)
    refuse(tell, a.operate("redeem", amount="0,10"), "SpentOffline", "a second spend on K1")
    a.scan(cast.cards["K3"].token)
    refuse(tell, a.operate("redeem", amount="0,50"), "InsufficientBalance", "a spend of K3's unbooked earn")
    for name in ("V3", "V4"):
        sell(cast, name)
        tell.check(name in cast.vouchers, f"{name} is sold and printed")
    for name in ("V1", "V2"):
        a.scan(cast.vouchers[name])
        tell.check(a.operate("redeem")["accepted"], f"A takes {name}")
    b.scan(cast.vouchers["V1"])
    tell.check(b.operate("redeem")["accepted"], "B takes V1 as well, and can't know better")
    b.scan(cast.vouchers["V3"])
    refuse(tell, b.operate("redeem"), "NotActivated", "V3 at B")
    queues = {shop.device: shop.status()["queue"] for shop in (a, b)}
    tell.check(
        all(queue["unbooked_rows"] and queue["value_at_risk_minor"]["EUR"] for queue in queues.values()),
        "outboxes and value at risk have grown: "
        + ", ".join(
            f"{device} {queue['unbooked_rows']} rows, {format_amount(queue['value_at_risk_minor']['EUR'])}"
            for device, queue in queues.items()
        ),
    )


def kill_and_restart(cast: Cast, tell: Narrator) -> None:
    """SIGKILL once an operation is recorded and before the till has its answer; start again; repeat the request."""
    tell.step("A's gateway is killed in the middle of an operation and starts again")
    a = cast.a
    before = a.status()
    a.scan(cast.cards["K2"].token)
    recorded = facts.event_ids(a.journal)
    key = uuid7()
    request = threading.Thread(target=_earn_without_answer, args=(a, key))
    request.start()
    until(lambda: facts.event_ids(a.journal) - recorded, what="the operation to reach the disk")
    a.gateway.kill()
    request.join()
    a.open()
    after = a.status()
    tell.check(after["epoch"] == before["epoch"], "the epoch is the same")
    tell.check(after["grant"] == before["grant"], "the grant is the same, and what was spent under it")
    tell.check(recorded | {str(key)} == facts.event_ids(a.journal), "nothing that was recorded is lost")
    again = a.operate("earn", key=key, amount="5,00", code=cast.cards["K2"].token)
    tell.check(again["accepted"] and again["repeated"], "the repeated request is answered with its one operation")


def come_back(cast: Cast, tell: Narrator) -> None:
    """Restore the link; everything drains."""
    tell.step("The network returns; everything is booked once")
    for shop in (cast.a, cast.b):
        shop.reconnect()
    settle(cast)
    tell.say("both outboxes are empty, nothing is at risk any more")
    for name, balance_minor in (("K1", 88), ("K2", 325), ("K3", 60)):
        shown = [shop.scan(cast.cards[name].token)["spendable_minor"] for shop in (cast.a, cast.b)]
        tell.check(shown == [balance_minor] * 2, f"{name} holds {format_amount(balance_minor)} in both shops")


def sell(cast: Cast, name: str) -> None:
    """Sell the next voucher at A, and take the paper from the printer."""
    sold = cast.a.operate("sell", programme=VOUCHER, amount="20,00")
    if not sold["accepted"]:
        raise StoryError(f"{name} can't be sold: {sold['message']}")
    picture, printed = cast.a.receipt(len(cast.receipts) + 1)
    cast.receipts[name] = picture
    cast.vouchers[name] = printed["qr"][0]


def settle(cast: Cast) -> None:
    """Wait until nothing is unbooked and every replica is central's newest."""

    def settled() -> bool:
        heads = cast.town.registry_heads()
        for shop in (cast.a, cast.b):
            status = shop.status()
            if status["queue"]["unbooked_rows"] or not status["link"]["up"]:
                return False
            if any(status["replicas"][programme]["version"] != version for programme, version in heads.items()):
                return False
        return True

    until(settled, what="outboxes to drain and replicas to follow", within_s=60)


def _has_grant(shop: VirtualShop) -> Callable[[], bool]:
    return lambda: bool(shop.status()["grant"])


def _is_alone(shop: VirtualShop) -> Callable[[], bool]:
    return lambda: not shop.status()["link"]["up"]


def refuse(tell: Narrator, reply: Json, expected: str, what: str) -> None:
    """Check that a refusal names its reason."""
    tell.check(reason(reply) == expected, f"{what} is refused: « {reply.get('message')} »")


def reason(reply: Json) -> str | None:
    """A refusal's reason."""
    refusal = reply.get("refusal") or {}
    return refusal.get("reason")


def _earn_without_answer(shop: VirtualShop, key: UUID) -> None:
    """Ask for an operation whose answer may never come: the box dies over it."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        shop.operate("earn", key=key, amount="5,00")
