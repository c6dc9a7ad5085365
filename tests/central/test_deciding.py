"""What a person decides about redemptions on the desk: once, by central's own event, through the fold."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.attention import desk_to_json
from central.deciding import AlreadyDecided, LossChanged, NothingToDecide, decide
from central.errors import CommandError
from programme.events import Decided, DeskDecision, Earned, Event
from tests.central.test_books import ACTS, Act, live, orders
from tests.central.world import CARD, VOUCHER, Box, Centre


def an_uncovered_spend(centre: Centre, box: Box) -> Event:
    """50 c spent under no grant, from a card that holds 1 €."""
    card = centre.card()
    box.earned(card, 100)
    spent = box.redeemed(CARD, card, 50)
    centre.batch(box)
    return spent


def settle(centre: Centre, target: UUID, decision: DeskDecision, *, by: str = "claire", loss_minor: int = 0) -> None:
    with centre.workshop.write() as work:
        decide(work, target, decision, by=by, loss_minor=loss_minor)


def finding(centre: Centre) -> dict[str, Any]:
    with centre.workshop.read() as work:
        (found,) = desk_to_json(work)["findings"]
        return found


def held(centre: Centre) -> tuple[int, int]:
    """What waits, and what the merchant is credited."""
    balances = centre.balances()
    return balances.get("held:a", 0), balances.get("merchant:a", 0)


def test_what_no_grant_covers_is_paid_when_a_person_says_so(centre: Centre, box_a: Box) -> None:
    spent = an_uncovered_spend(centre, box_a)
    assert held(centre) == (50, 0)
    assert finding(centre)["events"][0]["choices"] == ["pay", "decline"]

    settle(centre, spent.event_id, DeskDecision.PAY)

    assert held(centre) == (0, 50)
    assert centre.audit().holds


def test_or_it_is_not_and_the_card_keeps_its_value(centre: Centre, box_a: Box) -> None:
    spent = an_uncovered_spend(centre, box_a)

    settle(centre, spent.event_id, DeskDecision.DECLINE)

    assert held(centre) == (0, 0)
    assert centre.balances()["holders"] == 100
    with centre.workshop.read() as work:
        assert desk_to_json(work)["findings"] == []


def test_after_a_declined_acceptance_the_covered_one_is_funded(centre: Centre, box_a: Box, box_b: Box) -> None:
    (voucher,) = centre.vouchers(box_a)
    grant = centre.grant(box_b)
    box_a.sold(voucher)
    uncovered = box_a.redeemed(VOUCHER, voucher, 2_000)
    centre.batch(box_a)
    centre.clock.advance(minutes=1)
    box_b.redeemed(VOUCHER, voucher, 2_000, grant=grant.grant_id)
    centre.batch(box_b)
    assert centre.balances() == {"held:a": 2_000, "loss": -2_000, "merchant:a": -2_000, "merchant:b": 2_000}

    settle(centre, uncovered.event_id, DeskDecision.DECLINE)

    assert centre.balances() == {"merchant:a": -2_000, "merchant:b": 2_000}
    with centre.workshop.read() as work:
        assert desk_to_json(work)["findings"] == []


def test_a_decline_is_told_who_comes_with_another_decision(centre: Centre, box_a: Box) -> None:
    spent = an_uncovered_spend(centre, box_a)
    settle(centre, spent.event_id, DeskDecision.DECLINE)

    with pytest.raises(AlreadyDecided, match="stays"):
        settle(centre, spent.event_id, DeskDecision.PAY, by="marc")


def test_the_same_decision_again_changes_nothing(centre: Centre, box_a: Box) -> None:
    spent = an_uncovered_spend(centre, box_a)
    settle(centre, spent.event_id, DeskDecision.PAY)
    entries = centre.audit().entries

    settle(centre, spent.event_id, DeskDecision.PAY, by="marc")

    assert centre.audit().entries == entries


def test_of_two_that_differ_the_first_holds_and_the_second_is_told(centre: Centre, box_a: Box) -> None:
    spent = an_uncovered_spend(centre, box_a)
    settle(centre, spent.event_id, DeskDecision.PAY)

    with pytest.raises(AlreadyDecided, match="stays"):
        settle(centre, spent.event_id, DeskDecision.DECLINE, by="marc")

    assert held(centre) == (0, 50)


def test_the_loss_of_a_double_acceptance_is_accepted(centre: Centre, box_a: Box, box_b: Box) -> None:
    (voucher,) = centre.vouchers(box_a)
    grants = [centre.grant(box) for box in (box_a, box_b)]
    box_a.sold(voucher)
    box_a.redeemed(VOUCHER, voucher, 2_000, grant=grants[0].grant_id)
    box_b.redeemed(VOUCHER, voucher, 2_000, grant=grants[1].grant_id)
    centre.batch(box_a)
    centre.batch(box_b)
    before = centre.balances()
    (lost,) = [event for event in finding(centre)["events"] if event["choices"]]
    assert lost["choices"] == ["accept_loss"]

    settle(centre, UUID(lost["event_id"]), DeskDecision.ACCEPT_LOSS, loss_minor=2_000)

    assert finding(centre)["settled"] is True
    assert centre.balances() == before
    assert centre.audit().holds


def an_overspent_card(centre: Centre, box: Box) -> Event:
    """Two covered spends of 10 € and 2 € from a card that holds 10 €; the first of them hasn't come yet."""
    card = centre.card()
    grant = centre.grant(box)
    box.earned(card, 1_000)
    centre.batch(box)
    box.redeemed(CARD, card, 1_000, grant=grant.grant_id)
    spent = box.redeemed(CARD, card, 1_200, grant=grant.grant_id)
    centre.batch(box, len(box.rows))
    return spent


