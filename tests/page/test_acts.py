"""What the shopkeeper does, before a box that sometimes doesn't answer: once, and said what becomes of it."""

from __future__ import annotations

from uuid import UUID

from playwright.sync_api import BrowserContext, Route, expect

from hardware_sim.programs import until
from tests.page.conftest import Visit, primary
from tests.page.fake_box import FakeBox
from tests.page.states import (
    EARN,
    SALE,
    accepted,
    card_read,
    ready,
    uncertain_print,
    unclear_read,
    voucher_read,
)

OPERATIONS = "/v1/operations"
LONGEST_PAUSE_MS = 4_000


def test_all_of_a_card_is_spent_in_cents_as_the_box_counts_them(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))

    page.get_by_role("button", name="Tout utiliser : 12,40 €").click()

    expect(page.locator("#spend-all")).to_be_enabled()
    assert box.done("POST", OPERATIONS)[0].body == {"kind": "redeem", "amount_minor": 1240, "presented": 7}


def test_a_voucher_leaves_nothing_to_choose(visit: Visit, box: FakeBox) -> None:
    page = visit()
    box.push(ready(presented=[voucher_read()]))

    expect(page.get_by_role("button", name="Encaisser 20,00 €")).to_be_focused()
    primary(page).keyboard.press("Enter")

    expect(page.locator("#primary")).to_be_enabled()
    assert box.done("POST", OPERATIONS)[0].body == {"kind": "redeem", "presented": 7}


def test_a_second_press_does_nothing_while_the_first_is_under_way(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[voucher_read()]))
    held: list[Route] = []
    page.route("**/v1/operations", lambda route: held.append(route))

    primary(page).locator("#primary").click()
    expect(page.locator("#primary")).to_be_disabled()
    page.keyboard.press("Enter")
    page.locator("#primary").dispatch_event("click")
    held[0].continue_()

    expect(page.locator("#primary")).to_be_enabled()
    assert (len(held), len(box.done("POST", OPERATIONS))) == (1, 1)


def test_a_lost_answer_is_asked_for_again_with_the_same_key(visit: Visit, box: FakeBox) -> None:
    page = visit(view="sell")
    lost: list[str] = []

    def lose_the_first(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.request.headers["idempotency-key"])
            route.fetch()
            route.abort()

    page.route("**/v1/operations", lose_the_first)
    page.get_by_role("radio", name="20,00 €").check()
    page.get_by_role("button", name="Vendre un chèque de 20,00 €").click()
    expect(page.get_by_role("button", name="Choisissez une valeur")).to_be_disabled()

    first, second = box.done("POST", OPERATIONS)
    sale = {"kind": "sell", "programme": "albret-voucher", "amount_minor": 2000, "training": False}
    assert first.body == second.body == sale
    assert first.key == second.key == lost[0]
    assert UUID(first.key).version == 4


def test_only_of_what_has_a_key_it_is_said_that_nothing_counts_twice(visit: Visit, context: BrowserContext) -> None:
    context.clock.install()
    page = visit(ready(presented=[voucher_read()]), view="day")
    page.route("**/v1/**", lambda route: route.abort())

    page.get_by_role("button", name="Clôturer la journée").click()
    page.get_by_role("button", name="Oui, clôturer").click()
    expect(page.locator("#day-notice")).to_have_text(
        "La caisse n'a pas répondu. Avant de recommencer, regardez si c'est déjà fait."
    )
    page.locator("a[href='#counter']").click()
    primary(page).locator("#primary:not([aria-disabled])").click()

    def has_given_up() -> bool:
        page.clock.fast_forward(LONGEST_PAUSE_MS)
        return bool(page.locator("#notice").text_content())

    until(has_given_up, what="the page to ask no more")
    expect(page.locator("#notice")).to_contain_text("rien ne comptera deux fois")


def test_two_sales_of_the_same_value_are_two(visit: Visit, box: FakeBox) -> None:
    page = visit(view="sell")

    for _ in range(2):
        page.get_by_role("radio", name="20,00 €").check()
        page.get_by_role("button", name="Vendre un chèque de 20,00 €").click()
        expect(page.get_by_role("button", name="Choisissez une valeur")).to_be_disabled()

    first, second = box.done("POST", OPERATIONS)
    assert first.key != second.key


