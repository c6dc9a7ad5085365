"""`books` notices whatever somebody changes behind central's back."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import Table, delete, update
from sqlalchemy.exc import DBAPIError

from central.audit import Flows
from central.errors import LedgerError
from central.store import ledger
from central.store.schema import EVENTS, LEDGER_ENTRIES, POSTINGS, RULE_SETS
from programme.events import AbandonReason, AuthorisationAbandoned
from tests.central.world import CARD, VOUCHER, Box, Centre


@pytest.fixture
def booked(centre: Centre, box_a: Box) -> Centre:
    """A card with an earn and a spend, a voucher sold."""
    card = centre.card()
    (voucher,) = centre.vouchers(box_a)
    held = centre.grant(box_a)
    box_a.earned(card, 1_000)
    box_a.redeemed(CARD, card, 300, grant=held.grant_id)
    box_a.sold(voucher)
    centre.batch(box_a)
    return centre


def broken(centre: Centre) -> list[str]:
    return [invariant.name for invariant in centre.audit().invariants if invariant.violations]


def test_the_books_hold(booked: Centre) -> None:
    result = booked.audit()

    assert result.holds
    assert all(invariant.checked for invariant in result.invariants if "findings" not in invariant.name)
    assert result.flows == {
        CARD: Flows(earned_minor=1_000, redeemed_minor=300, outstanding_minor=700),
        VOUCHER: Flows(sold_minor=2_000, outstanding_minor=2_000),
    }


def test_a_cancelled_sale_is_in_the_flows(centre: Centre, box_a: Box) -> None:
    (voucher,) = centre.vouchers(box_a)
    box_a.voided(box_a.sold(voucher))
    centre.batch(box_a)

    assert centre.audit().flows[VOUCHER] == Flows(sold_minor=2_000, cancelled_minor=2_000)
    assert centre.balances() == {}


def test_one_posting_changed_by_hand_breaks_them(booked: Centre) -> None:
    booked.by_hand(
        "UPDATE postings SET amount_minor = amount_minor + 1 "
        "WHERE (entry, account) = (SELECT entry, account FROM postings ORDER BY entry, account LIMIT 1)"
    )

    assert broken(booked)[:3] == [
        "every entry sums to zero",
        "the ledger equals the fold from scratch",
        "each event is booked once",
    ]


def test_a_balance_changed_by_hand_breaks_them(booked: Centre) -> None:
    booked.by_hand("""UPDATE instruments SET entry = replace(entry, '"balance_minor":700', '"balance_minor":900')""")

    assert broken(booked) == [
        "issued + sold + earned = outstanding + redeemed + cancelled",
        "the registry equals the fold, and no balance is below zero",
    ]


def test_an_event_removed_by_hand_breaks_them(booked: Centre) -> None:
    booked.by_hand("DELETE FROM events WHERE type = 'comptoir.sold.v1'")

    assert "the ledger equals the fold from scratch" in broken(booked)


def test_an_event_removed_by_hand_with_all_that_was_booked_for_it_breaks_them(booked: Centre, box_a: Box) -> None:
    box_a.happened(AuthorisationAbandoned(authorisation=UUID(int=77), reason=AbandonReason.GIVEN_UP))
    booked.batch(box_a)
    removed = "DELETE FROM events WHERE type = 'comptoir.authorisation_abandoned.v1'"
    booked.by_hand(removed)

    assert broken(booked) == ["no acknowledged row lost its event"]


@pytest.mark.parametrize("table", [LEDGER_ENTRIES, POSTINGS, EVENTS, RULE_SETS], ids=lambda table: table.name)
def test_what_is_booked_can_not_be_changed(booked: Centre, table: Table) -> None:
    column = next(iter(table.c))
    for statement in (update(table).values({column: column}), delete(table)):
        with pytest.raises(DBAPIError, match="append-only"), booked.store.write() as db:
            db.execute(statement)


def test_an_entry_that_does_not_sum_to_zero_is_not_written(booked: Centre, box_a: Box) -> None:
    with pytest.raises(LedgerError), booked.store.write() as db:
        entry = ledger.Entry(
            event_id=box_a.events[0].event_id, programme=CARD, currency="EUR", postings={"holders": 5, "loss": -4}
        )
        ledger.write(db, [entry], at=booked.clock.now())

    assert booked.audit().holds
