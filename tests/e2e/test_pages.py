"""The counter page before real boxes of a real town: what a shopkeeper sees is what the journals hold."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, Route, WebSocket, expect
from websockets.sync.client import connect

from hardware_sim.browser import NOT_THERE, find_chromium, open_browser
from hardware_sim.counter_client import Json
from hardware_sim.play.playground import Part, Playground
from hardware_sim.play.serve import origin_of, serving
from hardware_sim.ports import free_loopback_port, listen_on
from hardware_sim.programs import until
from hardware_sim.shop import VirtualShop
from hardware_sim.town import CARD, Issued
from tests.e2e.places import NearTown, ask, short_folder
from tests.page.test_link import LISTEN
from tests.page.test_looks import SIZES, grave_faults, is_wider_than_the_screen

WITHIN_MS = 30_000
MOST_SCREENS = 32
STAGES = ("recorded", "sent", "booked")
HTML = "<img src=x onerror=document.title='taken'><b>bold</b>"

pytestmark = pytest.mark.skipif(
    find_chromium() is None, reason=f"{NOT_THERE}: the page was not tried before a real box"
)

Open = Callable[[VirtualShop], Page]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The playground, its page, and cards that nobody has used yet."""

    playground: Playground
    url: str
    a: VirtualShop
    b: VirtualShop
    cards: list[Issued]

    def new_card(self) -> str:
        """What a card says that no test has shown before."""
        return self.cards.pop().token


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with listen_on(free_loopback_port()) as listener, short_folder() as folder, NearTown(folder) as town:
        cards = town.issue(CARD, 16)
        playground = Playground(town, origin=origin_of(listener))
        playground.open()
        with serving(playground, listener):
            url = f"{origin_of(listener)}/"
            yield Place(playground=playground, url=url, a=town.shops["a"], b=town.shops["b"], cards=cards)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the session: while Playwright runs, this thread has a running event loop; other tests make their own.
    with open_browser() as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Open a shop's counter page; each in a browser of its own, as on another device."""
    contexts = []

    def visit(shop: VirtualShop) -> Page:
        context = browser.new_context(locale="fr-FR", color_scheme="light", reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WITHIN_MS)
        page.add_init_script(LISTEN)
        page.goto(shop.url)
        expect(page.locator("body")).to_have_attribute("data-link", "up")
        return page

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Processes on a busy machine take their time."""
    expect.set_options(timeout=WITHIN_MS)
    yield
    expect.set_options(timeout=5_000)


@contextmanager
def without_network(playground: Playground) -> Iterator[None]:
    """The first shop's network cable is pulled, for a while."""
    playground.put("a", Part.NETWORK, "cut")
    try:
        yield
    finally:
        playground.put("a", Part.NETWORK, "up")


def shows(page: Page, panel: str) -> None:
    expect(page.locator("#panel")).to_have_attribute("data-panel", panel)


def confirm(page: Page) -> None:
    expect(page.locator("#primary")).to_be_enabled()
    page.locator("#primary").click()


def confirm_on_a_slow_line(page: Page) -> Route:
    """Confirm; the request is on its way, and arrives once the route continues."""
    held: list[Route] = []
    page.route("**/v1/operations", lambda route: held.append(route))
    with page.expect_request("**/v1/operations"):
        confirm(page)
    while not held:
        page.evaluate("0")
    return held[0]


def earn(page: Page, amount: str) -> None:
    """Credit the card that lies there."""
    shows(page, "card")
    page.locator("#amount").fill(amount)
    confirm(page)
    shows(page, "result")


def steps_done(page: Page, count: int) -> None:
    expect(page.locator("#result-steps .done")).to_have_count(count)


def recorded(shop: VirtualShop, kind: str) -> int:
    """How many operations of a kind the box's journal holds."""
    ((count,),) = ask(shop.journal, f"SELECT count(*) FROM rows WHERE type = 'comptoir.{kind}.v1'")
    return int(count)


def screen_of(shop: VirtualShop) -> Json:
    return shop.counter.get("/v1/screen")


