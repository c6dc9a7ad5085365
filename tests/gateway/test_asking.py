"""An answer counts only if central signed it, for this box and for exactly what was asked, and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from uuid_utils.compat import uuid7

from gateway.asking import Asking
from programme.authorisations import Answer, Ask
from programme.decide import Answered
from programme.events import AskedOperation
from sync.errors import LinkError
from sync.wire import AskMessage, open_message
from tests.gateway.world import CARD, DEVICE, NOON, Box, FakeCentral, instrument


class FakeLink:
    """Keeps what is published, and reacts."""

    def __init__(self, *, is_up: bool = True) -> None:
        self.is_up = is_up
        self.published: list[tuple[str, bytes]] = []
        self.react: Callable[[], None] = lambda: None

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        if not self.is_up:
            raise LinkError("down")
        assert (qos, retain) == (1, False)
        self.published.append((topic, payload))
        self.react()


ASK = Ask(
    authorisation=uuid7(),
    programme=CARD,
    instrument=instrument(1),
    operation=AskedOperation.REDEEM,
    amount_minor=50,
    shop="librairie",
)
ANSWER = Answer(device=DEVICE, ask=ASK, approved=True, balance_minor=118, answered_at=NOON)


def ask(box: Box, link: FakeLink, react: Callable[[Asking], None], *, deadline_ms: int = 20) -> Answered | None:
    """Ask once, while central reacts to what arrives."""
    asking = Asking(identity=box.identity, link=link, deadline_ms=deadline_ms, now=box.clock.now)
    link.react = lambda: react(asking)
    return asyncio.run(asking.ask(ASK, rows=(), gives_up=()))


def test_the_answer_to_the_ask_is_taken_verbatim(box: Box) -> None:
    signed = box.central.sign(ANSWER, "answer").encode()
    link = FakeLink()

    answered = ask(box, link, lambda asking: _took(asking, signed, True), deadline_ms=60_000)

    assert answered == Answered(answer=ANSWER, signed=signed.decode())
    ((topic, payload),) = link.published
    assert topic == "comptoir/v1/albret/3f/box-a/up/ask"
    keys = {DEVICE: box.key.public_key()}
    assert open_message(payload, AskMessage, context="ask", keys=keys).ask == ASK


def _took(asking: Asking, payload: bytes, expected: bool) -> None:
    assert asking.take_answer(payload) is expected


WRONG = [
    ("another amount", replace(ANSWER, ask=replace(ASK, amount_minor=51))),
    ("another instrument", replace(ANSWER, ask=replace(ASK, instrument=instrument(2)))),
    ("another ask", replace(ANSWER, ask=replace(ASK, authorisation=uuid7()))),
    ("another box", replace(ANSWER, device="box-b")),
]


@pytest.mark.parametrize("wrong", [answer for _, answer in WRONG], ids=[name for name, _ in WRONG])
def test_an_answer_to_something_else_is_none(box: Box, wrong: Answer) -> None:
    signed = box.central.sign(wrong, "answer").encode()

    assert ask(box, FakeLink(), lambda asking: _took(asking, signed, False)) is None


@pytest.mark.parametrize(
    "payload",
    [b"", b"garbage", b"\xff", FakeCentral().sign(ANSWER, "answer").encode()],
    ids=["empty", "garbage", "no text", "signed by another"],
)
def test_what_central_did_not_sign_is_no_answer(box: Box, payload: bytes) -> None:
    assert ask(box, FakeLink(), lambda asking: _took(asking, payload, False)) is None


def test_a_signature_of_another_kind_of_message_is_none(box: Box) -> None:
    signed = box.central.sign(ANSWER, "ack").encode()

    assert ask(box, FakeLink(), lambda asking: _took(asking, signed, False)) is None


def test_silence_ends_at_the_deadline_and_a_late_answer_finds_nobody(box: Box) -> None:
    asking = Asking(identity=box.identity, link=FakeLink(), deadline_ms=10, now=box.clock.now)

    assert asyncio.run(asking.ask(ASK, rows=(), gives_up=())) is None
    assert not asking.take_answer(box.central.sign(ANSWER, "answer").encode())


def test_a_link_that_breaks_is_silence(box: Box) -> None:
    assert ask(box, FakeLink(is_up=False), lambda _: None, deadline_ms=60_000) is None


def test_a_genuine_answer_with_bytes_that_are_no_text_is_none(box: Box) -> None:
    signed = box.central.sign(ANSWER, "answer").encode()[:-1] + b',"x":"\xff"}'

    assert ask(box, FakeLink(), lambda asking: _took(asking, signed, False)) is None
