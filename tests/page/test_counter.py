"""What a shopkeeper does at the counter, with keys, a finger, and a box that sometimes doesn't answer."""

from __future__ import annotations

from uuid import UUID

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from hardware_sim.programs import until
from tests.page.conftest import Visit
from tests.page.fake_box import Act, FakeBox
from tests.page.states import (
    EARN,
    JSON,
    SALE,
    accepted,
    card_read,
    operation,
    ready,
    refused,
    uncertain_print,
    unclear_read,
    used_voucher_read,
    voucher_read,
)

OPERATIONS = "/v1/operations"
LONGEST_PAUSE_MS = 4_000


def primary(page: Page) -> Page:
    """The page, once its primary button can be pressed."""
    expect(page.locator("#primary")).to_be_enabled()
    return page


def answer_with(box: FakeBox, screen: dict[str, object], *, to: str = OPERATIONS) -> None:
    """Show a state as soon as an act was asked for."""

    def after(act: Act) -> None:
        if act.path == to:
            box.push(screen)

    box.after = after


def test_a_basket_is_typed_anywhere_and_confirmed_with_enter(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))
    answer_with(box, ready(presented=[card_read()], result=accepted()))
    page.locator("#language").focus()

    page.keyboard.type("23,5")
    expect(page.get_by_role("button", name="Créditer sur 23,50 €")).to_be_enabled()
    page.keyboard.press("Enter")

    expect(page.locator("#result-amount")).to_have_text("1,18 €")
    (act,) = box.done("POST", OPERATIONS)
    assert act.body == {"kind": "earn", "amount": "23,50", "presented": 7}
    assert act.key == card_read()["key"]


def test_a_finger_is_enough(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))

    for key in ("1", "2", "virgule", "3", "Effacer un chiffre", "5"):
        page.get_by_role("button", name=key, exact=True).click()
    page.get_by_role("button", name="Utiliser 12,50 €").click()

    expect(page.locator("#primary")).to_be_enabled()
    assert box.done("POST", OPERATIONS)[0].body == {"kind": "redeem", "amount": "12,50", "presented": 7}


def test_all_of_a_card_is_spent_in_cents_as_the_box_counts_them(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))

    page.get_by_role("button", name="Tout utiliser : 12,40 €").click()

    expect(page.locator("#spend-all")).to_be_enabled()
    assert box.done("POST", OPERATIONS)[0].body == {"kind": "redeem", "amount_minor": 1240, "presented": 7}


def test_without_an_amount_nothing_can_be_confirmed(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))

    for typed in ("", "0", "0,00", "abc"):
        page.locator("#amount").fill(typed)
        expect(page.locator("#primary")).to_be_disabled()
        page.keyboard.press("Enter")

    assert box.acts == []


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


def test_where_one_value_is_left_it_is_chosen(visit: Visit) -> None:
    (_, voucher) = ready()["programmes"]
    page = visit(ready(programmes=[voucher | {"consigned": {"5000": 1}}]), view="sell")

    expect(page.get_by_role("button", name="Vendre un chèque de 50,00 €")).to_be_enabled()


def test_what_the_box_declines_is_said_in_place(visit: Visit, box: FakeBox) -> None:
    box.answers[OPERATIONS] = (
        409,
        {"title": "counter-changed", "detail": "Le comptoir a changé. Regardez, recommencez."},
    )
    page = visit(ready(presented=[voucher_read()]))

    primary(page).locator("#primary").click()

    expect(page.locator("#notice")).to_have_text("Le comptoir a changé. Regardez, recommencez.")
    expect(page.locator("#primary")).to_be_enabled()


def test_html_in_codes_and_names_is_shown_as_text(visit: Visit) -> None:
    name = "<img src=x onerror=alert(1)><b>Carte</b>"
    page = visit(
        ready(
            shop={"name": name, "till": "t", "device": "d"},
            presented=[voucher_read(programme_name=name)],
            operations=[operation(EARN, "earn", "1 €", name, programme_name=name)],
        )
    )

    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator("#voucher-name")).to_have_text(name)
    expect(page.locator("#operations-list")).to_contain_text(name)
    assert page.locator("b, img[src=x]").count() == 0


def test_the_steps_fill_as_the_operation_goes_its_way(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(result=accepted(stage="recorded")))
    done = page.locator("#result-steps .done")
    expect(done).to_have_count(1)

    box.push(ready(result=accepted(stage="sent")))
    expect(done).to_have_count(2)
    box.push(ready(result=accepted(stage="booked")))

    expect(done).to_have_count(3)
    expect(page.locator("#result-steps li")).to_have_text(
        ["✓Enregistré (fait)", "✓Envoyé (fait)", "✓Comptabilisé (fait)"]
    )


def test_a_scan_brings_every_view_back_to_the_counter_and_closes_windows(visit: Visit, box: FakeBox) -> None:
    page = visit(view="day")
    page.get_by_role("button", name="Clôturer la journée").click()

    box.push(ready(presented=[card_read()]))

    expect(page.locator("#amount")).to_be_focused()
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert box.acts == []


def test_what_was_typed_for_one_card_never_goes_to_the_next(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))
    page.keyboard.type("23,50")

    box.push(ready(presented=[card_read(number=8)]))

    expect(page.locator("#amount")).to_have_value("")


@pytest.mark.parametrize(
    ("result", "kind"), [(accepted(aside=True), "soft"), (refused(aside=True), "notice")], ids=["yes", "no"]
)
def test_how_the_operation_before_ended_hides_no_other_card(
    visit: Visit, box: FakeBox, result: JSON, kind: str
) -> None:
    page = visit(ready(presented=[card_read()]))
    page.keyboard.type("23,50")

    box.push(ready(presented=[card_read()], result=result))

    expect(page.locator("#aside")).to_have_text(f"Opération précédente : {result['message']}")
    expect(page.locator("#aside")).to_have_class(kind)
    expect(page.locator("#amount")).to_have_value("23,50")
    expect(page.locator("#card")).to_be_visible()


