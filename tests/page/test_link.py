"""The link to the box: lost and found again, pairing, newer files, and sounds that tell yes from no."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.page.conftest import Visit
from tests.page.fake_box import PIN, FakeBox
from tests.page.states import accepted, card_read, ready, refused, unclear_read, voucher_read

LISTEN = """
window.heard = [];
window.AudioContext = class extends EventTarget {
  state = "running"; currentTime = 0; destination = {};
  createOscillator() {
    const frequency = {};
    return { frequency, connect: (next) => next, start: () => window.heard.push(frequency.value), stop() {} };
  }
  resume() {
    this.state = "running";
    this.dispatchEvent(new Event("statechange"));
    return Promise.resolve();
  }
  createGain() { return { gain: { setValueAtTime() {}, linearRampToValueAtTime() {} }, connect: (next) => next }; }
};
"""


def heard(page: Page) -> list[int]:
    """The tones so far, in hertz."""
    tones: list[int] = page.evaluate("window.heard")
    return tones


def test_without_the_box_nothing_can_be_done_and_the_page_says_so(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[voucher_read()]))

    box.stop()

    expect(page.locator("#status")).to_contain_text("Plus de lien avec la caisse")
    expect(page.locator("#primary")).to_be_disabled()


def test_a_box_that_takes_no_more_screens_says_so_and_lets_this_one_in_later(
    box: FakeBox, context: BrowserContext
) -> None:
    box.full = "Trop d'écrans ou de logiciels écoutent cette caisse : fermez-en un."
    page = context.new_page()
    page.goto(box.url)
    expect(page.locator("#link")).to_have_text(box.full)

    box.full = ""

    expect(page.locator("#link")).to_have_text("Relié au centre.", timeout=20_000)


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ("Le journal n'a pas pu être lu.", "Le journal n'a pas pu être lu."),
        ("", "La caisse répond, mais ne peut rien afficher. Redémarrez-la ; sinon, appelez le centre."),
    ],
    ids=["with-a-reason", "without"],
)
def test_a_box_that_answers_but_shows_nothing_is_not_called_switched_off(
    box: FakeBox, context: BrowserContext, detail: str, told: str
) -> None:
    box.failure = (503, detail)
    page = context.new_page()
    page.goto(box.url)

    expect(page.locator("#link")).to_have_text(told)
    expect(page.locator("#heard-politely")).to_have_text(told)


def test_a_screen_of_the_box_itself_keeps_its_link_without_a_network(visit: Visit, box: FakeBox) -> None:
    page = visit()
    again: list[str] = []
    page.on("websocket", lambda socket: again.append(socket.url))

    with page.expect_response("**/page/icon.svg"):
        page.evaluate("window.dispatchEvent(new Event('offline'))")

    box.push(ready(queue={"unbooked_rows": 1, "message": "1 opération à envoyer."}))
    expect(page.locator("#queue")).to_have_text("1 opération à envoyer.")
    assert again == []


def test_after_a_restart_the_page_shows_the_truth(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))
    page.keyboard.type("23,50")
    box.stop()
    expect(page.locator("body")).to_have_attribute("data-link", "lost")

    box.screen = ready(boot="boot-2", operations=[])
    box.start()

    expect(page.get_by_role("heading", name="Scannez une carte ou un chèque")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("Aucune opération pour l'instant.")).to_be_visible()
    expect(page.locator("#type-code")).to_be_enabled()


def test_yes_rises_and_no_is_low(visit: Visit, box: FakeBox, context: BrowserContext) -> None:
    context.add_init_script(LISTEN)
    page = visit()

    box.push(ready(presented=[card_read()]))
    expect(page.locator("#amount")).to_be_visible()
    assert heard(page) == []
    box.push(ready(presented=[card_read()], result=accepted()))
    expect(page.locator("#result")).to_be_visible()
    low, high = heard(page)
    box.push(ready(presented=[unclear_read(number=9)]))
    expect(page.locator("#refused")).to_be_visible()
    *_, buzz = heard(page)

    assert buzz < low < high


def test_a_number_sounds_once_and_never_at_a_reconnect(visit: Visit, box: FakeBox, context: BrowserContext) -> None:
    context.add_init_script(LISTEN)
    page = visit(ready(result=refused()))
    box.push(ready(result=refused(), queue={"unbooked_rows": 1, "message": "1 opération à envoyer."}))
    expect(page.locator("#queue")).to_have_text("1 opération à envoyer.")

    box.stop()
    expect(page.locator("body")).to_have_attribute("data-link", "lost")
    box.screen = ready(presented=[unclear_read(number=12)])
    box.start()
    expect(page.locator("#refused-title")).to_have_text("Code non accepté", timeout=20_000)

    assert heard(page) == []


def test_an_unpaired_screen_asks_for_the_pin(box: FakeBox, context: BrowserContext) -> None:
    box.paired = False
    page = context.new_page()
    page.goto(box.url)

    page.get_by_label("Code à 6 chiffres").fill("000000")
    page.keyboard.press("Enter")
    expect(page.locator("#pairing-notice")).to_have_text("Ce code n'est pas le bon.")
    page.get_by_label("Code à 6 chiffres").fill(PIN)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Scannez une carte ou un chèque")).to_be_visible()
    expect(page.locator("#pairing")).to_be_hidden()


def test_a_paired_screen_shows_how_to_add_another(visit: Visit) -> None:
    page = visit(view="box")

    page.get_by_role("button", name="Ajouter un écran").click()

    expect(page.get_by_role("dialog")).to_contain_text("http://192.168.1.20:8080/")
    expect(page.locator("#screen-pin")).to_have_text(PIN)
    expect(page.get_by_role("dialog")).to_contain_text("Valable 5 minutes")


def test_newer_files_are_loaded_once(visit: Visit, box: FakeBox) -> None:
    page = visit()
    box.fingerprint = "page-2"

    with page.expect_navigation():
        box.push(ready(page="page-2"))
    page.wait_for_selector("body[data-link=up]")
    page.evaluate("window.loaded = 'page-2'")
    box.push(ready(page="page-3", queue={"unbooked_rows": 1, "message": "1 opération à envoyer."}))
    expect(page.locator("#queue")).to_have_text("1 opération à envoyer.")

    assert page.evaluate("window.loaded") == "page-2"


def test_no_page_is_loaded_under_the_fingers(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))
    page.keyboard.type("23,50")

    box.push(
        ready(page="page-2", presented=[card_read()], queue={"unbooked_rows": 1, "message": "1 opération à envoyer."})
    )
    expect(page.locator("#queue")).to_have_text("1 opération à envoyer.")

    expect(page.locator("#amount")).to_have_value("23,50")


def test_a_silenced_browser_asks_for_one_touch(visit: Visit, context: BrowserContext) -> None:
    context.add_init_script(LISTEN.replace('"running"', '"suspended"', 1))
    page = visit()
    hint = page.get_by_role("button", name="Activer le son")
    expect(hint).to_be_visible()

    page.get_by_role("heading", level=1).click()

    expect(hint).to_be_hidden()


def test_offline_is_calm_and_work_goes_on(visit: Visit) -> None:
    message = "Hors ligne : continuez, tout est gardé et partira tout seul."
    page = visit(ready(presented=[voucher_read()], connection={"up": False, "message": message}))

    expect(page.locator("#status")).to_contain_text(message)
    expect(page.locator("#primary")).to_be_enabled()
