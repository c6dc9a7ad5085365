"""Pairing a screen of the shop's network by a PIN."""

from __future__ import annotations

import asyncio
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from drivers.escpos.compose import PAPER_58_MM, Line, Receipt, compose
from edge_config.settings import ApiSettings
from gateway.errors import CounterError
from gateway.pairing import MOST_SCREENS, PIN_LIVES_S, SCREENS, TRIES, TRIES_PER_ADDRESS, Pairing
from gateway.server import bind
from tests.gateway.till import Http, Till
from tests.gateway.world import NOON, Box, FakeClock

TABLET = "192.168.1.31"


def pairing_of(box: Box, clock: FakeClock | None = None) -> Pairing:
    used = clock or box.clock
    return Pairing(box.folder, now=used.now, monotonic_s=lambda: used.elapsed_us() / 1_000_000)


def another(pin: str) -> str:
    return "000001" if pin == "000000" else "000000"


def test_the_pin_on_offer_lets_one_screen_in_and_is_remembered(box: Box) -> None:
    pairing = pairing_of(box)
    pin = pairing.offer()

    cookie = pairing.pair(pin, address=TABLET)

    assert pairing_of(box).is_paired(cookie)
    assert not pairing.is_paired(cookie + "x")
    with pytest.raises(CounterError, match="PIN"):
        pairing.pair(pin, address=TABLET)


def test_what_is_kept_opens_nothing(box: Box) -> None:
    pairing = pairing_of(box)
    cookie = pairing.pair(pairing.offer(), address=TABLET)

    kept = box.folder / SCREENS

    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert cookie not in kept.read_text()


def test_a_pin_ends(box: Box) -> None:
    pairing = pairing_of(box)
    pin = pairing.offer()
    box.clock.elapsed += PIN_LIVES_S * 1_000_000

    with pytest.raises(CounterError):
        pairing.pair(pin, address=TABLET)


def test_a_new_pin_ends_the_one_before(box: Box) -> None:
    pairing = pairing_of(box)
    first, second = pairing.offer(), pairing.offer()

    if first != second:
        with pytest.raises(CounterError):
            pairing.pair(first, address=TABLET)
    assert pairing.pair(second, address=TABLET)


def test_a_thousand_wrong_pins_reach_only_twenty_tries_and_lock_nobody_else_out(box: Box) -> None:
    pairing = pairing_of(box)
    pin = pairing.offer()

    kinds = []
    for number in range(1_000):
        with pytest.raises(CounterError) as refused:
            pairing.pair(another(pin), address=f"192.168.1.{number % 3}")
        kinds.append(refused.value.problem.value)

    assert kinds.count("wrong-pin") == 3 * TRIES_PER_ADDRESS < TRIES
    assert pairing.pair(pin, address=TABLET)


def test_no_number_of_addresses_gets_more_tries(box: Box) -> None:
    pairing = pairing_of(box)
    pin = pairing.offer()

    for number in range(TRIES):
        with pytest.raises(CounterError):
            pairing.pair(another(pin), address=f"10.0.0.{number}")

    with pytest.raises(CounterError) as refused:
        pairing.pair(pin, address=TABLET)
    assert refused.value.problem.value == "too-many-pins"


def test_a_screen_is_let_in_no_more(box: Box) -> None:
    pairing = pairing_of(box)
    cookie = pairing.pair(pairing.offer(), address=TABLET)
    (screen,) = pairing.screens

    pairing.revoke(screen.screen)

    assert not pairing.is_paired(cookie)
    assert pairing_of(box).screens == ()


@pytest.mark.parametrize("damaged", [b"{", b"\xff", b"[{}]", b"null"])
def test_a_damaged_list_lets_nobody_in_and_stops_nothing(box: Box, damaged: bytes) -> None:
    (box.folder / SCREENS).write_bytes(damaged)
    pairing = pairing_of(box)

    assert pairing.screens == ()
    cookie = pairing.pair(pairing.offer(), address=TABLET)
    assert pairing_of(box).is_paired(cookie)


