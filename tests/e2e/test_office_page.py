"""The office page of a real centre in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from hardware_sim.browser import NOT_THERE, find_chromium, open_browser
from hardware_sim.programs import until
from hardware_sim.shop import VirtualShop
from hardware_sim.town import VOUCHER, VirtualTown
from tests.e2e.places import NearTown

SERIOUS = ("serious", "critical")
SIZES = ((320, 640), (1280, 800))
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A centre with two shops, and who may look."""

    town: VirtualTown
    shops: tuple[VirtualShop, VirtualShop]
    passphrase: str


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if find_chromium() is None:
        pytest.skip(f"{NOT_THERE}: the office page was not tried in a browser")
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with TemporaryDirectory(prefix="office-", dir="/var/tmp") as folder, NearTown(Path(folder)) as town:
        shops = (
            town.found_shop("a", "Librairie <b>des</b> Halles", has_camera=False),
            town.found_shop("b", "Café du Port", has_camera=False),
        )
        town.issue(VOUCHER, 2, "--face", "20,00", "--consign", shops[0].device)
        passphrase = town.office("office", "add", "claire").strip()
        town.start_central()
        for shop in shops:
            shop.open()
        for shop in shops:
            until(shop.grant, what="a grant")
        yield Office(town=town, shops=shops, passphrase=passphrase)


def enter(browser: Browser, office: Office) -> Page:
    page = browser.new_context(locale="fr-FR", viewport={"width": 1280, "height": 800}).new_page()
    sign_in(page, office)
    return page


def sign_in(page: Page, office: Office) -> None:
    page.goto(f"{office.town.central_url}/")
    page.locator("#name").fill("claire")
    page.locator("#passphrase").fill(office.passphrase)
    page.locator("#signing-form button").click()
    expect(page.locator("#shops .card")).to_have_count(2)


