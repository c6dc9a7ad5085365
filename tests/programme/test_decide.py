"""The counter's decisions, without central unless said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from programme import refusals
from programme.authorisations import Answer, Ask
from programme.decide import Answered, Earn, Facts, Redeem, Sell, Void, must_ask
from programme.events import AskedOperation, DayClosed, Earned, Redeemed, Sold, Voided
from programme.grants import Consignment
from programme.refusals import refusal_to_json
from programme.registry import InstrumentStatus, RegistryEntry
from programme.rules import RuleSet
from tests.programme.worlds import (
    CARD,
    GRANT_ID,
    K1,
    NOON,
    TODAY,
    V0,
    VOUCHER,
    Box,
    card_code,
    counter,
    event_id,
    grant,
    voided,
    voucher_code,
)


@pytest.fixture
def cards(card_rules: RuleSet) -> Box:
    box = Box(rules=card_rules)
    box.open_with(grant())
    box.replica[K1] = RegistryEntry(instrument=K1, status=InstrumentStatus.ACTIVE, balance_minor=118)
    return box


@pytest.fixture
def vouchers(voucher_rules: RuleSet) -> Box:
    box = Box(rules=voucher_rules)
    box.open_with(grant(consigned=(Consignment(instrument=V0, token="CPT1:…", face_minor=2_000),)))
    return box


def entry(status: InstrumentStatus, *, used_in: str | None = None) -> RegistryEntry:
    used_at = NOON if used_in else None
    return RegistryEntry(instrument=V0, status=status, face_minor=2_000, used_at=used_at, used_in=used_in)


def answered(*, approved: bool, balance_minor: int = 118, refusal: refusals.Refusal | None = None) -> Answered:
    ask = Ask(
        authorisation=event_id(99),
        programme=CARD,
        instrument=K1,
        operation=AskedOperation.REDEEM,
        amount_minor=50,
        shop="a",
    )
    answer = Answer(
        device="box-a",
        ask=ask,
        approved=approved,
        balance_minor=balance_minor,
        answered_at=NOON,
        refusal=refusal_to_json(refusal) if refusal else None,
    )
    return Answered(answer=answer, signed="verbatim")


class TestCards:
    def test_an_earn_is_the_rate_of_the_basket(self, cards: Box) -> None:
        earned = cards.do(Earn(code=card_code(), basket_minor=2_350)).data

        assert isinstance(earned, Earned)
        assert (earned.amount_minor, earned.evidence.rules_version, earned.evidence.replica_version) == (118, 1, 7)

    def test_a_basket_too_small_to_earn_a_cent_is_said_so(self, cards: Box) -> None:
        assert cards.refusal(Earn(code=card_code(), basket_minor=9)) == refusals.NothingEarned()

    def test_a_basket_beyond_belief_is_refused(self, cards: Box) -> None:
        refusal = cards.refusal(Earn(code=card_code(), basket_minor=200_001))
        assert refusal == refusals.BasketTooLarge(limit_minor=200_000)

    def test_a_legacy_code_is_trusted_only_as_far_as_the_registry_knows_it(self, cards: Box) -> None:
        unknown = card_code("ff" * 16, signed=False)
        refusal = cards.refusal(Earn(code=unknown, basket_minor=2_350), instrument="ff" * 16)
        assert refusal == refusals.UnknownInstrument()

        cards.do(Earn(code=card_code(signed=False), basket_minor=2_350))

    def test_a_stand_in_spend_names_its_grant_and_the_balance_seen(self, cards: Box) -> None:
        spend = cards.do(Redeem(code=card_code(), amount_minor=50)).data

        assert isinstance(spend, Redeemed)
        assert (spend.evidence.grant, spend.evidence.balance_minor) == (GRANT_ID, 118)

    def test_a_card_spends_once_without_central(self, cards: Box) -> None:
        cards.do(Redeem(code=card_code(), amount_minor=50))

        assert cards.refusal(Redeem(code=card_code(), amount_minor=10)) == refusals.SpentOffline()

    def test_a_voided_spend_frees_the_card_and_the_ceiling(self, cards: Box) -> None:
        spend = cards.do(Redeem(code=card_code(), amount_minor=118))
        cards.do(Void(target=spend.event_id))

        again = cards.do(Redeem(code=card_code(), amount_minor=118)).data
        assert isinstance(again, Redeemed)

    def test_a_spend_voided_in_an_exercise_is_still_spent(self, cards: Box) -> None:
        spend = cards.do(Redeem(code=card_code(), amount_minor=50))
        void = voided(spend.event_id.int, 50)
        assert isinstance(void, Voided)
        cards.happened(replace(void, counter=counter(training=True)))

        assert cards.refusal(Redeem(code=card_code(), amount_minor=50)) == refusals.SpentOffline()

    def test_a_booked_earn_that_was_voided_here_is_no_longer_spendable(self, cards: Box) -> None:
        earn = cards.do(Earn(code=card_code(), basket_minor=2_000))
        cards.own.clear()  # the replica has it now: 118 of balance, 100 of them from this earn
        cards.do(Void(target=earn.event_id), answered=answered(approved=True))

        refusal = cards.refusal(Redeem(code=card_code(), amount_minor=19))

        assert refusal == refusals.InsufficientBalance(available_minor=18)

    def test_a_booked_spend_that_was_voided_here_gives_nothing_before_it_is_booked(self, cards: Box) -> None:
        spend = cards.do(Redeem(code=card_code(), amount_minor=50))
        cards.own.clear()
        cards.do(Void(target=spend.event_id))

        refusal = cards.refusal(Redeem(code=card_code(), amount_minor=119))

        assert refusal == refusals.InsufficientBalance(available_minor=118)

    def test_own_earns_are_not_spendable_before_they_are_booked(self, cards: Box) -> None:
        cards.replica[K1] = replace(cards.replica[K1], balance_minor=0)
        cards.do(Earn(code=card_code(), basket_minor=2_350))

        refusal = cards.refusal(Redeem(code=card_code(), amount_minor=100))

        assert refusal == refusals.InsufficientBalance(available_minor=0, pending_minor=118)

    def test_the_floor_limit_bounds_one_card(self, cards: Box) -> None:
        cards.replica[K1] = replace(cards.replica[K1], balance_minor=5_000)
        assert cards.refusal(Redeem(code=card_code(), amount_minor=2_001)) == refusals.AboveFloorLimit(
            limit_minor=2_000
        )

    def test_the_ceiling_bounds_the_box(self, cards: Box) -> None:
        for number in range(5):
            ref = f"{number:02}" * 16
            cards.replica[ref] = RegistryEntry(instrument=ref, status=InstrumentStatus.ACTIVE, balance_minor=2_000)
            cards.do(Redeem(code=card_code(ref), amount_minor=2_000), instrument=ref)

        refusal = cards.refusal(Redeem(code=card_code(), amount_minor=1))

        assert refusal == refusals.CeilingReached(remaining_minor=0)

    def test_without_a_grant_nothing_is_spent(self, card_rules: RuleSet) -> None:
        box = Box(rules=card_rules)
        box.replica[K1] = RegistryEntry(instrument=K1, status=InstrumentStatus.ACTIVE, balance_minor=118)
        assert box.refusal(Redeem(code=card_code(), amount_minor=50)) == refusals.NoGrant()

    def test_an_ended_grant_is_none(self, cards: Box) -> None:
        cards.minute = 31 * 24 * 60
        assert cards.refusal(Redeem(code=card_code(), amount_minor=50)) == refusals.NoGrant()

    def test_central_s_approval_stands_above_grant_and_replica(self, card_rules: RuleSet) -> None:
        box = Box(rules=card_rules)

        spend = box.do(Redeem(code=card_code(), amount_minor=50), answered=answered(approved=True)).data

        assert isinstance(spend, Redeemed)
        assert (spend.evidence.answer, spend.evidence.grant, spend.evidence.balance_minor) == ("verbatim", None, 118)

    def test_central_s_refusal_is_the_refusal(self, cards: Box) -> None:
        no = refusals.ReservedElsewhere()
        refusal = cards.refusal(
            Redeem(code=card_code(), amount_minor=50), answered=answered(approved=False, refusal=no)
        )
        assert refusal == no


class TestVouchers:
    def test_selling_takes_the_next_consigned_serial_once(self, vouchers: Box) -> None:
        sale = vouchers.do(Sell(programme=VOUCHER, face_minor=2_000)).data
        assert isinstance(sale, Sold)
        assert (sale.instrument, sale.evidence.grant) == (V0, GRANT_ID)

        refusal = vouchers.refusal(Sell(programme=VOUCHER, face_minor=2_000))
        assert refusal == refusals.NothingConsigned(face_minor=2_000)

    def test_a_voided_sale_spoils_its_serial_for_good(self, vouchers: Box) -> None:
        vouchers.sent = False
        sale = vouchers.do(Sell(programme=VOUCHER, face_minor=2_000))
        vouchers.do(Void(target=sale.event_id), instrument=V0)

        refusal = vouchers.refusal(Sell(programme=VOUCHER, face_minor=2_000))

        assert refusal == refusals.NothingConsigned(face_minor=2_000)
        assert vouchers.refusal(Redeem(code=voucher_code()), instrument=V0) == refusals.NotActivated()

    def test_a_voucher_not_known_as_sold_is_not_taken(self, vouchers: Box) -> None:
        assert vouchers.refusal(Redeem(code=voucher_code()), instrument=V0) == refusals.NotActivated()
        vouchers.replica[V0] = entry(InstrumentStatus.CONSIGNED)
        assert vouchers.refusal(Redeem(code=voucher_code()), instrument=V0) == refusals.NotActivated()

    def test_a_voucher_sold_here_is_taken_here(self, vouchers: Box) -> None:
        vouchers.do(Sell(programme=VOUCHER, face_minor=2_000))
        taken = vouchers.do(Redeem(code=voucher_code()), instrument=V0).data
        assert isinstance(taken, Redeemed)
        assert taken.amount_minor == 2_000

    def test_a_second_scan_here_names_the_first(self, vouchers: Box) -> None:
        vouchers.replica[V0] = entry(InstrumentStatus.ACTIVE)
        first = vouchers.do(Redeem(code=voucher_code()), instrument=V0)

        refusal = vouchers.refusal(Redeem(code=voucher_code()), instrument=V0)

        assert refusal == refusals.AlreadyRedeemed(at=first.ordered_at, shop=None)

    def test_a_voucher_used_elsewhere_names_when_and_where(self, vouchers: Box) -> None:
        vouchers.replica[V0] = entry(InstrumentStatus.REDEEMED, used_in="Librairie des Halles")

        refusal = vouchers.refusal(Redeem(code=voucher_code()), instrument=V0)

        assert refusal == refusals.AlreadyRedeemed(at=NOON, shop="Librairie des Halles")

    def test_a_booked_sale_that_was_voided_here_is_cancelled_before_the_replica_says_so(self, vouchers: Box) -> None:
        sale = vouchers.do(Sell(programme=VOUCHER, face_minor=2_000))
        vouchers.own.clear()
        vouchers.replica[V0] = entry(InstrumentStatus.ACTIVE)
        vouchers.do(Void(target=sale.event_id), instrument=V0, answered=answered(approved=True))

        assert vouchers.refusal(Redeem(code=voucher_code()), instrument=V0) == refusals.Cancelled()

    def test_the_floor_limit_bounds_one_voucher(self, voucher_rules: RuleSet) -> None:
        box = Box(rules=voucher_rules)
        box.open_with(grant(floor_limit_minor=1_999))
        box.replica[V0] = entry(InstrumentStatus.ACTIVE)
        refusal = box.refusal(Redeem(code=voucher_code()), instrument=V0)
        assert refusal == refusals.AboveFloorLimit(limit_minor=1_999)

    def test_an_expired_voucher_says_since_when(self, vouchers: Box) -> None:
        yesterday = NOON - timedelta(days=1)
        vouchers.replica[V0] = entry(InstrumentStatus.ACTIVE)
        refusal = vouchers.refusal(Redeem(code=voucher_code(expires_at=yesterday)), instrument=V0)
        assert refusal == refusals.Expired(at=yesterday)

    def test_a_cancelled_voucher_is_dead(self, vouchers: Box) -> None:
        vouchers.replica[V0] = entry(InstrumentStatus.CANCELLED)
        assert vouchers.refusal(Redeem(code=voucher_code()), instrument=V0) == refusals.Cancelled()

    def test_nothing_is_earned_on_a_voucher(self, vouchers: Box) -> None:
        refusal = vouchers.refusal(Earn(code=voucher_code(), basket_minor=2_000), instrument=V0)
        assert refusal == refusals.WrongOperation()


class TestVoids:
    def test_a_redemption_is_voided_here_and_today(self, cards: Box) -> None:
        spend = cards.do(Redeem(code=card_code(), amount_minor=50))
        void = cards.do(Void(target=spend.event_id)).data
        assert isinstance(void, Voided)
        assert (void.target, void.amount_minor, void.instrument) == (spend.event_id, 50, K1)

    def test_once(self, cards: Box) -> None:
        spend = cards.do(Redeem(code=card_code(), amount_minor=50))
        cards.do(Void(target=spend.event_id))
        assert cards.refusal(Void(target=spend.event_id)) == refusals.AlreadyVoided()

    def test_not_the_day_after(self, cards: Box) -> None:
        spend = cards.do(Redeem(code=card_code(), amount_minor=50))
        cards.day = TODAY + timedelta(days=1)
        assert cards.refusal(Void(target=spend.event_id)) == refusals.TooLateToVoid()

    def test_not_after_the_closure(self, cards: Box) -> None:
        spend = cards.do(Redeem(code=card_code(), amount_minor=50))
        cards.happened(DayClosed(business_day=TODAY, totals={}, perpetual={}, signature=""))
        assert cards.refusal(Void(target=spend.event_id)) == refusals.UnknownOperation(target=spend.event_id)

    def test_a_sent_earn_takes_central_s_approval(self, cards: Box) -> None:
        earn = cards.do(Earn(code=card_code(), basket_minor=2_350))
        assert cards.refusal(Void(target=earn.event_id)) == refusals.NeedsConnection()
        cards.do(Void(target=earn.event_id), answered=answered(approved=True))

    def test_an_earn_that_never_left_the_box_takes_nobody_s(self, cards: Box) -> None:
        earn = cards.do(Earn(code=card_code(), basket_minor=2_350))
        cards.sent = False
        void = cards.do(Void(target=earn.event_id)).data
        assert isinstance(void, Voided)
        assert void.evidence.answer is None

    def test_an_unknown_operation_is_said_so(self, cards: Box) -> None:
        assert cards.refusal(Void(target=event_id(1))) == refusals.UnknownOperation(target=event_id(1))


class TestTraining:
    def test_an_exercise_is_marked_and_leaves_no_trace_in_the_state(self, cards: Box) -> None:
        before = dict(cards.records)
        cards.training = True

        spend = cards.do(Redeem(code=card_code(), amount_minor=1_000_000)).data

        assert isinstance(spend, Redeemed)
        assert spend.counter.training
        assert cards.records == before

    def test_what_is_real_is_not_voided_as_an_exercise(self, cards: Box) -> None:
        spend = cards.do(Redeem(code=card_code(), amount_minor=50))
        cards.training = True

        assert cards.refusal(Void(target=spend.event_id)) == refusals.NotInTraining()

    def test_a_real_voucher_is_not_sold_as_an_exercise(self, vouchers: Box) -> None:
        vouchers.training = True

        assert vouchers.refusal(Sell(programme=VOUCHER, face_minor=2_000)) == refusals.NotInTraining()


class TestAsking:
    def test_redemptions_are_asked_for(self, cards: Box) -> None:
        facts = Facts(rules=cards.rules, counter=counter(), now=NOON)
        assert must_ask(Redeem(code=card_code(), amount_minor=1), facts, cards.records)

    def test_earns_and_sales_and_exercises_are_not(self, cards: Box) -> None:
        facts = Facts(rules=cards.rules, counter=counter(), now=NOON)
        exercise = replace(facts, counter=counter(training=True))
        assert not must_ask(Earn(code=card_code(), basket_minor=1), facts, cards.records)
        assert not must_ask(Sell(programme=VOUCHER, face_minor=1), facts, cards.records)
        assert not must_ask(Redeem(code=card_code(), amount_minor=1), exercise, cards.records)

    def test_voids_of_sent_earns_are(self, cards: Box) -> None:
        earn = cards.do(Earn(code=card_code(), basket_minor=2_350))
        facts = Facts(rules=cards.rules, counter=counter(), now=NOON)
        assert must_ask(Void(target=earn.event_id), facts, cards.records)
        assert not must_ask(Void(target=earn.event_id), replace(facts, never_sent=True), cards.records)