def test_a_loss_that_has_grown_since_the_page_showed_it_is_not_accepted(centre: Centre, box_a: Box) -> None:
    spent = an_overspent_card(centre, box_a)
    assert finding(centre)["loss_minor"] == 200
    centre.batch(box_a)

    with pytest.raises(LossChanged) as caught:
        settle(centre, spent.event_id, DeskDecision.ACCEPT_LOSS, loss_minor=200)

    assert caught.value.loss_minor == 1_200
    assert finding(centre)["settled"] is False


def test_a_loss_that_grows_after_it_was_accepted_is_to_be_accepted_again(centre: Centre, box_a: Box) -> None:
    spent = an_overspent_card(centre, box_a)
    settle(centre, spent.event_id, DeskDecision.ACCEPT_LOSS, loss_minor=200)
    assert finding(centre)["settled"] is True

    centre.batch(box_a)

    assert (finding(centre)["settled"], finding(centre)["events"][0]["choices"]) == (False, ["accept_loss"])
    settle(centre, spent.event_id, DeskDecision.ACCEPT_LOSS, loss_minor=1_200)
    assert finding(centre)["settled"] is True


def test_a_loss_that_shrinks_after_it_was_accepted_stays_accepted(centre: Centre, box_a: Box) -> None:
    card, grant = centre.card(), centre.grant(box_a)
    box_a.earned(card, 1_000)
    spent = box_a.redeemed(CARD, card, 1_200, grant=grant.grant_id)
    centre.batch(box_a, len(box_a.rows))
    settle(centre, spent.event_id, DeskDecision.ACCEPT_LOSS, loss_minor=1_200)

    centre.batch(box_a)

    assert (finding(centre)["settled"], finding(centre)["loss_minor"]) == (True, 200)
    with pytest.raises(NothingToDecide):
        settle(centre, spent.event_id, DeskDecision.ACCEPT_LOSS, loss_minor=200)


@pytest.mark.parametrize("decision", list(DeskDecision))
def test_there_is_nothing_to_decide_about_what_is_well(centre: Centre, box_a: Box, decision: DeskDecision) -> None:
    card = centre.card()
    earned = box_a.earned(card, 100)
    centre.batch(box_a)

    for target in (earned.event_id, uuid4()):
        with pytest.raises(CommandError):
            settle(centre, target, decision)


def test_a_box_decides_nothing(centre: Centre, box_a: Box) -> None:
    spent = an_uncovered_spend(centre, box_a)
    card = finding(centre)["instrument"]
    box_a.happened(
        Decided(target=spent.event_id, programme=CARD, instrument=card, decision=DeskDecision.PAY, by="box-a")
    )

    centre.batch(box_a)

    assert held(centre) == (50, 0)
    with centre.workshop.read() as work:
        (row,) = desk_to_json(work)["quarantine"]
    assert "only central writes" in str(row["reason"])


def test_a_void_that_comes_late_takes_a_paid_redemption_back(centre: Centre, box_a: Box) -> None:
    spent = an_uncovered_spend(centre, box_a)
    settle(centre, spent.event_id, DeskDecision.PAY)
    first = len(box_a.rows) + 1

    box_a.voided(spent)
    centre.batch(box_a, first)

    assert held(centre) == (0, 0)
    assert centre.audit().holds


def seen(centre: Centre, target: UUID) -> None:
    settle(centre, target, DeskDecision.ACKNOWLEDGE)


def told(centre: Centre) -> dict[str, list[dict[str, Any]]]:
    with centre.workshop.read() as work:
        return desk_to_json(work)