def test_what_is_typed_survives_news_of_something_else(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))
    page.keyboard.type("23,5")

    box.push(ready(presented=[card_read()], queue={"unbooked_rows": 3, "message": "3 opérations à envoyer."}))
    expect(page.locator("#queue")).to_have_text("3 opérations à envoyer.")
    page.keyboard.type("5")

    expect(page.locator("#amount")).to_have_value("23,55")


def test_escape_clears_the_counter(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))
    answer_with(box, ready(), to="/v1/counter")

    page.keyboard.press("Escape")

    expect(page.get_by_role("heading", name="Scannez une carte ou un chèque")).to_be_visible()
    (act,) = box.done("DELETE", "/v1/counter")
    assert act.query == {"boot": ready()["boot"], "up_to": "7"}  # the next customer's card stays, however late it comes


@pytest.mark.parametrize("view", ["sell", "day", "box"])
def test_escape_leads_back_to_the_counter_from_elsewhere_and_clears_nothing(
    visit: Visit, box: FakeBox, view: str
) -> None:
    page = visit(ready(presented=[card_read()]), view=view)

    page.keyboard.press("Escape")

    expect(page.locator("#card")).to_be_visible()
    assert box.acts == []


def test_after_a_sale_the_card_of_the_customer_before_is_not_offered(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()], result=accepted()))
    going_on = page.get_by_role("button", name="Continuer avec cette carte")
    expect(going_on).to_be_visible()

    box.push(ready(presented=[card_read()], result=accepted(number=9, kind="sell", event_id=SALE)))

    expect(page.locator("#result-title")).to_have_text("Vendu")
    expect(going_on).to_be_hidden()


def test_after_a_refusal_one_goes_back_to_the_card(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()], result=refused()))
    answer_with(box, ready(presented=[card_read()]), to="/v1/counter/result")

    expect(page.locator("#refused-reason")).to_have_text("Solde insuffisant : 12,40 € disponibles.")
    page.get_by_role("button", name="Revenir à la carte").click()

    expect(page.locator("#amount")).to_be_visible()


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


def test_a_voided_operation_offers_no_second_void(visit: Visit) -> None:
    page = visit()

    page.locator("#operations-list button").nth(2).click()

    expect(page.get_by_role("dialog")).to_contain_text("Annulée")
    expect(page.locator("#operation-void")).to_be_hidden()


def test_printing_and_the_uncertain_ticket(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(result=accepted()))
    with page.expect_response("**/v1/prints"):
        page.locator("#after-print").click()
    box.push(ready(prints=[uncertain_print()]))

    with page.expect_response("**/v1/prints/3/answer"):
        page.get_by_role("region", name="Impressions").get_by_role("button", name="Non").click()

    assert box.done("POST", "/v1/prints")[0].body == {"event": EARN}
    assert box.done("POST", "/v1/prints/3/answer")[0].body == {"printed": False}


def test_the_receipt_is_a_code_on_the_screen(visit: Visit) -> None:
    page = visit(ready(result=accepted()))

    page.get_by_role("button", name="Reçu QR").click()

    code = page.get_by_role("img", name="Code QR du reçu")
    expect(code).to_be_visible()
    until(lambda: code.evaluate("code => code.naturalWidth"), what="the code to be drawn")


def test_the_day_closes_after_one_question(visit: Visit, box: FakeBox) -> None:
    page = visit(view="day")
    expect(page.locator("#day-owed")).to_have_text("24,50 €")

    page.get_by_role("button", name="Clôturer la journée").click()
    with page.expect_response("**/v1/day-closures"):
        page.get_by_role("button", name="Oui, clôturer").click()

    assert len(box.done("POST", "/v1/day-closures")) == 1


def test_training_is_started_on_purpose_and_says_so(visit: Visit, box: FakeBox) -> None:
    page = visit(view="box")
    answer_with(box, ready(training=True), to="/v1/training")

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


def test_the_other_language_is_one_touch_away_and_stays(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()]))
    asked: list[str] = []
    page.on("websocket", lambda socket: asked.append(socket.url))
    box.screen = ready(language="en", presented=[card_read(balance="€12.40")])

    page.get_by_role("button", name="English").click()
    page.keyboard.type("1234.5")
    expect(page.get_by_role("button", name="Credit on €1,234.50")).to_be_visible()
    page.reload()

    expect(page.get_by_text("Balance")).to_be_visible()
    assert len(asked) == 2
    assert all(url.endswith("?language=en") for url in asked)
    assert page.locator("html").get_attribute("lang") == "en"


def test_what_is_said_to_a_screen_reader(visit: Visit, box: FakeBox) -> None:
    page = visit()

    box.push(ready(presented=[card_read()]))
    expect(page.locator("#heard-politely")).to_have_text("Carte d'Albret : 12,40 € disponibles.")
    box.push(ready(presented=[used_voucher_read(number=8)]))

    expect(page.locator("#heard-now")).to_contain_text("Déjà utilisé le 3 mai")


def test_two_screens_show_the_same(visit: Visit, box: FakeBox, context: BrowserContext) -> None:
    first, second = visit(ready(presented=[voucher_read()])), visit()
    answer_with(box, ready(result=accepted(kind="redeem", amount="20,00 €")))

    primary(first).locator("#primary").click()

    for page in (first, second):
        expect(page.locator("#result-amount")).to_have_text("20,00 €")
    assert len(context.pages) == 2
