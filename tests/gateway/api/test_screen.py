"""The screen state: what a counter page shows, and that every page shows the same."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.orders import Kind, Order, Shown
from gateway.outcomes import Outcome
from programme.refusals import AlreadyRedeemed
from programme.registry import InstrumentStatus
from tests.gateway.till import Till
from tests.gateway.world import Box


def scan(till: Till, code: str) -> None:
    assert till.http.post("/v1/scans", json={"code": code}).status_code == 200


def scan_in_hand(box: Box, serial: int, *, device: str = "api") -> None:
    """A reader reads a card while an operation is under way."""
    box.desk.place(box.central.card(serial), device=device)


def test_nothing_lies_there(till: Till) -> None:
    screen = till.get("/v1/screen")

    assert (screen["presented"], screen["result"], screen["operations"], screen["training"]) == ([], None, [], False)
    assert screen["connection"] == {
        "up": False,
        "message": "Hors ligne : continuez, tout est gardé et partira tout seul.",
    }
    assert screen["language"] == "fr"
    assert till.get("/v1/screen?language=en")["connection"]["message"].startswith("Offline: go on")


def test_a_card_its_operation_and_the_day(till: Till) -> None:
    scan(till, till.box.central.card(1))
    (card,) = till.get("/v1/screen")["presented"]

    till.operate(key=card["key"], kind="earn", amount="23,50", presented=card["number"])
    screen = till.get("/v1/screen")

    assert (card["balance"], card["kind"], card["actions"]) == ("0,00\u00a0€", "card", ["earn"])
    assert screen["result"]["message"] == "1,18\u00a0€ gagnés."
    assert (screen["result"]["stage"], screen["result"]["amount"]) == ("recorded", "1,18\u00a0€")
    assert screen["result"]["number"] > card["number"]
    (operation,) = screen["operations"]
    assert (operation["time"], operation["day"], operation["can_void"]) == ("12:00", "2026-05-04", True)
    assert screen["totals"]["rows"] == [{"label": "Gagné par les clients", "amount": "1,18\u00a0€"}]
    assert screen["totals"]["closable"] is True
    assert screen["presented"][0]["key"] != card["key"]


def test_what_is_owed_is_what_was_redeemed_less_the_cash_for_vouchers(till: Till) -> None:
    till.box.give_grant(1, 2)
    till.operate(kind="sell", programme="albret-voucher", amount="20,00")
    screen = till.get("/v1/screen")

    assert screen["totals"]["owed"]["amount"] == "-20,00\u00a0€"
    voucher = next(programme for programme in screen["programmes"] if programme["kind"] == "voucher")
    assert voucher["consigned"] == {"2000": 1}


def test_a_void_shows_on_the_operation_it_reverses(till: Till) -> None:
    scan(till, till.box.central.card(1))
    earned = till.operate(kind="earn", amount="10,00")
    till.operate(kind="void", event=earned["event_id"])

    void, operation = till.get("/v1/screen")["operations"]

    assert (void["kind"], operation["voided"], operation["can_void"]) == ("void", True, False)


def test_a_voided_sale_stays_voided_once_its_day_is_closed(printing_till: Till) -> None:
    printing_till.box.give_grant(1)
    sold = printing_till.operate(kind="sell", programme="albret-voucher", amount="20,00")
    printing_till.operate(kind="void", event=sold["event_id"])
    printing_till.http.post("/v1/day-closures")

    closure, void, sale = printing_till.get("/v1/screen")["operations"]

    assert [told["voided"] for told in (closure, void, sale)] == [False, False, True]
    assert [told["can_print"] for told in (closure, void, sale)] == [True, True, False]


def test_a_closed_day_is_shown_and_has_nothing_left_to_close(till: Till) -> None:
    scan(till, till.box.central.card(1))
    till.operate(kind="earn", amount="10,00")
    till.http.post("/v1/day-closures")

    screen = till.get("/v1/screen")

    assert (screen["result"]["kind"], screen["operations"][0]["kind"]) == ("close", "close")
    assert screen["totals"]["closable"] is False
    assert screen["operations"][1]["can_void"] is False


def test_two_screens_that_confirm_at_once_make_one_event(till: Till) -> None:
    scan(till, till.box.central.card(1))
    (card,) = till.get("/v1/screen")["presented"]

    first = till.operate(key=card["key"], kind="earn", amount="23,50", presented=card["number"])
    second = till.operate(key=card["key"], kind="earn", amount="23,50", presented=card["number"])

    assert second == first | {"repeated": True}
    assert till.box.rows() == ["epoch_opened", "earned"]
    assert till.get("/v1/screen")["result"]["number"] == 2  # nothing new to beep for


def test_two_screens_that_confirm_other_amounts_agree_on_the_first(till: Till) -> None:
    scan(till, till.box.central.card(1))
    (card,) = till.get("/v1/screen")["presented"]

    till.operate(key=card["key"], kind="earn", amount="23,50", presented=card["number"])
    told = till.operate(key=card["key"], kind="earn", amount="99,00", presented=card["number"], status=409)

    assert told["title"] == "key-reused"
    assert till.box.rows() == ["epoch_opened", "earned"]


def test_a_page_that_shows_an_older_read_changes_nothing(till: Till) -> None:
    scan(till, till.box.central.card(1))
    (stale,) = till.get("/v1/screen")["presented"]
    scan(till, till.box.central.card(2))

    told = till.operate(key=stale["key"], kind="earn", amount="23,50", presented=stale["number"], status=409)

    assert (told["title"], told["detail"]) == (
        "counter-changed",
        "Le comptoir a changé entre-temps : regardez ce qui y est, puis confirmez.",
    )
    assert till.box.rows() == ["epoch_opened"]


def test_a_confirmation_of_before_a_restart_goes_to_no_other_card(till: Till) -> None:
    scan(till, till.box.central.card(1))
    (stale,) = till.get("/v1/screen")["presented"]
    till.box.restart()
    restarted = Till(till.box)
    scan(restarted, till.box.central.card(2))
    (card,) = restarted.get("/v1/screen")["presented"]

    told = restarted.operate(key=stale["key"], kind="earn", amount="23,50", presented=stale["number"], status=409)

    assert (stale["number"], told["title"]) == (card["number"], "counter-changed")
    assert till.box.rows() == ["epoch_opened"]


def test_a_no_whose_answer_was_lost_is_given_again(till: Till) -> None:
    till.box.knows_voucher(1, InstrumentStatus.REDEEMED, used_in="Librairie des Halles")
    scan(till, till.box.central.token(1))
    (voucher,) = till.get("/v1/screen")["presented"]

    first = till.operate(key=voucher["key"], kind="redeem", presented=voucher["number"])
    again = till.operate(key=voucher["key"], kind="redeem", presented=voucher["number"])

    assert (first["accepted"], again) == (False, first)
    assert till.get("/v1/screen")["result"]["number"] == 2  # one beep


@pytest.mark.parametrize("device", ["api", "camera"], ids=["the same reader", "another reader"])
def test_a_result_covers_no_other_card_that_was_read_meanwhile(till: Till, device: str) -> None:
    box = till.box
    box.central.approve()
    scan(till, box.central.card(1))
    (card,) = till.get("/v1/screen")["presented"]
    box.central.before_answer = lambda: scan_in_hand(box, 2, device=device)

    till.operate(key=card["key"], kind="redeem", amount="5,00", presented=card["number"])
    screen = till.get("/v1/screen")

    assert (screen["result"]["aside"], screen["result"]["message"]) == (True, "5,00\u00a0€ encaissés.")
    assert screen["presented"][0]["instrument"] != card["instrument"]
    assert screen["result"]["number"] > screen["presented"][0]["number"]


def test_a_result_covers_the_same_card_read_again(till: Till) -> None:
    box = till.box
    box.central.approve()
    scan(till, box.central.card(1))
    (card,) = till.get("/v1/screen")["presented"]
    box.central.before_answer = lambda: scan_in_hand(box, 1)

    till.operate(key=card["key"], kind="redeem", amount="5,00", presented=card["number"])

    assert till.get("/v1/screen")["result"]["aside"] is False


def test_a_result_of_before_covers_the_next_customer_s_own_result(till: Till) -> None:
    box = till.box
    box.central.approve()

    def next_customer() -> None:
        scan_in_hand(box, 2)
        (earned,) = box.lookup.last_told(1)
        box.desk.conclude(Outcome(event_id=earned.event.event_id, event=earned.event), since=box.desk.latest)

    till.operate(kind="earn", amount="1,00", code=box.central.card(2))
    scan(till, box.central.card(1))
    (card,) = till.get("/v1/screen")["presented"]
    box.central.before_answer = next_customer
    till.operate(key=card["key"], kind="redeem", amount="5,00", presented=card["number"])

    assert till.get("/v1/screen")["result"]["aside"] is False


def test_a_key_that_an_abandoned_ask_has_used_up_is_told_once_and_renewed(till: Till) -> None:
    box = till.box
    scan(till, box.central.card(1))
    (card,) = till.get("/v1/screen")["presented"]
    # Its answer met a full disk; central's list of open asks then made the box give it up.
    asyncio.run(box.counter.abandon_forgotten([UUID(card["key"])]))

    told = till.operate(key=card["key"], kind="redeem", amount="5,00", presented=card["number"])
    screen = till.get("/v1/screen")
    again = till.operate(key=card["key"], kind="redeem", amount="5,00", presented=card["number"])

    assert (told["accepted"], told["repeated"], again) == (False, True, told)
    assert screen["result"]["message"] == told["message"] == "Demande abandonnée. Recommencez."
    assert screen["presented"][0]["key"] != card["key"]
    assert till.get("/v1/screen")["result"]["number"] == screen["result"]["number"]


def test_the_same_no_renews_a_key_once_a_row_has_it(till: Till) -> None:
    till.box.knows_voucher(1, InstrumentStatus.REDEEMED)
    scan(till, till.box.central.token(1))
    (voucher,) = till.get("/v1/screen")["presented"]

    till.operate(key=voucher["key"], kind="redeem", presented=voucher["number"])
    (without_row,) = till.get("/v1/screen")["presented"]
    till.box.central.refuse(AlreadyRedeemed(at=None, shop=None))
    till.operate(key=voucher["key"], kind="redeem", presented=voucher["number"])
    (with_row,) = till.get("/v1/screen")["presented"]

    assert without_row["key"] == voucher["key"] != with_row["key"]
    assert till.get("/v1/screen")["result"]["number"] == 2


def test_the_counter_is_cleared_for_every_screen(till: Till) -> None:
    scan(till, till.box.central.card(1))
    till.operate(kind="earn", amount="23,50")

    assert till.http.call("DELETE", "/v1/counter/result").status_code == 204
    dismissed = till.get("/v1/screen")
    assert till.http.call("DELETE", "/v1/counter").status_code == 204
    cleared = till.get("/v1/screen")

    assert (dismissed["result"], len(dismissed["presented"])) == (None, 1)
    assert cleared["presented"] == []
    assert cleared["revision"] > dismissed["revision"]


def test_what_was_read_later_stays_when_a_clear_comes_late(till: Till) -> None:
    scan(till, till.box.central.card(1))
    till.operate(kind="earn", amount="23,50")
    seen = till.get("/v1/screen")
    late = {"boot": seen["boot"], "up_to": seen["result"]["number"]}

    till.http.call("DELETE", "/v1/counter", params=late)
    cleared = till.get("/v1/screen")
    scan(till, till.box.central.card(2))
    till.http.call("DELETE", "/v1/counter", params=late)
    till.operate(kind="earn", amount="23,50")
    till.http.call("DELETE", "/v1/counter/result", params=late)
    screen = till.get("/v1/screen")

    assert (cleared["presented"], cleared["result"]) == ([], None)
    assert len(screen["presented"]) == 1
    assert screen["result"]["number"] > late["up_to"]


def test_a_clear_of_before_a_restart_takes_nothing(till: Till) -> None:
    seen = till.get("/v1/screen")
    till.box.restart()
    restarted = Till(till.box)
    scan(restarted, till.box.central.card(2))

    for path in ("/v1/counter", "/v1/counter/result"):
        restarted.http.call("DELETE", path, params={"boot": seen["boot"], "up_to": 99})

    assert len(restarted.get("/v1/screen")["presented"]) == 1


def test_training_that_is_on_already_leaves_the_counter_as_it_is(till: Till) -> None:
    till.http.put("/v1/training", json={"on": True})
    scan(till, till.box.central.card(1))

    assert till.http.put("/v1/training", json={"on": True}).json()["training"] is True

    assert len(till.get("/v1/screen")["presented"]) == 1


@pytest.mark.parametrize(
    "meant",
    [{"kind": "sell", "programme": "albret-voucher", "amount": "20,00"}, {"kind": "void"}],
    ids=["sale", "void"],
)
def test_what_was_meant_as_an_exercise_is_never_real(till: Till, meant: dict[str, Any]) -> None:
    till.box.give_grant(1)
    till.operate(kind="earn", amount="10,00", code=till.box.central.card(1))

    told = till.operate(training=True, status=409, **meant)

    assert told["title"] == "mode-changed"
    assert till.operate(training=False, **meant)["accepted"]


def test_training_is_on_every_screen_and_begins_with_a_clear_counter(till: Till) -> None:
    scan(till, till.box.central.card(1))
    till.http.put("/v1/training", json={"on": True})
    empty = till.get("/v1/screen")
    scan(till, till.box.central.card(1))
    till.operate(kind="earn", amount="23,50")

    screen = till.get("/v1/screen")

    assert (empty["training"], empty["presented"]) == (True, [])
    assert (screen["result"]["training"], screen["operations"][0]["training"]) == (True, True)
    assert screen["totals"]["count"] == 0


def test_an_exercise_sells_and_voids_nothing_real(printing_till: Till) -> None:
    till = printing_till
    till.box.give_grant(1, 2)
    sold = till.operate(kind="sell", programme="albret-voucher", amount="20,00")
    till.http.put("/v1/training", json={"on": True})
    exercise = till.operate(kind="earn", amount="10,00", code=till.box.central.card(1))

    (_, in_training) = till.get("/v1/screen")["operations"]
    told = [
        till.operate(kind="void", event=sold["event_id"]),
        till.operate(kind="void", event=exercise["event_id"]),
        till.operate(kind="sell", programme="albret-voucher", amount="20,00"),
    ]
    till.http.put("/v1/training", json={"on": False})
    (_, sale) = till.get("/v1/screen")["operations"]

    assert {one["message"] for one in told} == {
        "Pas pendant l'entraînement : une vente ou une annulation est toujours réelle. Terminez-le d'abord."
    }
    assert (in_training["can_void"], in_training["voided"]) == (False, False)
    assert (sale["can_void"], sale["voided"]) == (True, False)


def test_html_in_a_code_stays_text(till: Till) -> None:
    scan(till, "<img src=x onerror=alert(1)>")

    (read,) = till.get("/v1/screen")["presented"]

    assert (read["understood"], "<" in read["message"]) == (False, False)


def test_a_spent_voucher_says_so(box: Box) -> None:
    till = Till(box)
    box.knows_voucher(1, InstrumentStatus.REDEEMED, used_in="Librairie des Halles")
    scan(till, box.central.token(1))

    (read,) = till.get("/v1/screen")["presented"]

    assert read["actions"] == []
    assert read["refusal"] is not None


@settings(max_examples=30, deadline=None)
@given(presses=st.lists(st.sampled_from(["one", "other", "scan", "dismiss", "stray"]), min_size=3, max_size=12))
def test_whatever_two_screens_press_each_read_has_one_event_at_most(presses: list[str]) -> None:
    accepted: list[tuple[int, str]] = []
    with tempfile.TemporaryDirectory() as folder, closing(Box(Path(folder))) as box:
        till = Till(box)
        shown = dict.fromkeys(["one", "other", "stray"], till.get("/v1/screen"))
        for press in presses:
            if press == "stray":
                shown[press] = till.get("/v1/screen")
            if press == "scan":
                scan(till, box.central.card(1))
            elif press == "dismiss":
                till.http.call("DELETE", "/v1/counter/result")
            elif shown[press]["presented"]:
                # Each acts on what it was last shown, maybe long ago; the stray one has seen all, and makes up a key.
                (card,) = shown[press]["presented"]
                told = till.http.post(
                    "/v1/operations",
                    json={"kind": "earn", "amount": "10,00", "presented": card["number"]},
                    headers={"Idempotency-Key": str(uuid4()) if press == "stray" else card["key"]},
                ).json()
                if told.get("accepted") and not told["repeated"]:
                    accepted.append((card["number"], card["key"]))
            if press in shown:
                shown[press] = till.get("/v1/screen")
        recorded = [str(operation.event.event_id) for operation in box.lookup.last_operations(len(presses))]
    assert len(set(accepted)) == len(accepted)
    assert sorted(key for _, key in accepted) == sorted(recorded)


def at_once(till: Till, key: str, *bodies: dict[str, object]) -> list[httpx.Response]:
    """Confirm several times without waiting for an answer."""

    async def confirm() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=till.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8787") as client:
            posts = (client.post("/v1/operations", json=body, headers={"Idempotency-Key": key}) for body in bodies)
            return await asyncio.gather(*posts)

    return asyncio.run(confirm())


def test_confirmations_that_overlap_are_one_event_and_one_answer(till: Till) -> None:
    scan(till, till.box.central.card(1))
    (card,) = till.get("/v1/screen")["presented"]

    answers = at_once(till, card["key"], *[{"kind": "earn", "amount": "23,50", "presented": card["number"]}] * 5)

    told = [answer.json() for answer in answers]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert sorted(answer.pop("repeated") for answer in told) == [False, True, True, True, True]
    assert all(answer == told[0] for answer in told)
    assert till.box.rows() == ["epoch_opened", "earned"]
    assert till.get("/v1/screen")["result"]["number"] == 2


def test_a_repeat_that_meets_the_row_before_the_first_answer_is_out_is_shown_once(till: Till) -> None:
    box = till.box
    scan(till, box.central.card(1))
    (card,) = till.get("/v1/screen")["presented"]
    order = Order(kind=Kind.EARN, amount="23,50", presented=Shown(number=card["number"], key=UUID(card["key"])))
    first = asyncio.run(box.counter.operate(box.orders.command(order), UUID(card["key"])))

    till.operate(key=card["key"], kind="earn", amount="23,50", presented=card["number"])
    box.desk.conclude(first, since=box.desk.latest)

    assert till.get("/v1/screen")["result"]["number"] == 2


def test_one_key_for_two_cards_at_once_is_one_event(till: Till) -> None:
    one, other = (till.box.central.card(serial) for serial in (1, 2))

    answers = at_once(
        till,
        str(uuid4()),
        {"kind": "earn", "amount": "10", "code": one},
        {"kind": "earn", "amount": "10", "code": other},
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert till.box.rows() == ["epoch_opened", "earned"]


def test_two_screens_that_ask_for_what_is_refused_hear_one_no(till: Till) -> None:
    till.box.knows_voucher(1, InstrumentStatus.REDEEMED, used_in="Librairie des Halles")
    scan(till, till.box.central.token(1))
    (voucher,) = till.get("/v1/screen")["presented"]

    answers = at_once(till, voucher["key"], *[{"kind": "redeem", "presented": voucher["number"]}] * 2)

    assert [answer.json()["accepted"] for answer in answers] == [False, False]
    assert till.get("/v1/screen")["result"]["number"] == 2
