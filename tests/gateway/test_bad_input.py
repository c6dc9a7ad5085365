"""Whatever is held before a scanner or typed at the counter gets a clear answer in French and English, and the counter
goes on: after each of these a card still earns, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid_utils.compat import uuid7

from gateway.configured import read_configuration
from gateway.errors import CounterError
from gateway.orders import Kind, Order
from gateway.words import Problem, words_for
from programme.decide import Redeem
from programme.refusals import Expired, NotActivated, UnknownInstrument
from programme.registry import InstrumentStatus
from programme.tokens import PREFIX, TokenKind
from tests.gateway.world import CARD, NOON, TOKEN_KEY_ID, VOUCHER, Box


@pytest.fixture(autouse=True)
def counter_goes_on(box: Box) -> Iterator[None]:
    """After the bad input, a card earns and everything recorded before is there."""
    before = box.rows()
    yield
    order = Order(kind=Kind.EARN, amount="23,50", code=box.central.card(99))
    outcome = asyncio.run(box.counter.operate(box.orders.command(order), uuid7()))
    assert outcome.event is not None
    assert box.rows()[: len(before)] == before


def problem_of(box: Box, code: str) -> Problem:
    """What is wrong with a code, after checking that it is said in both languages."""
    placed = box.desk.place(code, device="douchette")
    assert placed.problem is not None
    french, english = placed.problem.say("fr"), placed.problem.say("en")
    assert french != english
    assert len(french) > 20
    return placed.problem.problem


@pytest.mark.parametrize("code", ["HELLO", "4006381333931", "https://example.org/x", "CPT2:ABC", "é", "x" * 4096])
def test_an_unknown_code(box: Box, code: str) -> None:
    assert problem_of(box, code) is Problem.UNKNOWN_CODE


@pytest.mark.parametrize("cut", [6, 20, 60, 100])
def test_a_truncated_token(box: Box, cut: int) -> None:
    assert problem_of(box, box.central.token(7)[:cut]) is Problem.DAMAGED_CODE


def test_a_token_of_a_forger(box: Box) -> None:
    forged = box.central.token(7, key=Ed25519PrivateKey.generate())

    assert problem_of(box, forged) is Problem.FORGED_CODE


def test_a_token_of_another_kind_than_its_programme(box: Box) -> None:
    assert problem_of(box, box.central.token(7, kind=TokenKind.CARD)) is Problem.FORGED_CODE


def test_a_token_of_another_programme(box: Box) -> None:
    assert problem_of(box, box.central.token(7, programme_number=77)) is Problem.FOREIGN_CODE


def test_rubbish_in_a_token_envelope(box: Box) -> None:
    assert problem_of(box, PREFIX + "%" * 100) is Problem.DAMAGED_CODE


def test_a_token_under_a_revoked_key_is_worth_what_the_registry_knows(box: Box) -> None:
    box.give_grant()
    revoked = box.central.token(7, key_id=b"old")
    command = Redeem(code=box.desk.resolve(revoked))

    assert asyncio.run(box.counter.operate(command, uuid7())).refusal == UnknownInstrument()

    box.knows_voucher(7, InstrumentStatus.ACTIVE)
    assert asyncio.run(box.counter.operate(command, uuid7())).event is not None


def test_an_expired_voucher(box: Box) -> None:
    box.give_grant()
    expired_at = NOON - timedelta(days=1)
    command = Redeem(code=box.desk.resolve(box.central.token(7, expires_at=expired_at)))

    assert asyncio.run(box.counter.operate(command, uuid7())).refusal == Expired(at=expired_at)


def test_a_voucher_that_was_not_sold(box: Box) -> None:
    box.give_grant()
    placed = box.desk.place(box.central.token(7), device="douchette")

    presented = asyncio.run(box.desk.look(placed))

    assert presented.refusal == NotActivated()
    assert presented.actions == ()


@pytest.mark.parametrize(
    "amount", ["0", "0,00", "-5", "-0,01", "1000000,01", "9" * 50, "abc", "12,3x", "", "1,234", "∞"]
)
@pytest.mark.parametrize("kind", [Kind.EARN, Kind.REDEEM])
def test_an_amount_that_is_none(box: Box, kind: Kind, amount: str) -> None:
    order = Order(kind=kind, amount=amount, code=box.central.card(1))

    with pytest.raises(CounterError) as caught:
        box.orders.command(order)

    assert caught.value.problem is Problem.BAD_AMOUNT
    assert "23,50" in caught.value.say("fr")
    assert "23.50" in caught.value.say("en")


@pytest.mark.parametrize("amount_minor", [0, -1, 10**30])
def test_an_amount_in_cents_that_is_none(box: Box, amount_minor: int) -> None:
    with pytest.raises(CounterError) as caught:
        box.orders.command(Order(kind=Kind.SELL, amount=amount_minor, programme=VOUCHER))

    assert caught.value.problem is Problem.BAD_AMOUNT


MISSING: list[tuple[str, Callable[[Box], Order], Problem]] = [
    ("nothing presented", lambda _: Order(kind=Kind.EARN, amount="5"), Problem.NOTHING_PRESENTED),
    ("no basket", lambda box: Order(kind=Kind.EARN, code=box.central.card(1)), Problem.AMOUNT_MISSING),
    ("no spend", lambda box: Order(kind=Kind.REDEEM, code=box.central.card(1)), Problem.AMOUNT_MISSING),
    ("no face", lambda _: Order(kind=Kind.SELL, programme=VOUCHER), Problem.AMOUNT_MISSING),
    ("no programme", lambda _: Order(kind=Kind.SELL, programme="x\n" * 99, amount="20"), Problem.UNKNOWN_PROGRAMME),
    ("part", lambda box: Order(kind=Kind.REDEEM, amount="5", code=box.central.token(7)), Problem.AMOUNT_NOT_WANTED),
    ("nothing to void", lambda _: Order(kind=Kind.VOID), Problem.NOTHING_TO_VOID),
]


@pytest.mark.parametrize(("_name", "order", "problem"), MISSING, ids=[name for name, *_ in MISSING])
def test_an_order_that_lacks_something(box: Box, _name: str, order: Callable[[Box], Order], problem: Problem) -> None:
    with pytest.raises(CounterError) as caught:
        box.orders.command(order(box))

    assert caught.value.problem is problem


def test_a_bad_read_takes_the_card_before_off_the_counter(box: Box) -> None:
    box.desk.place(box.central.card(1), device="douchette")
    box.desk.place("HELLO", device="douchette")

    with pytest.raises(CounterError) as caught:
        box.orders.command(Order(kind=Kind.EARN, amount="5"))

    assert caught.value.problem is Problem.UNKNOWN_CODE


def test_two_readers_at_once_each_keep_their_read(box: Box) -> None:
    first = box.desk.place(box.central.card(1), device="left")
    second = box.desk.place(box.central.card(2), device="right")

    assert box.desk.placed == [second, first]
    assert box.desk.latest == second


def test_a_key_that_leaves_force_with_a_new_configuration(box: Box) -> None:
    from tests.gateway.world import configuration

    fewer = configuration(box.central, version=2)
    fewer.token_keys.clear()
    signed = box.central.sign(fewer, "config")

    box.counter.configured = read_configuration(signed, box.identity)

    assert box.desk.resolve(box.central.token(7)).token is None
    box.counter.configured = box.configured
    assert TOKEN_KEY_ID.decode() in box.configured.configuration.token_keys
    assert CARD in box.configured.book.rules


@pytest.mark.parametrize("problem", list(Problem))
def test_every_problem_is_said_in_both_languages(problem: Problem) -> None:
    details = {"device": "d", "amount": "a", "face": "f", "programme": "p"}

    assert words_for(problem, "fr", **details) != words_for(problem, "en", **details)