def test_where_there_is_nothing_to_choose_somebody_says_that_it_was_seen(centre: Centre, box_a: Box) -> None:
    spent = an_uncovered_spend(centre, box_a)
    settle(centre, spent.event_id, DeskDecision.PAY)
    voids = [box_a.voided(spent), box_a.voided(spent)]
    centre.batch(box_a)
    assert (finding(centre)["kind"], finding(centre)["events"][0]["choices"]) == ("bad_void", ["acknowledge"])
    before = centre.balances()

    seen(centre, voids[1].event_id)

    assert finding(centre)["settled"] is True
    assert centre.balances() == before


def test_a_finding_that_grows_is_to_be_seen_again(centre: Centre, box_a: Box, box_b: Box) -> None:
    (voucher,) = centre.vouchers(box_a)
    sales = [box_a.sold(voucher), box_b.sold(voucher)]
    for box in (box_a, box_b):
        centre.batch(box)
    for sale in sales:
        assert finding(centre)["settled"] is False
        seen(centre, sale.event_id)
    assert (finding(centre)["kind"], finding(centre)["settled"]) == ("double_sale", True)

    late = box_b.sold(voucher)
    centre.batch(box_b)

    assert finding(centre)["settled"] is False
    seen(centre, late.event_id)
    assert finding(centre)["settled"] is True


def test_what_is_to_be_decided_can_not_just_be_seen(centre: Centre, box_a: Box) -> None:
    spent = an_uncovered_spend(centre, box_a)

    with pytest.raises(NothingToDecide):
        seen(centre, spent.event_id)


def test_a_row_that_was_set_aside_leaves_the_desk_once_it_was_seen(centre: Centre, box_a: Box) -> None:
    box_a.append_bytes(b'{"nonsense": 1}')
    box_a.append_bytes(b'{"nonsense": 2}')
    centre.batch(box_a)
    first, second = told(centre)["quarantine"]

    seen(centre, UUID(first["row"]))

    assert [row["row"] for row in told(centre)["quarantine"]] == [second["row"]]
    assert centre.audit().holds
    with pytest.raises(NothingToDecide):
        settle(centre, UUID(second["row"]), DeskDecision.PAY)


def test_a_fork_and_a_conflict_leave_the_desk_once_they_were_seen(centre: Centre, box_a: Box) -> None:
    earned = box_a.earned(centre.card(), 100)
    centre.batch(box_a)
    box_a.rows.pop()
    assert isinstance(earned.data, Earned)
    box_a.happened(replace(earned.data, amount_minor=90), event_id=earned.event_id)
    centre.batch(box_a)
    rows = [*told(centre)["forks"], *told(centre)["conflicts"]]
    assert len({row["row"] for row in rows}) == 2

    for row in rows:
        seen(centre, UUID(row["row"]))

    assert (told(centre)["forks"], told(centre)["conflicts"]) == ([], [])


def decide_something(centre: Centre, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
    """Take some of the decisions that the desk offers, as somebody at a page does."""
    offers = [
        (UUID(event["event_id"]), DeskDecision(choice), event.get("loss_minor", 0))
        for found in told(centre)["findings"]
        for event in found["events"]
        for choice in event["choices"]
    ]
    for target, decision, loss_minor in draw(st.lists(st.sampled_from(offers), max_size=3)) if offers else ():
        # One decision may take another off the desk.
        with contextlib.suppress(CommandError):
            settle(centre, target, decision, loss_minor=loss_minor)


@settings(max_examples=10, deadline=None)
@given(acts=st.lists(ACTS, min_size=3, max_size=14), data=st.data())
def test_whatever_is_decided_between_rows_the_books_equal_the_fold_from_scratch(
    founded_in_folder: Centre, acts: list[Act], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder, contextlib.closing(founded_in_folder.again(Path(folder) / "one")) as centre:
        boxes = live(centre, acts)
        for who, seq in data.draw(orders(boxes)):
            centre.batch(boxes[who], seq, seq)
            decide_something(centre, data.draw)
        for box in boxes:
            centre.batch(box)
        decide_something(centre, data.draw)

        result = centre.audit()

        assert result.holds, [invariant for invariant in result.invariants if invariant.violations]


@pytest.mark.parametrize("decision", [DeskDecision.PAY, DeskDecision.DECLINE])
def test_the_audit_catches_a_decision_that_is_not_booked(
    centre: Centre, box_a: Box, monkeypatch: pytest.MonkeyPatch, decision: DeskDecision
) -> None:
    """A planted bug: booking looks at answers and grants only."""
    monkeypatch.setattr("central.books.covered_by_decision", lambda _: set())
    spent = an_uncovered_spend(centre, box_a)

    settle(centre, spent.event_id, decision)

    broken = [invariant.name for invariant in centre.audit().invariants if invariant.violations]
    assert "the ledger equals the fold from scratch" in broken
