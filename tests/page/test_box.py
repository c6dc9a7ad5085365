"""The box's own view: the screens that may use the counter, and what its camera sees."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from hardware_sim.programs import until
from tests.page.conftest import Visit
from tests.page.fake_box import FakeBox
from tests.page.states import card_read, paired_screens, ready

NOT_OPEN = "Cette caisse n'est pas ouverte au réseau du commerce. L'installateur peut l'ouvrir : appelez-le."


def screens(page: Page) -> list[str]:
    return page.locator("#screens-list strong").all_inner_texts()


def with_camera(*, ready_again: bool) -> dict[str, object]:
    message = "Prêt." if ready_again else "Absent : vérifiez le câble et l'interrupteur. Reprend tout seul."
    return ready(devices=[{"name": "plafond", "kind": "camera", "ready": ready_again, "message": message}])


def test_paired_screens_are_listed_and_the_own_one_is_told(visit: Visit, box: FakeBox) -> None:
    page = visit(view="box")

    expect(page.locator("#screens-list li")).to_have_text(
        [
            "192.168.1.31relié le 3 mai 2026, vu le 24 novembre 2026Retirer",
            "Tablette du comptoir (cet écran)relié le 3 mai 2026, vu le 24 novembre 2026Retirer",
        ]
    )
    box.screen = ready(language="en")
    page.get_by_role("button", name="English").click()
    expect(page.locator("#screens-list li").first).to_contain_text("paired on May 3, 2026, seen on November 24, 2026")


def test_a_screen_is_revoked_by_keyboard_and_asks_once(visit: Visit, box: FakeBox) -> None:
    page = visit(view="box")
    expect(page.locator("#screens-list li")).to_have_count(2)
    page.locator("#training-switch").focus()

    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Retirer 192.168.1.31")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("« 192.168.1.31 » ne pourra plus servir le comptoir.")
    page.keyboard.press("Escape")
    assert box.acts == []
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Oui, le retirer")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#screens-list li")).to_have_count(1)
    expect(page.get_by_role("button", name="Ajouter un écran")).to_be_focused()
    assert screens(page) == ["Tablette du comptoir"]
    assert [(act.method, act.path) for act in box.acts] == [("DELETE", "/v1/pairing/screens/a1")]


def test_revoking_the_own_screen_is_said_before(visit: Visit) -> None:
    page = visit(view="box")

    page.get_by_role("button", name="Retirer Tablette du comptoir").click()

    expect(page.get_by_role("dialog")).to_contain_text("C'est l'écran devant vous")


def test_a_name_with_html_is_text(visit: Visit, box: FakeBox) -> None:
    box.screens = [box.screens[0] | {"name": "<img src=x onerror=alert(1)>"}]
    page = visit(view="box")

    expect(page.locator("#screens-list strong")).to_have_text("<img src=x onerror=alert(1)>")


def test_without_another_screen_the_list_says_so(visit: Visit, box: FakeBox) -> None:
    box.screens = []
    page = visit(view="box")

    expect(page.locator("#screens-list")).to_have_text("Aucun autre écran n'est relié.")


def test_a_box_that_is_not_open_to_the_network_says_so_beside_the_button(visit: Visit, box: FakeBox) -> None:
    box.answers["/v1/pairing/offers"] = (409, {"title": "loopback-only", "detail": NOT_OPEN})
    page = visit(view="box")

    page.get_by_role("button", name="Ajouter un écran").click()
    expect(page.locator("#screens-notice")).to_have_text(NOT_OPEN)
    expect(page.locator("dialog[open]")).to_have_count(0)

    page.locator("a[href='#day']").click()
    page.locator("a[href='#box']").click()
    expect(page.locator("#screens-notice")).to_be_hidden()


def test_a_new_screen_is_in_the_list_once_the_window_closes(visit: Visit, box: FakeBox) -> None:
    box.screens = []
    page = visit(view="box")
    page.get_by_role("button", name="Ajouter un écran").click()
    box.screens = paired_screens()[:1]

    page.get_by_role("dialog").get_by_role("button", name="Fermer").click()

    expect(page.locator("#screens-list strong")).to_have_text("192.168.1.31")


def until_lookers(box: FakeBox, count: int) -> None:
    until(lambda: box.lookers == count, what=f"{count} to look through the camera")


def test_the_camera_films_only_while_its_window_is_open(visit: Visit, box: FakeBox) -> None:
    page = visit(view="box")
    assert box.lookers == 0

    for _ in range(2):
        page.get_by_role("button", name="Voir l'image").press("Enter")
        expect(page.get_by_role("img", name="Ce que voit la caméra")).to_be_visible()
        assert page.locator("#camera-film").evaluate("film => film.naturalWidth") == 64
        assert box.lookers == 1
        page.keyboard.press("Escape")
        until_lookers(box, 0)
        expect(page.get_by_role("button", name="Voir l'image")).to_be_focused()


def test_a_code_that_was_read_closes_the_cameras_window(visit: Visit, box: FakeBox) -> None:
    page = visit(view="box")
    page.get_by_role("button", name="Voir l'image").click()
    until_lookers(box, 1)

    box.push(ready(presented=[card_read()]))

    expect(page.locator("#amount")).to_be_focused()
    until_lookers(box, 0)


def test_a_camera_that_goes_is_said_and_looked_through_again(visit: Visit, box: FakeBox) -> None:
    page = visit(with_camera(ready_again=True), view="box")
    page.get_by_role("button", name="Voir l'image").click()
    until_lookers(box, 1)

    box.push(with_camera(ready_again=False))
    expect(page.locator("#camera-notice")).to_contain_text("Absent : vérifiez le câble")
    until_lookers(box, 0)
    box.push(with_camera(ready_again=True))

    expect(page.locator("#camera-notice")).to_be_hidden()
    until_lookers(box, 1)


def test_a_picture_that_does_not_come_is_said(visit: Visit) -> None:
    page = visit(view="box")
    page.route("**/preview", lambda route: route.fulfill(status=503, json={"title": "too-many-watchers"}))

    page.get_by_role("button", name="Voir l'image").click()

    expect(page.locator("#camera-notice")).to_have_text("L'image n'a pas pu être affichée. Fermez, puis réessayez.")
