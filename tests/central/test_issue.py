"""Instruments: in the registry with a token that verifies, and consigned where a box will sell them."""

from __future__ import annotations

import pytest

from central import issue
from central.errors import CommandError
from central.issue import Issued, Order
from central.store import instruments
from programme.codes import CodeBook
from programme.registry import InstrumentStatus, RegistryEntry
from programme.tokens import Token
from tests.central.world import CARD, VOUCHER, Box, Centre


def entry(centre: Centre, programme: str, instrument: str) -> RegistryEntry:
    with centre.workshop.read() as work:
        found = instruments.entry(work.db, (programme, instrument))
    assert found is not None
    return found


def resolve(centre: Centre, issued: Issued) -> Token:
    """Read the code as a box would, and find the same instrument."""
    assert issued.token is not None
    with centre.workshop.read() as work:
        book = CodeBook(
            rules=work.newest_rules(),
            reference_keys=work.keys.references,
            token_keys={b"1": work.keys.token.public_key()},
        )
    code = book.resolve(issued.token)
    assert code.instrument == issued.instrument
    assert code.token is not None
    return code.token


def test_a_card_starts_empty_and_active(centre: Centre) -> None:
    (issued,) = issue.issue(centre.workshop, Order(programme=CARD, count=1))

    assert entry(centre, CARD, issued.instrument) == RegistryEntry(
        instrument=issued.instrument, status=InstrumentStatus.ACTIVE
    )
    token = resolve(centre, issued)
    assert (token.face_minor, token.activation_required, token.expires_at) == (0, False, None)


def test_a_consigned_voucher_is_worthless_until_sold(centre: Centre, box_a: Box) -> None:
    order = Order(programme=VOUCHER, count=1, face_minor=2_000, consign_to=box_a.device)
    (issued,) = issue.issue(centre.workshop, order)

    found = entry(centre, VOUCHER, issued.instrument)
    assert (found.status, found.balance_minor, found.face_minor) == (InstrumentStatus.CONSIGNED, 0, 2_000)
    token = resolve(centre, issued)
    assert (token.face_minor, token.activation_required, token.expires_at) == (2_000, True, found.expires_at)
    assert centre.balances() == {}


def test_a_gift_is_worth_its_value_at_once_and_owed_by_the_issuer(centre: Centre) -> None:
    (issued,) = issue.issue(centre.workshop, Order(programme=VOUCHER, count=1, face_minor=2_000, is_gift=True))

    assert entry(centre, VOUCHER, issued.instrument).status is InstrumentStatus.ACTIVE
    assert not resolve(centre, issued).activation_required
    assert centre.balances() == {"holders": 2_000, "issuer": -2_000}


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (Order(programme="no-such", count=1), "no programme no-such"),
        (Order(programme=CARD, count=0), "--count"),
        (Order(programme=CARD, count=1_000_000), "--count"),
        (Order(programme=CARD, count=1, face_minor=2_000), "card programme"),
        (Order(programme=CARD, count=1, consign_to="box-a"), "card programme"),
        (Order(programme=VOUCHER, count=1, is_gift=True), "--face"),
        (Order(programme=VOUCHER, count=1, face_minor=1_999, is_gift=True), "10,00, 20,00, 50,00"),
        (Order(programme=VOUCHER, count=1, face_minor=2_000), "--consign DEVICE"),
        (Order(programme=VOUCHER, count=1, face_minor=2_000, consign_to="box-a", is_gift=True), "--gift"),
        (Order(programme=VOUCHER, count=1, face_minor=2_000, consign_to="box-z"), "no box box-z"),
    ],
)
def test_an_order_that_will_not_do_issues_nothing(centre: Centre, box_a: Box, order: Order, message: str) -> None:
    assert box_a.device == "box-a"

    with pytest.raises(CommandError, match=message):
        list(issue.issue(centre.workshop, order))

    assert centre.audit().events == 0


def test_cards_printed_before_are_adopted_once(centre: Centre) -> None:
    codes = ["2912345678901", "2912345678902"]

    first = list(issue.adopt(centre.workshop, CARD, codes))
    second = list(issue.adopt(centre.workshop, CARD, codes))

    assert first == second
    assert len({issued.instrument for issued in first}) == 2
    assert centre.audit().events == 2


def test_codes_that_match_nothing_are_told_before_anything_is_done(centre: Centre) -> None:
    with pytest.raises(CommandError, match="1 codes match no identifier of albret-card, first '123'"):
        list(issue.adopt(centre.workshop, CARD, ["2912345678901", "123"]))

    assert centre.audit().events == 0


def test_what_could_not_be_written_down_is_not_owed(centre: Centre) -> None:
    made = issue.issue(centre.workshop, Order(programme=VOUCHER, count=3, face_minor=2_000, is_gift=True))
    first = next(made)

    made.close()

    with centre.workshop.read() as work:
        assert instruments.entry(work.db, (VOUCHER, first.instrument)) is None
    assert centre.balances() == {}
