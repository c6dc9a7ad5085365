"""A tablet of the shop's network, in a real browser: let in by a code, and let in no more.

A browser of this machine is at home wherever the box listens; so this one calls the box by a name that the network
gives it, as a tablet may, and is a stranger like any other (see `gateway.guard`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from hardware_sim.browser import NOT_THERE, find_chromium, open_browser
from hardware_sim.counter_client import Json
from hardware_sim.programs import until
from hardware_sim.shop import VirtualShop
from tests.e2e.places import NearTown, short_folder
from tests.lan import own_address_or_skip
from tests.page.test_looks import grave_faults

NAME = "caisse.test"
WITHIN_MS = 30_000

pytestmark = pytest.mark.skipif(find_chromium() is None, reason=f"{NOT_THERE}: pairing was not tried in a browser")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenShop:
    """A shop whose box is open to its network.

    Attributes:
        address: The box's, there.
    """

    shop: VirtualShop
    address: str

    @property
    def port(self) -> int:
        """Where the box listens since its last start."""
        return urlsplit(self.offer()["url"]).port or 0

    def offer(self) -> Json:
        """What an installer gets at the box's terminal."""
        offer: Json = json.loads(self.shop.run("screens", "add", "--json"))
        return offer


@pytest.fixture(scope="module")
def place() -> Iterator[OpenShop]:
    address = own_address_or_skip()
    with short_folder() as folder, NearTown(folder) as town:
        shop = town.found_shop("a", "Librairie des Halles", has_camera=False, films=True)
        settings = shop.settings.read_text()
        opened = settings.replace("[api]\n", f'[api]\nhost = "{address}"\nnames = ["{NAME}"]\n')
        assert opened != settings
        shop.settings.write_text(opened)
        shop.open()
        yield OpenShop(shop=shop, address=address)


@pytest.fixture(scope="module")
def browser(place: OpenShop) -> Iterator[Browser]:
    with open_browser(f"--host-resolver-rules=MAP {NAME} {place.address}") as browser:
        yield browser


@pytest.fixture
def tablet(place: OpenShop, browser: Browser) -> Iterator[Page]:
    """A tablet that nobody has paired, on the box's page."""
    context = browser.new_context(locale="fr-FR", color_scheme="light", reduced_motion="reduce")
    expect.set_options(timeout=WITHIN_MS)
    page = context.new_page()
    page.goto(f"http://{NAME}:{place.port}/")
    yield page
    expect.set_options(timeout=5_000)
    context.close()


def is_asked_for_the_code(page: Page) -> None:
    expect(page.locator("body")).to_have_attribute("data-link", "unpaired")
    expect(page.get_by_label("Code à 6 chiffres")).to_be_focused()
    for part in ("#main", "#nav", "aside"):
        expect(page.locator(part)).to_be_hidden()


def shows_the_counter(page: Page) -> None:
    expect(page.locator("body")).to_have_attribute("data-link", "up")
    expect(page.locator("#pairing")).to_be_hidden()
    expect(page.locator("#panel")).to_be_visible()


def pair(page: Page, pin: str, name: str) -> None:
    page.get_by_label("Code à 6 chiffres").fill(pin)
    page.get_by_label("Nom de cet écran").fill(name)
    page.keyboard.press("Enter")


def paired(place: OpenShop) -> dict[str, str]:
    """Ids of the paired screens, by name."""
    listed = json.loads(place.shop.run("screens", "list", "--json"))["screens"]
    return {screen["name"]: screen["id"] for screen in listed}


def test_a_tablet_is_let_in_by_the_right_code_and_by_no_other(place: OpenShop, tablet: Page) -> None:
    is_asked_for_the_code(tablet)
    assert grave_faults(tablet) == []
    pin = place.offer()["pin"]

    pair(tablet, "000001" if pin == "000000" else "000000", "Tablette")
    expect(tablet.locator("#pairing-notice")).to_contain_text("Ce code n'est pas le bon")
    is_asked_for_the_code(tablet)
    assert "Tablette" not in paired(place)

    pair(tablet, pin, "Tablette")
    shows_the_counter(tablet)
    tablet.reload()
    shows_the_counter(tablet)
    place.shop.scan("HELLO")
    expect(tablet.locator("#refused-title")).to_have_text("Code non accepté")
    assert "Tablette" in paired(place)


def test_a_revoked_tablet_is_asked_for_a_code_again(place: OpenShop, tablet: Page) -> None:
    pair(tablet, place.offer()["pin"], "Ancienne tablette")
    shows_the_counter(tablet)

    place.shop.run("screens", "revoke", paired(place)["Ancienne tablette"])

    is_asked_for_the_code(tablet)
    tablet.reload()
    is_asked_for_the_code(tablet)


def test_a_tablet_revokes_itself(place: OpenShop, tablet: Page) -> None:
    pair(tablet, place.offer()["pin"], "Tablette de passage")
    shows_the_counter(tablet)
    tablet.locator("a[href='#box']").click()
    expect(tablet.locator("#screens-list li", has_text="cet écran")).to_contain_text("Tablette de passage")

    tablet.get_by_role("button", name="Retirer Tablette de passage").click()
    tablet.get_by_role("button", name="Oui, le retirer").click()

    is_asked_for_the_code(tablet)
    assert "Tablette de passage" not in paired(place)


def test_a_paired_tablet_shows_what_the_camera_sees(place: OpenShop, tablet: Page) -> None:
    pair(tablet, place.offer()["pin"], "Tablette de l'installateur")
    shows_the_counter(tablet)
    tablet.locator("a[href='#box']").click()

    tablet.get_by_role("button", name="Voir l'image").click()

    film = tablet.get_by_role("img", name="Ce que voit la caméra")
    until(lambda: film.evaluate("film => film.naturalWidth"), what="the camera's picture")
    assert grave_faults(tablet) == []


def test_a_browser_of_the_box_itself_needs_no_code(place: OpenShop, browser: Browser) -> None:
    page = browser.new_page(locale="fr-FR")

    page.goto(place.offer()["url"])

    assert urlsplit(page.url).hostname == place.address
    expect(page.locator("body")).to_have_attribute("data-link", "up")
    page.close()
