"""A page in Debian's Chromium before a scripted box; where no Chromium is installed the tests say so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from hardware_sim.browser import NOT_THERE, find_chromium, open_browser
from tests.page.fake_box import FakeBox
from tests.page.states import JSON

Visit = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Not for the session: while Playwright runs, this thread has a running event loop, and other tests make their own.
    if find_chromium() is None:
        pytest.skip(f"{NOT_THERE}: the page was not tried in a browser")
    with open_browser() as browser:
        yield browser


@pytest.fixture
def box() -> Iterator[FakeBox]:
    with FakeBox() as box:
        yield box


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(
        viewport={"width": 1024, "height": 768}, locale="fr-FR", reduced_motion="reduce", color_scheme="light"
    )
    yield context
    context.close()


@pytest.fixture
def visit(box: FakeBox, context: BrowserContext) -> Visit:
    """Open the page on a state; errors in the page's own code fail the test."""

    def visit(screen: JSON | None = None, *, view: str = "counter") -> Page:
        if screen is not None:
            box.screen = screen
        page = context.new_page()
        page.on("pageerror", _fail)
        page.goto(f"{box.url}#{view}")
        page.wait_for_selector("body[data-link=up]")
        return page

    return visit


def _fail(error: object) -> None:
    raise AssertionError(f"the page's code failed: {error}")


def primary(page: Page) -> Page:
    """The page, once its primary button can be pressed."""
    expect(page.locator("#primary")).to_be_enabled()
    return page
