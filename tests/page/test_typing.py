"""The basket's amount: with keys, with a finger, and for nobody else than the card that lies there."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.page.conftest import Visit
from tests.page.fake_box import FakeBox
from tests.page.states import (
    accepted,
    card_read,
    ready,
)

OPERATIONS = "/v1/operations"
LONGEST_PAUSE_MS = 4_000


def test_a_basket_is_typed_anywhere_and_confirmed_with_enter(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))
    box.show_after(OPERATIONS, ready(presented=[card_read()], result=accepted()))
    page.locator("#language").focus()

    page.keyboard.type("23,5")
    expect(page.get_by_role("button", name="Créditer sur 23,50 €")).to_be_enabled()
    page.keyboard.press("Enter")

    expect(page.locator("#result-amount")).to_have_text("1,18 €")
    (act,) = box.done("POST", OPERATIONS)
    assert act.body == {"kind": "earn", "amount": "23,50", "presented": 7}
    assert act.key == card_read()["key"]


def test_a_finger_is_enough(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))

    for key in ("1", "2", "virgule", "3", "Effacer un chiffre", "5"):
        page.get_by_role("button", name=key, exact=True).click()
    page.get_by_role("button", name="Utiliser 12,50 €").click()

    expect(page.locator("#primary")).to_be_enabled()
    assert box.done("POST", OPERATIONS)[0].body == {"kind": "redeem", "amount": "12,50", "presented": 7}


def test_without_an_amount_nothing_can_be_confirmed(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))

    for typed in ("", "0", "0,00", "abc"):
        page.locator("#amount").fill(typed)
        expect(page.locator("#primary")).to_be_disabled()
        page.keyboard.press("Enter")

    assert box.acts == []


def test_what_was_typed_for_one_card_never_goes_to_the_next(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))
    page.keyboard.type("23,50")

    box.push(ready(presented=[card_read(number=8)]))

    expect(page.locator("#amount")).to_have_value("")


def test_what_is_typed_survives_news_of_something_else(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))
    page.keyboard.type("23,5")

    box.push(ready(presented=[card_read()], queue={"unbooked_rows": 3, "message": "3 opérations à envoyer."}))
    expect(page.locator("#queue")).to_have_text("3 opérations à envoyer.")
    page.keyboard.type("5")

    expect(page.locator("#amount")).to_have_value("23,55")


def test_escape_clears_the_counter(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))
    box.show_after("/v1/counter", ready())

    page.keyboard.press("Escape")

    expect(page.get_by_role("heading", name="Scannez une carte ou un chèque")).to_be_visible()
    (act,) = box.done("DELETE", "/v1/counter")
    assert act.query == {"boot": ready()["boot"], "up_to": "7"}  # the next customer's card stays, however late it comes


@pytest.mark.parametrize("view", ["sell", "day", "box"])
def test_escape_leads_back_to_the_counter_from_elsewhere_and_clears_nothing(
    visit: Visit, box: FakeBox, view: str
) -> None:
    page = visit(ready(presented=[card_read()]), view=view)

    page.keyboard.press("Escape")

    expect(page.locator("#card")).to_be_visible()
    assert box.acts == []