def stages_pushed(page: Page) -> list[str]:
    """Every stage of a result that the box will push to the page, from its next connection on."""
    stages: list[str] = []

    def received(payload: str | bytes) -> None:
        result = json.loads(payload)["screen"]["result"]
        if result is not None and result["stage"] not in stages:
            stages.append(result["stage"])

    def connected(socket: WebSocket) -> None:
        socket.on("framereceived", received)

    page.on("websocket", connected)
    page.reload()
    return stages


def test_a_basket_is_typed_with_a_finger_and_seen_until_it_is_booked(place: Place, visit: Open) -> None:
    page = visit(place.a)
    stages = stages_pushed(page)
    place.a.scan(place.new_card())
    shows(page, "card")

    for key in ("2", "3", "virgule", "5", "0"):
        page.get_by_role("button", name=key, exact=True).click()
    confirm(page)

    expect(page.locator("#result-amount")).to_have_text("1,18 €")
    steps_done(page, 3)
    assert stages == [stage for stage in STAGES if stage in stages]
    expect(page.locator("#operations-list li").first.locator(".stage")).to_have_text("Comptabilisé")


def test_a_voucher_is_sold_printed_used_next_door_and_then_refused_everywhere(place: Place, visit: Open) -> None:
    here, there = visit(place.a), visit(place.b)
    printed = place.a.twin("printer").do("state")["receipts"]
    here.locator("a[href='#sell']").first.click()
    here.locator("#sell-choices label").first.click()
    here.locator("#sell-ok").click()
    shows(here, "result")
    (code,) = place.a.receipt(printed + 1)[1]["qr"]
    steps_done(here, 3)

    place.b.scan(code)
    shows(there, "voucher")
    confirm(there)
    expect(there.locator("#result-title")).to_have_text("Encaissé")
    place.b.scan(code)
    shows(there, "refused")
    expect(there.locator("#refused-reason")).to_contain_text("Déjà utilisé le")

    until(lambda: not place.a.scan(code)["actions"], what="the first shop to know")
    shows(here, "refused")
    expect(here.locator("#refused-reason")).to_contain_text("Café du Port")
    assert recorded(place.b, "redeemed") == 1


def test_two_pages_show_the_same_and_confirm_one_event(place: Place, visit: Open) -> None:
    pages = [visit(place.a), visit(place.a)]
    before = recorded(place.a, "earned")
    place.a.scan(place.new_card())
    for page in pages:
        shows(page, "card")
        page.locator("#amount").fill("10,00")
    held = [confirm_on_a_slow_line(page) for page in pages]

    for route in held:
        route.continue_()

    for page in pages:
        shows(page, "result")
        steps_done(page, 3)
    assert recorded(place.a, "earned") == before + 1
    assert pages[0].locator("main").inner_text() == pages[1].locator("main").inner_text()
    assert pages[0].locator("#operations-list").inner_text() == pages[1].locator("#operations-list").inner_text()


def test_without_the_network_the_counter_goes_on_and_says_so(place: Place, visit: Open) -> None:
    page = visit(place.a)
    with without_network(place.playground):
        expect(page.locator("#status")).to_have_attribute("data-state", "offline")
        expect(page.locator("#link")).to_contain_text("Hors ligne : continuez")
        place.a.scan(place.new_card())
        earn(page, "10,00")
        expect(page.locator("#queue")).not_to_be_empty()
        expect(page.locator("#result-steps li").last).to_contain_text("Comptabilisé (à venir)")

    steps_done(page, 3)
    expect(page.locator("#status")).to_have_attribute("data-state", "good")
    expect(page.locator("#queue")).to_be_empty()


def test_after_the_box_was_killed_the_page_comes_back_with_the_truth_in_silence(place: Place, visit: Open) -> None:
    page = visit(place.a)
    place.a.scan(place.new_card())
    earn(page, "10,00")
    assert page.evaluate("window.heard.length") > 0
    page.evaluate("window.heard.length = 0")

    place.playground.put("a", Part.BOX, "off")
    expect(page.locator("body")).to_have_attribute("data-link", "lost")
    place.playground.put("a", Part.BOX, "on")

    expect(page.locator("body")).to_have_attribute("data-link", "up")
    shows(page, "ready")
    told = [operation["event_id"] for operation in screen_of(place.a)["operations"]]
    drawn = page.locator("#operations-list button").evaluate_all("all => all.map(one => one.dataset.operation)")
    assert drawn == told
    assert page.evaluate("window.heard") == []


