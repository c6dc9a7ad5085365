"""What is on paper, in French first; a ticket says the same however late it is printed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import pytest
from uuid_utils.compat import uuid7

from drivers.escpos.compose import PAPER_58_MM, PAPER_80_MM, Columns, Cut, Line, Paper, QrCode, Receipt, compose
from gateway.receipts import Ticket, decode_ticket, encode_ticket, lay_out, sample_receipt
from gateway.tickets import is_printable, ticket_for
from programme.decide import Command, Earn, Redeem, Sell, Void
from programme.errors import NotUnderstood
from programme.events import DayClosed, Event, ProgrammeTotals
from programme.registry import InstrumentStatus
from tests.gateway.world import CARD, NOON, VOUCHER, Box


def done(box: Box, command: Command) -> Event:
    """Carry out a command that is accepted."""
    outcome = asyncio.run(box.counter.operate(command, uuid7()))
    assert outcome.event is not None
    return outcome.event


def earned(box: Box) -> Event:
    return done(box, Earn(code=box.desk.resolve(box.central.card(1)), basket_minor=2_350))


def text_of(receipt: Receipt) -> str:
    """All words of a receipt, a line each."""
    said = []
    for element in receipt.elements:
        if isinstance(element, Line):
            said.append(element.text)
        elif isinstance(element, Columns):
            said.append(f"{element.left} {element.right}")
    return "\n".join(said).replace("\u00a0", " ")


def printed(box: Box, event: Event) -> str:
    return text_of(lay_out(ticket_for(event, box.configured)))


def test_an_earn(box: Box) -> None:
    event = earned(box)
    told = printed(box, event)

    for expected in (
        "Librairie des Halles",
        "Carte de fidélité Albret",
        "Panier / Basket 23,50 €",
        "Gagné / Earned 1,18 €",
        "04/05/2026 12:00",
        str(event.event_id),
    ):
        assert expected in told


def test_a_spend_and_its_void(box: Box) -> None:
    box.give_grant()
    box.knows_voucher(7, InstrumentStatus.ACTIVE)
    used = done(box, Redeem(code=box.desk.resolve(box.central.token(7))))
    void = done(box, Void(target=used.event_id))

    assert "Utilisé / Spent 20,00 €" in printed(box, used)
    assert "Annulé / Voided 20,00 €" in printed(box, void)


def test_a_voucher_carries_its_code_value_and_validity(box: Box) -> None:
    box.give_grant(7)
    sold = done(box, Sell(programme=VOUCHER, face_minor=2_000))
    receipt = lay_out(ticket_for(sold, box.configured, code=box.central.token(7)))
    told = text_of(receipt)

    assert [element.payload for element in receipt.elements if isinstance(element, QrCode)] == [box.central.token(7)]
    assert told.index("Chèque cadeau Albret") < told.index("Albret gift voucher")
    assert "20,00 €" in told
    assert "Valable jusqu'au / Valid until 04/05/2027" in told
    assert isinstance(receipt.elements[-1], Cut)


def test_training_is_said_above_and_below(box: Box) -> None:
    box.counter.train(True)

    assert printed(box, earned(box)).count("ENTRAÎNEMENT") == 2


def test_a_closure(box: Box) -> None:
    totals = {CARD: ProgrammeTotals(earned_minor=118, count=1)}
    event = box.append(DayClosed(business_day=date(2026, 5, 4), totals=totals, perpetual=totals, signature="x"))
    told = printed(box, event)

    assert is_printable(event)
    assert "Clôture de journée" in told
    assert told.count("Gagné / Earned 1,18 €") == 2


def test_a_duplicate(box: Box) -> None:
    ticket = ticket_for(earned(box), box.configured, duplicate=True)

    assert "DUPLICATA" in text_of(lay_out(ticket))
    assert "DUPLICATA" not in text_of(lay_out(replace(ticket, duplicate=False)))


def test_a_ticket_survives_its_bytes(box: Box) -> None:
    ticket = ticket_for(earned(box), box.configured, code=box.central.token(7))

    assert decode_ticket(encode_ticket(ticket)) == ticket


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]"])
def test_a_ticket_of_another_version_is_not_guessed_at(payload: bytes) -> None:
    with pytest.raises(NotUnderstood):
        decode_ticket(payload)


def test_an_event_of_another_version_is_not_guessed_at() -> None:
    ticket = Ticket(event="{}", shop_name="x", time_zone="Europe/Paris", programmes={})

    with pytest.raises(NotUnderstood):
        lay_out(ticket)


@pytest.mark.parametrize("paper", [PAPER_58_MM, PAPER_80_MM])
def test_every_paper_can_be_composed(box: Box, paper: Paper) -> None:
    assert compose(lay_out(ticket_for(earned(box), box.configured)), paper)
    assert compose(sample_receipt("Librairie", NOON, box.configured.zone), paper)
