"""Screenshots of every state of the counter page, taken while a shop lives through them in the playground."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hardware_sim.browser import open_browser
from hardware_sim.play.playground import OFFICE_USER, Part, Playground
from hardware_sim.play.serve import open_playground, origin_of
from hardware_sim.ports import free_loopback_port, listen_on
from hardware_sim.programs import until
from hardware_sim.shop import SAME_CODE_AGAIN_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = {"till": (1024, 768), "phone": (320, 640)}
# As tall as the page: a frame that was never on the screen isn't painted
PLAYGROUND_SIZES = {"playground": (1440, 1700), "playground-phone": (320, 4000)}
_WITHIN_MS = 60_000
_SCROLL = "element => { element.scrollIntoView(); scrollBy(0, -48); }"  # from under what stays at the top
_IN_ORDER = "#office:has(#tiles :text('Justes')) #shops:has(ul.tags):not(:has(.tag:not(.well)))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """One page in every size, and where its pictures go.

    Attributes:
        name: Before each picture's own name.
    """

    pages: dict[str, Page]
    name: str
    out: Path

    def take(self, state: str, *, shows: str, top: str | None = None) -> None:
        """Wait until every page shows something, and take their pictures.

        Args:
            top: What to scroll to first, where the page is longer than the screen.
        """
        for size, page in self.pages.items():
            page.locator(shows).first.wait_for(state="visible", timeout=_WITHIN_MS)
            if top is not None:
                page.locator(top).evaluate(_SCROLL)
            page.screenshot(path=self.out / f"{self.name}-{state}-{size}.png", animations="disabled")

    @property
    def till(self) -> Page:
        """Where the shopkeeper acts."""
        return self.pages["till"]

    def turn_to(self, view: str) -> None:
        """Show a view on every page."""
        for page in self.pages.values():
            page.evaluate("view => { location.hash = view; }", view)


def take_pictures(out: Path) -> None:
    """Open a playground, live through every state, and leave a picture of each in `out`.

    Raises:
        NoBrowser: Chromium isn't installed.
        SimulatorError: The town couldn't be played.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (
        open_browser() as browser,
        listen_on(free_loopback_port()) as listener,
        tempfile.TemporaryDirectory(prefix="play-", dir="/var/tmp") as folder,
        open_playground(Path(folder), listener) as playground,
    ):
        _live(playground, Studio(pages=_pages(browser, playground.urls["a"]), name="counter", out=out))
        _photograph_office(playground, Studio(pages=_pages(browser, playground.office_url), name="office", out=out))
        _photograph_playground(browser, f"{origin_of(listener)}/", out)


def _pages(browser: Browser, url: str) -> dict[str, Page]:
    pages = {}
    for size, (width, height) in SIZES.items():
        pages[size] = _open(browser, width, height)
        pages[size].goto(url)
    return pages


def _open(browser: Browser, width: int, height: int) -> Page:
    """A page on a screen of this size, in a shop in France."""
    return browser.new_context(
        viewport={"width": width, "height": height},
        locale="fr-FR",
        timezone_id="Europe/Paris",
        color_scheme="light",
        reduced_motion="reduce",
    ).new_page()


def _live(playground: Playground, studio: Studio) -> None:
    """A day at shop A, state by state."""
    studio.take("ready", shows="#ready")
    playground.scan("a", "card-1")
    studio.take("card", shows="#card")
    studio.till.locator("#amount").fill("23,50")
    studio.till.locator("#primary").click()
    studio.take("accepted", shows="#result")
    _sell(studio)
    voucher = until(lambda: _paper(playground), what="a voucher to come out of the printer")
    playground.scan("a", voucher)
    studio.take("voucher", shows="#voucher")
    studio.till.locator("#primary").click()
    studio.till.locator("#result").wait_for(state="visible")
    _again(playground, voucher)
    studio.take("refused", shows="#refused")
    _lose_the_network(playground, studio)
    _lose_the_paper(playground, studio)
    _train(playground, studio)
    studio.turn_to("day")
    studio.take("day", shows="#day-close")
    studio.till.locator("#day-close").click()
    studio.till.locator("#sure-ok").click()
    studio.take("day-closed", shows="#result")


