"""A receipt on the screen: what a phone reads in the picture is the text, to the letter."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from gateway.ereceipt import MOST_CHARACTERS, qr_svg, receipt_text
from gateway.receipts import ProgrammeName, Ticket
from gateway.views import Views
from programme.cloudevents import encode_event
from programme.events import ClockState, Counter, Event, Evidence, Redeemed
from tests.gateway.till import Till
from tests.gateway.world import NOON, VOUCHER

_PIXELS_PER_MODULE = 4


def read_svg(svg: bytes) -> str:
    """What a phone reads: the picture is painted from the SVG itself, then decoded by another library."""
    text = svg.decode()
    (side,) = {int(number) for number in re.findall(r'viewBox="0 0 (\d+) \d+"', text)}
    (path,) = re.findall(r'stroke="#000" d="M([^"]+)"', text)
    picture = np.full((side, side), 255, dtype=np.uint8)
    x, y = 0.0, 0.0
    for step, first, second in re.findall(r"(^|[mh])(-?[\d.]+)(?: (-?[\d.]+))?", path):
        if step == "h":
            picture[int(y), int(x) : int(x + float(first))] = 0
        x += float(first)
        y += float(second or 0)
    pixels = np.kron(picture, np.ones((_PIXELS_PER_MODULE, _PIXELS_PER_MODULE), dtype=np.uint8))
    (code,) = zxingcpp.read_barcodes(pixels, formats=zxingcpp.barcode_formats_from_str("QRCode"))
    return code.text


def earn(till: Till) -> str:
    till.http.post("/v1/scans", json={"code": till.box.central.card(1)})
    return str(till.operate(kind="earn", amount="23,50")["event_id"])


def receipt(till: Till, event_id: str, **given: Any) -> str:  # noqa: ANN401
    response = till.http.get(f"/v1/operations/{event_id}/receipt.svg", **given)
    assert (response.status_code, response.headers["content-type"]) == (200, "image/svg+xml")
    return read_svg(response.content)


def test_an_earn_says_shop_time_programme_amount_and_reference(till: Till) -> None:
    event_id = earn(till)

    assert receipt(till, event_id) == "\n".join(
        [
            "Librairie des Halles",
            "04/05/2026 12:00",
            "Carte de fidélité Albret",
            "1,18\u00a0€ gagnés.",
            f"Réf. {event_id}",
        ]
    )


def test_it_speaks_the_language_of_the_address_or_of_the_header(till: Till) -> None:
    event_id = earn(till)

    by_address = receipt(till, event_id, params={"language": "en"})
    by_header = receipt(till, event_id, headers={"Accept-Language": "en-GB"})

    assert by_address == by_header
    assert "€1.18 earned." in by_address


def test_a_spend_says_what_is_left(till: Till) -> None:
    till.box.central.approve(balance_minor=5_000)
    till.http.post("/v1/scans", json={"code": till.box.central.card(1)})
    event_id = till.operate(kind="redeem", amount="12,00")["event_id"]

    assert "12,00\u00a0€ encaissés.\nReste : 38,00\u00a0€\n" in receipt(till, event_id)


def test_a_sold_voucher_is_its_own_code_as_on_paper(till: Till) -> None:
    till.box.give_grant(7)
    event_id = till.operate(kind="sell", programme=VOUCHER, amount="20,00")["event_id"]

    assert receipt(till, event_id) == till.box.central.token(7)


def test_a_voided_sale_shows_its_code_no_more(till: Till) -> None:
    till.box.give_grant(7)
    event_id = till.operate(kind="sell", programme=VOUCHER, amount="20,00")["event_id"]
    till.operate(kind="void", event=event_id)

    assert till.http.get(f"/v1/operations/{event_id}/receipt.svg").status_code == 409
    till.http.post("/v1/day-closures")
    assert till.http.get(f"/v1/operations/{event_id}/receipt.svg").status_code == 409


@pytest.mark.parametrize(
    ("event_id", "status"), [("018f0000-0000-7000-8000-000000000000", 404), ("%3Csvg%20onload=x%3E", 422)]
)
def test_of_nothing_there_is_no_receipt(till: Till, event_id: str, status: int) -> None:
    assert till.http.get(f"/v1/operations/{event_id}/receipt.svg").status_code == status


def test_names_are_text_whatever_is_in_them() -> None:
    svg = qr_svg("<script>alert(1)</script>")

    assert b"script" not in svg
    assert read_svg(svg) == "<script>alert(1)</script>"


def largest_ticket(shop_name: str, programme_name: str) -> Ticket:
    """A spend in training, of the largest amount that is taken."""
    spend = Redeemed(
        programme="p",
        instrument="i" * 43,
        currency="EUR",
        amount_minor=100_000_000,
        counter=Counter(shop="s", till="1", business_day=NOON.date(), training=True),
        evidence=Evidence(rules_version=1, balance_minor=200_000_000),
    )
    event = Event(
        event_id=uuid7(), source="box-a", occurred_at=NOON, ordered_at=NOON, clock=ClockState.SYNCED, data=spend
    )
    return Ticket(
        event=encode_event(event).decode(),
        shop_name=shop_name,
        time_zone="Europe/Paris",
        programmes={"p": ProgrammeName(fr=programme_name, en=programme_name, currency="EUR")},
    )


@given(name=st.text(max_size=400))
def test_it_stays_short_and_each_thing_on_its_line_whatever_the_names_are(name: str) -> None:
    for language in ("fr", "en"):
        text = receipt_text(largest_ticket(name, "x" * 60), Views(language=language))
        assert len(text) <= MOST_CHARACTERS
        assert len(text.splitlines()) == 6