def test_what_the_box_declines_is_said_in_place(visit: Visit, box: FakeBox) -> None:
    box.answers[OPERATIONS] = (
        409,
        {"title": "counter-changed", "detail": "Le comptoir a changé. Regardez, recommencez."},
    )
    page = visit(ready(presented=[voucher_read()]))

    primary(page).locator("#primary").click()

    expect(page.locator("#notice")).to_have_text("Le comptoir a changé. Regardez, recommencez.")
    expect(page.locator("#primary")).to_be_enabled()


def test_a_void_asks_once(visit: Visit, box: FakeBox) -> None:
    page = visit()
    page.locator("#operations-list button").nth(1).click()

    page.get_by_role("dialog").get_by_role("button", name="Annuler").click()
    expect(page.get_by_role("button", name="Non, ne rien changer")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert box.acts == []
    page.locator("#operations-list button").nth(1).click()
    page.get_by_role("dialog").get_by_role("button", name="Annuler").click()
    with page.expect_response("**/v1/operations"):
        page.get_by_role("button", name="Oui, annuler l'opération").click()

    (act,) = box.done("POST", OPERATIONS)
    assert act.body == {"kind": "void", "event": SALE, "training": False}
    assert act.key is not None


def test_printing_and_the_uncertain_ticket(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(result=accepted()))
    with page.expect_response("**/v1/prints"):
        page.locator("#after-print").click()
    box.push(ready(prints=[uncertain_print()]))

    with page.expect_response("**/v1/prints/3/answer"):
        page.get_by_role("region", name="Impressions").get_by_role("button", name="Non").click()

    assert box.done("POST", "/v1/prints")[0].body == {"event": EARN}
    assert box.done("POST", "/v1/prints/3/answer")[0].body == {"printed": False}


def test_the_day_closes_after_one_question(visit: Visit, box: FakeBox) -> None:
    page = visit(view="day")
    expect(page.locator("#day-owed")).to_have_text("24,50 €")

    page.get_by_role("button", name="Clôturer la journée").click()
    with page.expect_response("**/v1/day-closures"):
        page.get_by_role("button", name="Oui, clôturer").click()

    assert len(box.done("POST", "/v1/day-closures")) == 1


def test_who_was_declined_goes_on_from_the_same_button(visit: Visit, box: FakeBox) -> None:
    box.answers["/v1/day-closures"] = (409, {"title": "nothing-to-close", "detail": "Rien à clôturer."})
    page = visit(view="day")

    page.get_by_role("button", name="Clôturer la journée").click()
    page.get_by_role("button", name="Oui, clôturer").click()

    expect(page.locator("#day-notice")).to_have_text("Rien à clôturer.")
    expect(page.get_by_role("button", name="Clôturer la journée")).to_be_focused()


def test_training_is_started_on_purpose_and_says_so(visit: Visit, box: FakeBox) -> None:
    page = visit(view="box")
    box.show_after("/v1/training", ready(training=True))

    page.get_by_role("button", name="Commencer l'entraînement").click()
    page.get_by_role("button", name="Oui, commencer").click()

    expect(page.locator("#training")).to_have_text("ENTRAÎNEMENT – rien ne compte")
    expect(page.get_by_role("button", name="Revenir aux vraies opérations")).to_be_visible()
    assert box.done("PUT", "/v1/training")[0].body == {"on": True}


def test_a_code_is_typed_by_hand(visit: Visit, box: FakeBox) -> None:
    box.answers["/v1/scans"] = (200, unclear_read())
    page = visit()

    page.get_by_role("button", name="Taper un code").click()
    page.get_by_label("Code imprimé sur la carte ou le chèque").fill("3760123456789")
    page.keyboard.press("Enter")

    expect(page.locator("dialog[open]")).to_have_count(0)
    assert box.done("POST", "/v1/scans")[0].body == {"code": "3760123456789", "device": "page"}
