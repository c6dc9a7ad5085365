"""Every state, on a phone of 320 px and a till's 1024×768: nothing serious for axe, nothing cut off."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

from tests.page.conftest import Visit
from tests.page.fake_box import PAGE, FakeBox
from tests.page.states import every_state, ready, voucher_read

SIZES: dict[str, ViewportSize] = {"phone": {"width": 320, "height": 640}, "till": {"width": 1024, "height": 768}}
GRAVE = ("serious", "critical")


def grave_faults(page: Page) -> list[str]:
    """What axe finds serious or critical, with where."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:120]}"
        for violation in violations
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


def is_wider_than_the_screen(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


@pytest.mark.parametrize(("size", "scheme"), [("phone", "light"), ("till", "light"), ("till", "dark")])
def test_every_state_is_accessible_and_fits(browser: Browser, box: FakeBox, size: str, scheme: str) -> None:
    faults = {}
    for name, (screen, view) in every_state().items():
        box.screen = screen
        page = browser.new_page(
            viewport=SIZES[size], color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce"
        )
        page.goto(f"{box.url}#{view}")
        page.wait_for_selector("body[data-link=up]")
        if found := grave_faults(page) + ["wider than the screen"] * is_wider_than_the_screen(page):
            faults[name] = found
        page.close()

    assert faults == {}


@pytest.mark.parametrize("size", SIZES)
def test_the_windows_are_accessible_and_fit(visit: Visit, size: str) -> None:
    openings = {
        "code": ["#type-code"],
        "operation": ["a[href='#day']", "#operations-list button >> nth=0"],
        "void": ["a[href='#day']", "#operations-list button >> nth=0", "#operation-void"],
        "receipt": ["a[href='#day']", "#operations-list button >> nth=0", "#operation-receipt"],
        "screen": ["a[href='#box']", "#add-screen"],
        "closure": ["a[href='#day']", "#day-close"],
    }
    faults = {}
    for name, clicks in openings.items():
        page = visit(ready())
        page.set_viewport_size(SIZES[size])
        for selector in clicks:
            page.click(selector)
        page.wait_for_selector("dialog[open]")
        if found := grave_faults(page) + ["wider than the screen"] * is_wider_than_the_screen(page):
            faults[name] = found
        page.close()

    assert faults == {}


@pytest.mark.parametrize("size", SIZES)
def test_the_screens_without_a_box_are_accessible(visit: Visit, box: FakeBox, size: str) -> None:
    page = visit(ready(presented=[voucher_read()]))
    page.set_viewport_size(SIZES[size])
    box.paired = False
    box.stop()
    page.wait_for_selector("body[data-link=lost]")
    lost = grave_faults(page)
    box.start()
    page.wait_for_selector("body[data-link=unpaired]")

    assert (lost, grave_faults(page), is_wider_than_the_screen(page)) == ([], [], False)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "state", ["card", "voucher", "result", "refused-result", "refused-voucher", "unclear", "offline"]
)
def test_the_primary_action_is_seen_without_scrolling(visit: Visit, size: str, state: str) -> None:
    screen, view = every_state()[state]
    page = visit(screen, view=view)
    page.set_viewport_size(SIZES[size])

    bottom, height = page.evaluate(
        "[document.getElementById('primary').getBoundingClientRect().bottom,"
        " innerWidth < 900 ? document.querySelector('nav').getBoundingClientRect().top : innerHeight]"
    )

    assert bottom <= height


@pytest.mark.parametrize("size", SIZES)
def test_what_is_touched_is_large_enough(visit: Visit, size: str) -> None:
    small = {}
    for name, (screen, view) in every_state().items():
        page = visit(screen, view=view)
        page.set_viewport_size(SIZES[size])
        small[name] = page.evaluate(
            """[...document.querySelectorAll("button, nav a, .button, input")]
            .map((element) => [element.id || element.textContent, element.getBoundingClientRect()])
            .filter(([, box]) => box.width && Math.min(box.width, box.height) < 47.5)
            .map(([name]) => name)"""
        )
        page.close()

    assert {name: found for name, found in small.items() if found} == {}


def test_the_page_is_light() -> None:
    assert sum(path.stat().st_size for path in Path(PAGE).iterdir()) <= 100_000


def test_nothing_is_set_as_markup_and_nothing_comes_from_elsewhere() -> None:
    text = "".join(
        path.read_text(encoding="utf-8") for path in PAGE.iterdir() if path.suffix in {".js", ".html", ".css"}
    )

    assert [
        word for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(") if word in text
    ] == []
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert "https://" not in text