def assert_readable(page: Page) -> None:
    """In either colour scheme, large and small."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            found = Axe().run(page).response["violations"]
            assert [fault["id"] for fault in found if fault["impact"] in SERIOUS] == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def take_one_voucher_twice(office: Office) -> None:
    """Both shops take it while neither hears of the other."""
    first, second = office.shops
    first.operate("sell", programme=VOUCHER, amount="20,00")
    _, paper = first.receipt(first.twin("printer").do("state")["receipts"] + 1)
    until(lambda: not first.status()["queue"]["unbooked_rows"], what="the sale to be booked")
    heads = office.town.registry_heads()
    until(lambda: (second.status()["replicas"][VOUCHER]["version"] or 0) >= heads[VOUCHER], what="B to know of it")
    for shop in office.shops:
        shop.cut_off()
    for shop in office.shops:
        shop.scan(paper["qr"][0])
        assert shop.operate("redeem")["accepted"]
    for shop in office.shops:
        shop.reconnect()


def test_the_fleet_is_live_and_names_are_text(browser: Browser, office: Office) -> None:
    page = enter(browser, office)
    box = page.locator("#shops .card", has_text="Café du Port")
    expect(box.locator(".tag").first).to_have_text("En ligne")
    expect(page.locator("#shops h3", has_text="Librairie <b>des</b> Halles")).to_be_visible()

    office.shops[1].gateway.kill()

    expect(box.locator(".tag").first).to_have_text("Hors ligne", timeout=30_000)
    office.shops[1].open()
    expect(box.locator(".tag").first).to_have_text("En ligne", timeout=30_000)


def test_of_two_people_at_the_desk_one_decides_and_both_see_it(browser: Browser, office: Office) -> None:
    one, other = enter(browser, office), enter(browser, office)
    take_one_voucher_twice(office)
    for page in (one, other):
        expect(page.locator(".choices button")).to_have_count(1, timeout=30_000)

    assert_readable(other)
    other.locator(".choices button").click()
    expect(other.locator("#sure")).to_be_visible()
    assert_readable(other)
    other.locator("#sure-no").click()
    expect(other.locator(".choices button")).to_be_focused()
    one.locator(".choices button").click()
    one.locator("#sure-yes").click()

    expect(one.locator("#desk-done")).to_have_text("Décision enregistrée.")
    for page in (one, other):
        expect(page.locator("#desk-none")).to_be_visible(timeout=30_000)
        expect(page.locator("#desk-settled")).to_be_visible()
    one.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    expect(one.locator("#desk-settled-list li")).to_have_count(1)
    assert_readable(one)


def test_everybody_can_read_it(browser: Browser, office: Office) -> None:
    signing = browser.new_page(locale="fr-FR")
    signing.goto(f"{office.town.central_url}/")
    expect(signing.locator("#signing")).to_be_visible()

    for page in (signing, enter(browser, office)):
        assert_readable(page)


def test_a_failure_that_says_nothing_is_told_all_the_same(browser: Browser, office: Office) -> None:
    page = browser.new_page(locale="fr-FR")
    page.goto(f"{office.town.central_url}/")
    page.route("**/v1/office/session", lambda route: route.fulfill(status=500, body="oops"))
    page.locator("#name").fill("claire")
    page.locator("#passphrase").fill("a guess")

    page.locator("#signing-form button").click()

    expect(page.locator("#signing-notice")).to_contain_text("erreur 500")


def test_why_the_page_is_refused_is_shown(browser: Browser, office: Office) -> None:
    page = browser.new_page(locale="fr-FR")
    refusal = {"status": 403, "json": {"detail": "Le centre ne connaît pas ce nom."}}
    page.route("**/v1/office/session", lambda route: route.fulfill(**refusal))

    page.goto(f"{office.town.central_url}/")

    expect(page.locator("#live")).to_have_text("Le centre ne connaît pas ce nom.")


def test_who_comes_when_too_many_look_is_told(browser: Browser, office: Office) -> None:
    page = enter(browser, office)
    full = {"content_type": "text/event-stream", "body": "event: full\ndata: \n\n"}
    page.route("**/v1/office/live", lambda route: route.fulfill(**full))

    page.reload()

    expect(page.locator("#live")).to_contain_text("Trop de pages")


def test_a_stream_that_is_dead_is_noticed_and_followed_again(browser: Browser, office: Office) -> None:
    page = browser.new_context(locale="fr-FR").new_page()
    page.clock.install()
    sign_in(page, office)
    page.route("**/v1/office/session", lambda route: route.abort())

    page.clock.fast_forward(91_000)
    expect(page.locator("body")).to_have_attribute("data-link", "down")

    page.unroute("**/v1/office/session")
    page.clock.fast_forward(10_000)
    expect(page.locator("body")).to_have_attribute("data-link", "up")


def test_a_link_that_is_back_says_so_though_nothing_is_new(browser: Browser, office: Office) -> None:
    page = browser.new_context(locale="fr-FR").new_page()
    page.add_init_script(
        "EventSource = class extends EventSource { constructor(url) { super(url); window.stream = this; } }"
    )
    sign_in(page, office)

    page.evaluate("stream.dispatchEvent(new Event('error'))")
    expect(page.locator("body")).to_have_attribute("data-link", "down")
    page.evaluate("stream.dispatchEvent(new Event('open'))")

    expect(page.locator("body")).to_have_attribute("data-link", "up")


def test_of_a_list_only_what_changed_is_drawn_again(browser: Browser, office: Office) -> None:
    page = browser.new_page()
    page.goto(f"{office.town.central_url}/")

    kept = page.evaluate(
        """async () => {
            const { fillEach } = await import("/page/dom.js");
            const list = document.createElement("ul");
            const item = (id, shown) => ({ id, shown, build: () => document.createElement("li") });
            fillEach(list, [item("a", 1), item("b", 1)]);
            const before = [...list.children];
            fillEach(list, [item("b", 2), item("a", 1)]);
            return [before.indexOf(list.children[0]), before.indexOf(list.children[1])];
        }"""
    )

    assert kept == [-1, 0]


def test_a_page_left_open_neither_keeps_the_centre_from_stopping_nor_is_lost(browser: Browser, office: Office) -> None:
    page = enter(browser, office)

    office.town.central.stop()

    expect(page.locator("body")).to_have_attribute("data-link", "down", timeout=30_000)
    office.town.start_central()
    expect(page.locator("body")).to_have_attribute("data-link", "up", timeout=30_000)


def test_the_page_speaks_english_as_well(browser: Browser, office: Office) -> None:
    page = enter(browser, office)
    expect(page.locator("h1:visible")).to_have_count(1)

    page.locator("#language").click()

    expect(page.locator("#shops-title")).to_have_text("Shops")
    expect(page.locator("#live")).to_have_text("Up to date, live")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_leaving_ends_the_page(browser: Browser, office: Office) -> None:
    page = enter(browser, office)

    page.locator("#leave").click()

    expect(page.locator("#signing")).to_be_visible()
    assert page.request.get(f"{office.town.central_url}/v1/office/state").status == 401
