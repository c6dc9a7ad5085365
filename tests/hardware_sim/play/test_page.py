"""The playground's page, when the playground can't say how everything stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from hardware_sim.browser import NOT_THERE, find_chromium, open_browser

pytestmark = pytest.mark.skipif(find_chromium() is None, reason=f"{NOT_THERE}: the playground's page was not tried")

STATE = {"shops": [], "items": [], "office": "http://127.0.0.1:1", "passphrase": "quatre mots"}
WITHIN_MS = 30_000


class Answers:
    """What the playground answers, told by the test."""

    def __init__(self) -> None:
        self.status, self.body = 200, json.dumps(STATE)
        self.is_gone = False

    def __call__(self, route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path == "/v1/state" and self.is_gone:
            route.abort()
        elif path == "/v1/state":
            route.fulfill(status=self.status, body=self.body, content_type="application/json")
        else:
            name = path.rpartition("/")[2] or "index.html"
            kind = {"html": "text/html", "css": "text/css", "js": "text/javascript"}[name.rpartition(".")[2]]
            route.fulfill(
                body=(files("hardware_sim.play") / "page" / name).read_text(encoding="utf-8"), content_type=kind
            )


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def page(answers: Answers) -> Iterator[Page]:
    with open_browser() as browser:
        page = browser.new_page()
        page.route("**/*", answers)
        page.goto("http://playground.test/")
        expect(page.locator("#passphrase")).to_have_text("quatre mots", timeout=WITHIN_MS)
        yield page


def says(page: Page, text: str) -> None:
    expect(page.locator("#notice")).to_have_text(text, timeout=WITHIN_MS)


def test_a_state_that_can_not_be_had_is_said_until_it_comes(page: Page, answers: Answers) -> None:
    answers.status, answers.body = 503, '{"detail": "no answer from the printer"}'
    says(page, "Pas possible : no answer from the printer")

    answers.status, answers.body = 200, json.dumps(STATE)

    says(page, "")


def test_a_playground_that_has_ended_is_said(page: Page, answers: Answers) -> None:
    answers.is_gone = True

    says(page, "Le terrain de jeu ne répond plus : relancez make play.")
