"""What is told to a screen reader without a read or a result."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import Visit
from tests.page.fake_box import FakeBox
from tests.page.states import JSON, NO_PAPER, OFFLINE, ready, uncertain_print

CHANGES: dict[str, tuple[JSON, str, str]] = {
    "training": (
        {"training": True},
        "ENTRAÎNEMENT – rien ne compte",
        "Dès maintenant, chaque opération comptera.",
    ),
    "network": (
        OFFLINE,
        "Hors ligne : continuez, tout est gardé et partira tout seul.",
        "Relié au centre.",
    ),
    "paper": ({"devices": NO_PAPER}, "Imprimante – Plus de papier : changez le rouleau.", "Imprimante – Prêt."),
}


def told(page: Page, sentence: str) -> None:
    expect(page.locator("#heard-also")).to_have_text(sentence)


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_is_told_when_it_comes_and_when_it_goes(visit: Visit, box: FakeBox, change: str) -> None:
    more, came, went = CHANGES[change]
    page = visit()
    told(page, "")

    box.push(ready(**more))
    told(page, came)
    box.push(ready())

    told(page, went)


def test_a_ticket_that_asks_is_told_once(visit: Visit, box: FakeBox) -> None:
    page = visit()

    box.push(ready(prints=[uncertain_print()]))
    told(page, "Le ticket est-il sorti ?")
    box.push(ready(prints=[uncertain_print()], training=True))

    told(page, "ENTRAÎNEMENT – rien ne compte")


def test_a_link_that_is_back_is_told(visit: Visit, box: FakeBox) -> None:
    page = visit()
    box.stop()
    expect(page.locator("#heard-politely")).to_contain_text("Plus de lien avec la caisse")

    box.start()

    expect(page.locator("#heard-also")).to_have_text("Relié au centre.", timeout=20_000)


def test_another_language_is_no_news(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(devices=NO_PAPER))
    box.screen = ready(language="en", devices=[{**device, "message": "Out of paper."} for device in NO_PAPER])

    page.get_by_role("button", name="English").click()
    expect(page.locator("#troubles")).to_contain_text("Out of paper.")

    told(page, "")