def test_screens_are_listed_with_their_name_and_when_they_were_last_seen(box: Box) -> None:
    pairing = pairing_of(box)
    cookie = pairing.pair(pairing.offer(), address=TABLET, name="Tablette du comptoir")
    pairing.pair(pairing.offer(), address="192.168.1.32")
    box.clock.go_to(NOON + timedelta(hours=5))

    pairing.saw(cookie)

    kept = {screen.name: (screen.paired_at, screen.seen_at) for screen in pairing_of(box).screens}
    assert kept == {"Tablette du comptoir": (NOON, NOON + timedelta(hours=5)), "192.168.1.32": (NOON, NOON)}


def test_a_call_is_noted_on_the_disk_once_an_hour_at_most(box: Box) -> None:
    pairing = pairing_of(box)
    cookie = pairing.pair(pairing.offer(), address=TABLET)
    (box.folder / SCREENS).unlink()
    box.clock.go_to(NOON + timedelta(minutes=59))

    pairing.saw(cookie)

    assert not (box.folder / SCREENS).exists()


def test_a_screen_is_served_though_its_call_can_not_be_noted(box: Box, tmp_path: Path) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    pairing = Pairing(folder, now=box.clock.now, monotonic_s=lambda: 0.0)
    cookie = pairing.pair(pairing.offer(), address=TABLET)
    (folder / SCREENS).unlink()
    folder.rmdir()
    box.clock.go_to(NOON + timedelta(days=1))

    pairing.saw(cookie)

    assert pairing.is_paired(cookie)
    with pytest.raises(CounterError) as refused:
        pairing.pair(pairing.offer(), address=TABLET)
    assert refused.value.problem.value == "disk-full"


def test_the_screen_that_was_away_longest_makes_room(box: Box) -> None:
    pairing = pairing_of(box)
    cookies = [pairing.pair(pairing.offer(), address=TABLET) for _ in range(MOST_SCREENS)]
    box.clock.go_to(NOON + timedelta(days=1))
    pairing.saw(cookies[0])

    pairing.pair(pairing.offer(), address=TABLET)

    assert pairing.is_paired(cookies[0])
    assert not pairing.is_paired(cookies[1])
    assert len(pairing.screens) == MOST_SCREENS


def test_waiting_for_a_screens_end_ends_when_it_is_revoked_and_not_when_another_is(box: Box) -> None:
    async def story() -> None:
        pairing = pairing_of(box)
        here, there = (pairing.pair(pairing.offer(), address=TABLET, name=name) for name in ("here", "there"))
        ids = {screen.name: screen.screen for screen in pairing.screens}
        waiting = asyncio.ensure_future(pairing.until_revoked(here))
        await asyncio.sleep(0)
        pairing.revoke(ids["there"])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        pairing.revoke(ids["here"])
        await waiting
        assert not pairing.is_paired(there)

    asyncio.run(story())


def test_a_thousand_wrong_pins_over_the_network_are_told_when_to_come_back(box: Box) -> None:
    till = Till(box, settings=ApiSettings(host="192.168.1.20"))
    stranger = Http(till.api, address="192.168.1.66", url="http://192.168.1.20:8787")
    tablet = Http(till.api, address=TABLET, url="http://192.168.1.20:8787")
    pin = till.pairing.offer()

    answers = stranger.post_often(1_000, "/v1/pairing", json={"pin": another(pin)})

    assert [answer.status_code for answer in answers] == [403] * TRIES_PER_ADDRESS + [429] * (1_000 - TRIES_PER_ADDRESS)
    assert answers[-1].headers["Retry-After"] == str(PIN_LIVES_S)
    assert answers[-1].json()["title"] == "too-many-pins"
    # Not even the right one helps the stranger now, while the shopkeeper's tablet gets in.
    assert stranger.post("/v1/pairing", json={"pin": pin}).status_code == 429
    assert tablet.post("/v1/pairing", json={"pin": pin}).status_code == 204


def test_html_in_a_screens_name_stays_text(box: Box) -> None:
    till = Till(box, settings=ApiSettings(host="192.168.1.20"))
    tablet = Http(till.api, address=TABLET, url="http://192.168.1.20:8787")
    name = "<img src=x>\n\u202e"

    tablet.post("/v1/pairing", json={"pin": till.pairing.offer(), "name": name})
    listed = till.http.get("/v1/pairing")

    assert listed.headers["content-type"] == "application/json"
    assert listed.json()["paired"] is True
    assert [screen["name"] for screen in listed.json()["screens"]] == ["<img src=x> \u202e"]
    assert "\n" not in listed.text


