"""Pairing a screen of the shop's network by a PIN."""

from __future__ import annotations

import stat

import pytest

from edge_config.settings import ApiSettings
from gateway.errors import CounterError, SetUpFault
from gateway.pairing import PIN_LIVES_S, SCREENS, TRIES, TRIES_PER_ADDRESS, Pairing
from tests.gateway.till import Http, Till
from tests.gateway.world import Box, FakeClock

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


def test_a_damaged_list_is_told(box: Box) -> None:
    (box.folder / SCREENS).write_text("{")

    with pytest.raises(SetUpFault, match="remove it"):
        pairing_of(box)


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