def _sell(studio: Studio) -> None:
    studio.turn_to("sell")
    studio.take("sell", shows="#sell-choices input")
    studio.till.locator("#sell-choices label").first.click()
    studio.till.locator("#sell-ok").click()
    studio.take("sold", shows="#result")


def _again(playground: Playground, item: str) -> None:
    """A person who holds the same code under the scanner again takes a moment; else it is the same scan."""
    time.sleep(SAME_CODE_AGAIN_S)
    playground.scan("a", item)


def _lose_the_network(playground: Playground, studio: Studio) -> None:
    playground.put("a", Part.NETWORK, "cut")
    playground.scan("a", "card-2")
    studio.take("offline", shows="#status[data-state=offline]")
    playground.put("a", Part.NETWORK, "up")
    studio.till.locator("#status[data-state=good]").wait_for(timeout=_WITHIN_MS)


def _lose_the_paper(playground: Playground, studio: Studio) -> None:
    studio.till.locator("#off").click()  # what lies there hides what the counter wants
    playground.put("a", Part.PAPER, "out")
    studio.take("no-paper", shows="#troubles :text('papier')")
    studio.turn_to("box")
    studio.take("box", shows="#box-devices :text('papier')")
    playground.put("a", Part.PAPER, "ok")


def _train(playground: Playground, studio: Studio) -> None:
    switch = studio.till.locator("#training-switch")
    switch.click()
    studio.till.locator("#sure-ok").click()
    studio.take("training", shows="#training")
    playground.scan("a", "card-3")
    studio.turn_to("counter")
    studio.take("training-card", shows="#card")
    studio.turn_to("box")
    switch.click()
    studio.till.locator("#sure-ok").click()
    studio.till.locator("#training").wait_for(state="hidden", timeout=_WITHIN_MS)


def _paper(playground: Playground, *, at_least: int = 1) -> str | None:
    """The newest of so many vouchers that came out of a printer."""
    papers = [item["item"] for item in playground.state()["items"] if item["item"].startswith("paper-")]
    return papers[-1] if len(papers) >= at_least else None


def _photograph_office(playground: Playground, studio: Studio) -> None:
    """A voucher that both shops took while they were cut off: the fleet, the desk, the decision."""
    studio.take("signing", shows="#signing")
    for page in studio.pages.values():
        page.locator("#name").fill(OFFICE_USER)
        page.locator("#passphrase").fill(playground.passphrase)
        page.locator("#signing-form button").click()
    studio.take("fleet", shows=_IN_ORDER)
    _take_one_voucher_twice(playground)
    studio.take("desk", shows=".choices button", top="#desk-section")
    studio.till.locator("#desk .choices button").first.click()
    studio.till.locator("#sure-yes").click()
    studio.take("decided", shows="#desk-none", top="#desk-section")


def _take_one_voucher_twice(playground: Playground) -> None:
    playground.sell("a", "20,00")
    voucher = until(lambda: _paper(playground, at_least=2), what="another voucher to come out of the printer")
    playground.wait_booked("a")
    for shop in playground.urls:
        playground.put(shop, Part.NETWORK, "cut")
    for shop in playground.urls:
        playground.redeem(shop, voucher)
    for shop in playground.urls:
        playground.put(shop, Part.NETWORK, "up")


def _photograph_playground(browser: Browser, url: str, out: Path) -> None:
    for name, (width, height) in PLAYGROUND_SIZES.items():
        page = _open(browser, width, height)
        page.goto(url)
        page.locator(".paper img").first.wait_for(timeout=_WITHIN_MS)
        page.locator(".film").nth(1).click()
        page.frame_locator("iframe").nth(1).locator("#card").wait_for(timeout=_WITHIN_MS)
        page.locator(".film:enabled").first.wait_for(timeout=_WITHIN_MS)
        page.screenshot(path=out / f"{name}.png", full_page=True)