def test_a_stranger_is_told_only_that_it_is_not_paired(box: Box) -> None:
    till = Till(box, settings=ApiSettings(host="192.168.1.20"))
    till.pairing.pair(till.pairing.offer(), address=TABLET)
    stranger = Http(till.api, address="192.168.1.66", url="http://192.168.1.20:8787")

    assert stranger.get("/v1/pairing").json() == {"paired": False, "screens": []}


def test_a_revoked_screen_gets_nothing_more(box: Box) -> None:
    till = Till(box, settings=ApiSettings(host="192.168.1.20"))
    tablet = Http(till.api, address=TABLET, url="http://192.168.1.20:8787")
    answer = tablet.post("/v1/pairing", json={"pin": till.pairing.offer()})
    cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    (screen,) = tablet.get("/v1/pairing", headers=cookie).json()["screens"]
    assert screen["here"] is True
    assert till.get("/v1/pairing")["screens"] == [screen | {"here": False}]

    assert tablet.call("DELETE", f"/v1/pairing/screens/{screen['id']}").status_code == 401
    assert till.http.call("DELETE", f"/v1/pairing/screens/{screen['id']}").status_code == 204

    assert tablet.get("/v1/screen", headers=cookie).status_code == 401
    assert tablet.post("/v1/pairing/offers", headers=cookie).status_code == 401
    assert tablet.get("/v1/pairing", headers=cookie).json()["paired"] is False


class PaperRoll:
    """A printer that keeps what was printed, or is out of paper."""

    def __init__(self, *, prints: bool) -> None:
        self.slips: list[Receipt] = []
        self._prints = prints

    async def print_slip(self, receipt: Receipt) -> bool:
        self.slips.append(receipt)
        return self._prints


@pytest.mark.parametrize("prints", [True, False])
def test_a_pin_is_shown_and_printed_where_somebody_wants_it_on_paper(box: Box, prints: bool) -> None:
    paper = PaperRoll(prints=prints)
    with bind(ApiSettings(host="0.0.0.0", port=0)) as listener:
        till = Till(box, settings=ApiSettings(host="0.0.0.0"), slips=paper, listener=listener)
        offer = till.http.post("/v1/pairing/offers", params={"print": "true"}).json()
        till.http.post("/v1/pairing/offers")

    (slip,) = paper.slips
    words = [element.text for element in slip.elements if isinstance(element, Line)]
    assert offer["printed"] is prints
    assert offer["pin"] in words
    assert offer["url"] in words
    assert compose(slip, PAPER_58_MM)


def test_without_a_printer_no_pin_is_printed(till: Till) -> None:
    refused = till.http.post("/v1/pairing/offers", params={"print": "true"})

    assert (refused.status_code, refused.json()["title"]) == (422, "no-printer")


def test_a_tablet_pairs_itself_and_works(box: Box) -> None:
    till = Till(box, settings=ApiSettings(host="192.168.1.20"))
    tablet = Http(till.api, address=TABLET, url="http://192.168.1.20:8787")
    pin = till.pairing.offer()

    answer = tablet.post("/v1/pairing", json={"pin": f" {pin} "})
    cookie = answer.headers["set-cookie"]

    assert answer.status_code == 204
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert tablet.get("/v1/screen").status_code == 401
    assert tablet.get("/v1/screen", headers={"Cookie": cookie.partition(";")[0]}).status_code == 200


def test_a_wrong_pin_is_told_in_words(box: Box) -> None:
    till = Till(box, settings=ApiSettings(host="192.168.1.20"))
    tablet = Http(till.api, address=TABLET, url="http://192.168.1.20:8787")
    pin = till.pairing.offer()

    refused = tablet.post("/v1/pairing", json={"pin": another(pin)}, headers={"Accept-Language": "fr"})
    unreadable = tablet.post("/v1/pairing", json={"pin": "<b>"})

    assert (refused.status_code, refused.json()["title"]) == (403, "wrong-pin")
    assert refused.json()["detail"].startswith("Ce code n'est pas le bon")
    assert unreadable.status_code == 422


def test_a_box_on_loopback_says_who_must_open_it(till: Till) -> None:
    refused = till.http.post("/v1/pairing/offers")

    assert (refused.status_code, refused.json()["title"]) == (409, "loopback-only")
