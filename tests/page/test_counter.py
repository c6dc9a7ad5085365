"""What lies on the counter, as the page shows it."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.page.conftest import Visit, primary
from tests.page.fake_box import FakeBox
from tests.page.states import (
    EARN,
    JSON,
    SALE,
    accepted,
    card_read,
    operation,
    ready,
    refused,
    used_voucher_read,
    voucher_read,
)

OPERATIONS = "/v1/operations"
LONGEST_PAUSE_MS = 4_000


def test_where_one_value_is_left_it_is_chosen(visit: Visit) -> None:
    (_, voucher) = ready()["programmes"]
    page = visit(ready(programmes=[voucher | {"consigned": {"5000": 1}}]), view="sell")

    expect(page.get_by_role("button", name="Vendre un chèque de 50,00 €")).to_be_enabled()


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


def test_after_a_sale_the_card_of_the_customer_before_is_not_offered(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()], result=accepted()))
    going_on = page.get_by_role("button", name="Continuer avec cette carte")
    expect(going_on).to_be_visible()

    box.push(ready(presented=[card_read()], result=accepted(number=9, kind="sell", event_id=SALE)))

    expect(page.locator("#result-title")).to_have_text("Vendu")
    expect(going_on).to_be_hidden()


def test_after_a_refusal_one_goes_back_to_the_card(visit: Visit, box: FakeBox) -> None:
    page = visit(ready(presented=[card_read()], result=refused()))
    box.show_after("/v1/counter/result", ready(presented=[card_read()]))

    expect(page.locator("#refused-reason")).to_have_text("Solde insuffisant : 12,40 € disponibles.")
    page.get_by_role("button", name="Revenir à la carte").click()

    expect(page.locator("#amount")).to_be_visible()


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
    box.show_after(OPERATIONS, ready(result=accepted(kind="redeem", amount="20,00 €")))

    primary(first).locator("#primary").click()

    for page in (first, second):
        expect(page.locator("#result-amount")).to_have_text("20,00 €")
    assert len(context.pages) == 2