def test_a_page_too_many_says_so_and_is_let_in_once_another_goes(place: Place, browser: Browser) -> None:
    page = browser.new_page(locale="fr-FR")
    live = f"{place.a.url.replace('http', 'ws', 1)}v1/screen/live"
    with ExitStack() as others:
        for _ in range(MOST_SCREENS):
            others.enter_context(connect(live)).recv()
        page.goto(place.a.url)
        expect(page.locator("#link")).to_have_text(
            "Trop d'écrans ou de logiciels écoutent cette caisse : fermez-en un."
        )

    expect(page.locator("#link")).to_have_text("Relié au centre.")
    page.close()


def test_what_a_page_confirms_after_the_counter_changed_is_refused_in_words(place: Place, visit: Open) -> None:
    page = visit(place.a)
    before = recorded(place.a, "earned")
    place.a.scan(place.new_card())
    shows(page, "card")
    page.locator("#amount").fill("10,00")
    route = confirm_on_a_slow_line(page)

    place.a.scan(place.new_card())
    expect(page.locator("#amount")).to_have_value("")
    route.continue_()

    expect(page.locator("#notice")).to_have_text(
        "Le comptoir a changé entre-temps : regardez ce qui y est, puis confirmez."
    )
    shows(page, "card")
    assert recorded(place.a, "earned") == before


def test_html_in_a_code_is_no_html(place: Place, visit: Open) -> None:
    page = visit(place.a)

    place.a.scan(HTML)

    shows(page, "refused")
    expect(page.locator("#refused-title")).to_have_text("Code non accepté")
    expect(page).to_have_title("Librairie des Halles – Comptoir")
    assert page.locator("b, img[src=x]").count() == 0


def test_the_receipt_on_the_screen_is_read_by_any_phone(place: Place, visit: Open) -> None:
    page = visit(place.a)
    place.a.scan(place.new_card())
    earn(page, "23,50")
    expect(page.locator("#after-receipt")).to_be_enabled()
    page.locator("#after-receipt").click()
    until(lambda: page.locator("#receipt-code").evaluate("code => code.naturalWidth"), what="the code to be drawn")

    photo = Image.open(io.BytesIO(page.locator("#receipt-code").screenshot()))

    (code,) = zxingcpp.read_barcodes(photo)
    told = screen_of(place.a)["operations"][0]
    year, month, day = told["day"].split("-")
    assert code.text.splitlines() == [
        "Librairie des Halles",
        f"{day}/{month}/{year} {told['time']}",
        told["programme_name"],
        "1,18\u00a0€ gagnés.",
        f"Réf. {told['event_id']}",
    ]


@pytest.mark.parametrize("size", SIZES)
def test_the_page_of_a_real_box_is_accessible_and_fits(place: Place, visit: Open, size: str) -> None:
    page = visit(place.a)
    page.set_viewport_size(SIZES[size])
    place.a.scan(place.new_card())
    faults = []
    for view in ("counter", "sell", "day", "box"):
        page.evaluate("view => { location.hash = view; }", view)
        expect(page.locator(f"#view-{view}")).to_be_visible()
        faults += [f"{view}: {fault}" for fault in grave_faults(page)]
        faults += [f"{view}: wider than the screen"] * is_wider_than_the_screen(page)

    assert faults == []


@pytest.mark.parametrize("size", SIZES)
def test_the_playground_is_accessible(place: Place, browser: Browser, size: str) -> None:
    page = browser.new_page(viewport=SIZES[size], locale="fr-FR", color_scheme="light")
    page.goto(place.url)
    expect(page.frame_locator("iframe").last.locator("body")).to_have_attribute("data-link", "up")

    faults = grave_faults(page)
    page.close()

    assert faults == []
