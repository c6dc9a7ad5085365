"""Every state, on a phone of 320 px and a till's 1024×768: nothing serious for axe, nothing cut off."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, ViewportSize, expect

from gateway.page import TYPES
from tests.page.conftest import Visit
from tests.page.fake_box import PAGE, FakeBox
from tests.page.states import every_state, ready, voucher_read

SIZES: dict[str, ViewportSize] = {"phone": {"width": 320, "height": 640}, "till": {"width": 1024, "height": 768}}
LOOKS: tuple[tuple[str, Literal["light", "dark"]], ...] = (("phone", "light"), ("till", "light"), ("till", "dark"))
GRAVE_FAULTS = """axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations
  .filter(({ impact }) => ["serious", "critical"].includes(impact))
  .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`)))"""
SMALL = """[...document.querySelectorAll("button, nav a, .button, input")]
  .map((element) => [element.id || element.textContent, element.getBoundingClientRect()])
  .filter(([, box]) => box.width && Math.min(box.width, box.height) < 47.5)
  .map(([name]) => `too small to touch: ${name}`)"""


# Where the focus is: what may be under it lies within the page, not on it as the navigation and the banner do.
COVERED = """(() => {
  const { activeElement: element, body } = document;
  if (element === body || element.closest("nav, .skip")) return [];
  const box = element.getBoundingClientRect();
  const banner = document.getElementById("training");
  const top = banner.hidden ? 0 : banner.getBoundingClientRect().bottom;
  const bottom = document.querySelector("nav").getBoundingClientRect().top;
  return box.top < top - 1 || box.bottom > bottom + 1 ? [element.id || element.textContent] : [];
})()"""
OUT_OF_SIGHT = """[...document.querySelectorAll("#panel .acts button")]
  .map((button) => [button.id, button.getBoundingClientRect()])
  .filter(([, box]) => box.height && box.bottom > document.querySelector("nav").getBoundingClientRect().top)
  .map(([name]) => name)"""


def grave_faults(page: Page) -> list[str]:
    """What axe finds serious or critical, with where."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    faults: list[str] = page.evaluate(GRAVE_FAULTS)
    return faults


def is_wider_than_the_screen(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def faults_in_looks(page: Page) -> list[str]:
    """What is wrong with what a page shows, in each size and colour scheme."""
    faults = []
    for size, scheme in LOOKS:
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=scheme)
        found = grave_faults(page) + ["wider than the screen"] * is_wider_than_the_screen(page) + page.evaluate(SMALL)
        faults += [f"{size}, {scheme}: {fault}" for fault in found]
    return faults


@pytest.mark.parametrize("state", every_state())
def test_every_state_is_accessible_and_fits_and_what_is_touched_is_large_enough(visit: Visit, state: str) -> None:
    screen, view = every_state()[state]

    page = visit(screen, view=view)

    assert faults_in_looks(page) == []


@pytest.mark.parametrize("size", SIZES)
def test_the_windows_are_accessible_and_fit(visit: Visit, size: str) -> None:
    openings = {
        "code": ["#type-code"],
        "operation": ["a[href='#day']", "#operations-list button >> nth=0"],
        "void": ["a[href='#day']", "#operations-list button >> nth=0", "#operation-void"],
        "receipt": ["a[href='#day']", "#operations-list button >> nth=0", "#operation-receipt"],
        "screen": ["a[href='#box']", "#add-screen"],
        "revoke": ["a[href='#box']", "#screens-list button >> nth=0"],
        "camera": ["a[href='#box']", "#box-devices button"],
        "closure": ["a[href='#day']", "#day-close"],
    }
    page = visit(ready())
    page.set_viewport_size(SIZES[size])
    faults = {}
    for name, clicks in openings.items():
        for selector in clicks:
            page.click(selector)
        page.wait_for_selector("dialog[open]")
        if found := grave_faults(page) + ["wider than the screen"] * is_wider_than_the_screen(page):
            faults[name] = found
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog[open]", state="detached")

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


@pytest.mark.parametrize(
    "state", ["card", "voucher", "result", "refused-result", "refused-voucher", "unclear", "offline"]
)
def test_the_primary_action_is_seen_without_scrolling(visit: Visit, state: str) -> None:
    screen, view = every_state()[state]
    page = visit(screen, view=view)
    for size in SIZES:
        page.set_viewport_size(SIZES[size])

        bottom, height = page.evaluate(
            "[document.getElementById('primary').getBoundingClientRect().bottom,"
            " innerWidth < 900 ? document.querySelector('nav').getBoundingClientRect().top : innerHeight]"
        )

        assert bottom <= height, size


@pytest.mark.parametrize("state", ["card", "offline", "training", "training-result"])
def test_on_a_phone_every_button_of_the_counter_is_seen_without_scrolling(visit: Visit, state: str) -> None:
    screen, view = every_state()[state]
    page = visit(screen, view=view)

    page.set_viewport_size(SIZES["phone"])

    assert page.evaluate(OUT_OF_SIGHT) == []


@pytest.mark.parametrize("state", ["card", "voucher", "training", "training-result", "uncertain-print"])
def test_what_has_the_focus_is_never_covered_on_a_till_enlarged_to_twice_its_size(
    visit: Visit, box: FakeBox, state: str
) -> None:
    screen, _ = every_state()[state]
    page = visit(ready())
    page.set_viewport_size({"width": 512, "height": 384})

    box.push(screen)
    if screen["presented"]:
        expect(page.locator("#primary, #amount").locator("visible=true").first).to_be_visible()
    covered = page.evaluate(COVERED)
    for key in ["Tab"] * 25 + ["Shift+Tab"] * 25:
        page.keyboard.press(key)
        covered += page.evaluate(COVERED)

    assert covered == []


@pytest.mark.parametrize("size", SIZES)
def test_a_ticket_that_asks_is_beside_the_counter_or_above_it(visit: Visit, size: str) -> None:
    screen, view = every_state()["uncertain-print"]
    page = visit(screen, view=view)
    page.set_viewport_size(SIZES[size])

    asked, panel = (page.locator(part).bounding_box() for part in ("#prints", "#panel"))

    assert asked is not None
    assert panel is not None
    if size == "phone":
        assert asked["y"] + asked["height"] <= panel["y"]
    else:
        assert asked["x"] >= panel["x"] + panel["width"]


def test_the_page_is_light() -> None:
    assert sum(path.stat().st_size for path in PAGE.iterdir() if path.suffix in TYPES) <= 150_000


def test_nothing_is_set_as_markup_and_nothing_comes_from_elsewhere() -> None:
    text = "".join(
        path.read_text(encoding="utf-8") for path in PAGE.iterdir() if path.suffix in {".js", ".html", ".css"}
    )

    assert [
        word for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(") if word in text
    ] == []
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert "https://" not in text
