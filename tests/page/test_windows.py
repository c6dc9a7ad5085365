"""The windows over the page: where the focus goes when they close, and what closes them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from hardware_sim.programs import until
from tests.page.conftest import Visit
from tests.page.fake_box import FakeBox
from tests.page.states import EARN, accepted, operation, ready


def open_operation(page: Page, number: int = 0) -> None:
    page.locator("#operations-list button").nth(number).click()
    expect(page.get_by_role("dialog")).to_be_visible()


def booked_meanwhile(page: Page, box: FakeBox) -> None:
    """The operation that is open comes to another stage: the list that it was opened from is built anew."""
    _, *others = ready()["operations"]
    box.push(ready(operations=[operation(EARN, "earn", "1,18 €", "1,18 € gagnés.", stage="booked"), *others]))
    expect(page.locator("#operations-list .stage").first).to_have_text("Comptabilisé")


@pytest.mark.parametrize("further", [None, "#operation-receipt", "#operation-void"], ids=["it", "receipt", "void"])
def test_the_focus_is_back_on_the_operation_though_its_list_was_built_anew(
    visit: Visit, box: FakeBox, further: str | None
) -> None:
    page = visit()
    open_operation(page)
    booked_meanwhile(page, box)
    if further is not None:
        page.locator(further).click()

    page.keyboard.press("Escape")

    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("#operations-list button").first).to_be_focused()


def test_the_focus_is_nowhere_else_when_the_operation_left_the_list(visit: Visit, box: FakeBox) -> None:
    page = visit()
    open_operation(page)
    box.push(ready(operations=[]))
    expect(page.locator("#operations-none")).to_be_visible()

    page.keyboard.press("Escape")

    expect(page.locator("#main")).to_be_focused()


def test_a_question_of_one_mode_is_not_answered_in_the_other(visit: Visit, box: FakeBox) -> None:
    page = visit()
    open_operation(page, 1)
    page.locator("#operation-void").click()
    expect(page.get_by_role("button", name="Oui, annuler l'opération")).to_be_visible()

    box.push(ready(training=True))

    expect(page.locator("dialog[open]")).to_have_count(0)
    assert box.acts == []


def test_a_voided_operation_offers_no_second_void(visit: Visit) -> None:
    page = visit()

    page.locator("#operations-list button").nth(2).click()

    expect(page.get_by_role("dialog")).to_contain_text("Annulée")
    expect(page.locator("#operation-void")).to_be_hidden()


def test_the_receipt_is_a_code_on_the_screen(visit: Visit) -> None:
    page = visit(ready(result=accepted()))

    page.get_by_role("button", name="Reçu QR").click()

    code = page.get_by_role("img", name="Code QR du reçu")
    expect(code).to_be_visible()
    until(lambda: code.evaluate("code => code.naturalWidth"), what="the code to be drawn")
