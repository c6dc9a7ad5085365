"""Asks: central counts what the box did, decides, and reserves until the ask's event or its abandonment comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, event
from uuid_utils.compat import uuid7

from central.attention import desk_to_json
from central.display import show_desk
from central.store import authorisations
from programme import refusals
from programme.authorisations import Answer
from programme.events import Evidence, Voided
from programme.refusals import Refusal, refusal_from_json
from sync.topics import Up
from sync.wire import Verdict
from tests.central.world import CARD, NOON, VOUCHER, Box, Centre

FUNDER = "funder:albret-communaute"


def refusal(answer: Answer) -> Refusal:
    assert not answer.approved
    return refusal_from_json(answer.refusal or {})


@pytest.fixture
def card(centre: Centre, box_a: Box, box_b: Box) -> str:
    """A card with 10 € on it, booked."""
    card = centre.card()
    box_a.earned(card, 1_000)
    centre.batch(box_a)
    centre.batch(box_b)
    return card


@pytest.fixture
def voucher(centre: Centre, box_a: Box, box_b: Box) -> str:
    """A voucher of 20 € that A sold, booked."""
    (voucher,) = centre.vouchers(box_a)
    box_a.sold(voucher)
    centre.batch(box_a)
    centre.batch(box_b)
    return voucher


def test_a_spend_within_the_balance_is_approved_and_reserved(centre: Centre, box_a: Box, box_b: Box, card: str) -> None:
    answer = centre.ask(box_a, box_a.ask(CARD, card, 600))

    assert (answer.approved, answer.balance_minor, answer.device) == (True, 1_000, "box-a")
    assert refusal(centre.ask(box_b, box_b.ask(CARD, card, 600))) == refusals.ReservedElsewhere()
    assert centre.ask(box_b, box_b.ask(CARD, card, 400)).approved


def test_a_spend_beyond_the_balance_is_refused(centre: Centre, box_a: Box, card: str) -> None:
    assert refusal(centre.ask(box_a, box_a.ask(CARD, card, 1_001))) == refusals.InsufficientBalance(
        available_minor=1_000
    )


def test_an_approved_spend_credits_its_merchant(centre: Centre, box_b: Box, card: str) -> None:
    message = box_b.ask(CARD, card, 600)
    centre.ask(box_b, message)
    box_b.redeemed(CARD, card, 600, event_id=message.ask.authorisation)

    centre.batch(box_b)

    assert centre.balances() == {"holders": 400, FUNDER: -1_000, "merchant:b": 600}


def test_its_event_ends_the_reservation(centre: Centre, box_a: Box, box_b: Box, card: str) -> None:
    message = box_b.ask(CARD, card, 600)
    centre.ask(box_b, message)
    assert centre.batch(box_b).ack.open_authorisations == (message.ask.authorisation,)
    box_b.redeemed(CARD, card, 600, event_id=message.ask.authorisation)

    assert centre.batch(box_b).ack.open_authorisations == ()
    assert centre.ask(box_a, box_a.ask(CARD, card, 400)).approved


def test_its_abandonment_ends_the_reservation(centre: Centre, box_a: Box, box_b: Box, card: str) -> None:
    message = box_b.ask(CARD, card, 600)
    centre.ask(box_b, message)
    box_b.abandoned(message.ask.authorisation)

    assert centre.batch(box_b).ack.open_authorisations == ()
    assert centre.ask(box_a, box_a.ask(CARD, card, 1_000)).approved


def test_time_ends_no_reservation(centre: Centre, box_a: Box, box_b: Box, card: str) -> None:
    centre.ask(box_b, box_b.ask(CARD, card, 600))
    centre.clock.advance(days=300)

    assert refusal(centre.ask(box_a, box_a.ask(CARD, card, 600))) == refusals.ReservedElsewhere()


def test_another_box_can_not_end_a_reservation(centre: Centre, box_a: Box, box_b: Box, card: str) -> None:
    message = box_b.ask(CARD, card, 600)
    centre.ask(box_b, message)
    box_a.abandoned(message.ask.authorisation)

    centre.batch(box_a)

    assert refusal(centre.ask(box_a, box_a.ask(CARD, card, 600))) == refusals.ReservedElsewhere()


def test_a_repeat_gets_the_same_answer_byte_by_byte(centre: Centre, box_a: Box, card: str) -> None:
    message = box_a.signed(box_a.ask(CARD, card, 600))
    first = centre.send(box_a, Up.ASK, message)
    centre.clock.advance(seconds=30)

    second = centre.send(box_a, Up.ASK, message)

    assert [reply.payload for reply in first.raw] == [reply.payload for reply in second.raw]


def test_a_repeat_with_other_content_is_refused(centre: Centre, box_a: Box, card: str) -> None:
    message = box_a.ask(CARD, card, 600)
    centre.ask(box_a, message)

    changed = box_a.ask(CARD, card, 500, authorisation=message.ask.authorisation)

    assert refusal(centre.ask(box_a, changed)) == refusals.ContentChanged()
    assert centre.ask(box_a, message).approved


def test_another_box_can_not_take_an_authorisation_over(centre: Centre, box_a: Box, box_b: Box, card: str) -> None:
    message = box_a.ask(CARD, card, 600)
    centre.ask(box_a, message)

    copied = box_b.ask(CARD, card, 600, authorisation=message.ask.authorisation)

    assert refusal(centre.ask(box_b, copied)) == refusals.ContentChanged()


def test_an_ask_after_its_abandonment_reserves_nothing(centre: Centre, box_a: Box, box_b: Box, card: str) -> None:
    message = box_a.ask(CARD, card, 600)
    box_a.abandoned(message.ask.authorisation)
    centre.batch(box_a)

    assert refusal(centre.ask(box_a, message)) == refusals.Abandoned()
    assert centre.ask(box_b, box_b.ask(CARD, card, 1_000)).approved


def test_an_ask_gives_earlier_ones_up(centre: Centre, box_a: Box, card: str) -> None:
    first = box_a.ask(CARD, card, 600)
    centre.ask(box_a, first)

    second = box_a.ask(CARD, card, 600, gives_up=(first.ask.authorisation,))

    assert centre.ask(box_a, second).approved


def test_what_was_given_up_before_it_arrived_is_refused(centre: Centre, box_a: Box, card: str) -> None:
    late = box_a.ask(CARD, card, 600)
    centre.ask(box_a, box_a.ask(CARD, card, 600, gives_up=(late.ask.authorisation,)))

    assert refusal(centre.ask(box_a, late)) == refusals.Abandoned()


def test_what_was_given_up_before_costs_no_query_each(centre: Centre, box_a: Box, card: str) -> None:
    given_up = tuple(uuid7() for _ in range(300))
    centre.ask(box_a, box_a.ask(CARD, card, 600, gives_up=given_up))
    statements: list[object] = []

    def note(*arguments: object) -> None:
        statements.append(arguments)

    event.listen(Engine, "before_cursor_execute", note)
    centre.ask(box_a, box_a.ask(CARD, card, 600, gives_up=given_up))
    event.remove(Engine, "before_cursor_execute", note)

    assert 0 < len(statements) < len(given_up)


def test_an_ask_whose_event_came_before_it_is_refused(centre: Centre, box_a: Box, card: str) -> None:
    late = box_a.ask(CARD, card, 600)
    box_a.redeemed(CARD, card, 600, event_id=late.ask.authorisation)
    centre.batch(box_a)

    assert refusal(centre.ask(box_a, late)) == refusals.Abandoned()


def test_the_ask_s_spends_count_at_once_and_its_earns_do_not(centre: Centre, box_a: Box, box_b: Box, card: str) -> None:
    box_a.earned(card, 5_000)
    box_a.redeemed(CARD, card, 700)

    answer = centre.ask(box_a, box_a.ask(CARD, card, 400, rows=tuple(box_a.rows[-2:])))

    assert refusal(answer) == refusals.InsufficientBalance(available_minor=300)
    assert refusal(centre.ask(box_b, box_b.ask(CARD, card, 400))) == refusals.InsufficientBalance(available_minor=300)


def test_spends_of_an_ask_are_duplicates_in_their_batch(centre: Centre, box_a: Box, card: str) -> None:
    box_a.redeemed(CARD, card, 700)
    centre.ask(box_a, box_a.ask(CARD, card, 100, rows=(box_a.rows[-1],)))
    before = centre.balances()

    ack = centre.batch(box_a).ack

    assert ack.seq == len(box_a.rows)
    assert centre.balances() == before


def test_a_void_of_a_spend_in_an_ask_gives_the_value_back(centre: Centre, box_a: Box, card: str) -> None:
    spend = box_a.redeemed(CARD, card, 700)
    box_a.voided(spend)

    answer = centre.ask(box_a, box_a.ask(CARD, card, 1_000, rows=tuple(box_a.rows[-2:])))

    assert answer.approved


def test_value_that_the_ask_says_was_voided_is_not_approved(centre: Centre, box_a: Box, card: str) -> None:
    box_a.voided(box_a.events[-1])

    answer = centre.ask(box_a, box_a.ask(CARD, card, 1_000, rows=tuple(box_a.rows[-1:])))

    assert refusal(answer) == refusals.InsufficientBalance(available_minor=0)
    assert centre.batch(box_a).ack.seq == len(box_a.rows)
    assert centre.balances() == {}


def test_value_spent_by_a_row_in_quarantine_is_not_approved_again(
    centre: Centre, box_a: Box, box_b: Box, card: str
) -> None:
    box_a.happened(box_a.redemption(CARD, card, 700), at=NOON + timedelta(minutes=6))
    assert centre.batch(box_a).ack.verdicts[-1].verdict is Verdict.QUARANTINED

    assert refusal(centre.ask(box_b, box_b.ask(CARD, card, 400))) == refusals.ReservedElsewhere()
    assert centre.ask(box_b, box_b.ask(CARD, card, 300)).approved


def a_void(box: Box, card: str, target: UUID, amount_minor: int) -> Voided:
    return Voided(
        programme=CARD,
        instrument=card,
        currency="EUR",
        target=target,
        amount_minor=amount_minor,
        counter=box.counter,
        evidence=Evidence(rules_version=1),
    )


def test_value_that_a_void_in_quarantine_takes_back_is_not_approved(
    centre: Centre, box_a: Box, box_b: Box, card: str
) -> None:
    earn = box_a.earned(card, 700)
    centre.batch(box_a)
    box_a.happened(a_void(box_a, card, earn.event_id, 700), at=NOON + timedelta(minutes=6))
    box_a.happened(a_void(box_a, card, UUID(int=99_999), 100), at=NOON + timedelta(minutes=7))
    centre.batch(box_a)

    assert refusal(centre.ask(box_b, box_b.ask(CARD, card, 901))) == refusals.ReservedElsewhere()
    assert centre.ask(box_b, box_b.ask(CARD, card, 900)).approved


def test_a_void_of_a_spend_in_quarantine_takes_nothing(centre: Centre, box_a: Box, box_b: Box, card: str) -> None:
    spend = box_a.redeemed(CARD, card, 400)
    centre.batch(box_a)
    box_a.happened(a_void(box_a, card, spend.event_id, 400), at=NOON + timedelta(minutes=6))
    assert centre.batch(box_a).ack.verdicts[-1].verdict is Verdict.QUARANTINED

    assert centre.ask(box_b, box_b.ask(CARD, card, 600)).approved


def test_an_approved_spend_in_quarantine_is_kept_free_once_and_named_at_the_desk(
    centre: Centre, box_a: Box, box_b: Box, card: str
) -> None:
    message = box_a.ask(CARD, card, 400)
    assert centre.ask(box_a, message).approved
    late = NOON + timedelta(minutes=6)
    box_a.happened(box_a.redemption(CARD, card, 400), event_id=message.ask.authorisation, at=late)
    centre.batch(box_a)

    assert refusal(centre.ask(box_b, box_b.ask(CARD, card, 601))) == refusals.ReservedElsewhere()
    assert centre.ask(box_b, box_b.ask(CARD, card, 600)).approved
    with centre.workshop.read() as work:
        told = desk_to_json(work)
    assert [row["authorisation"] for row in told["quarantine"]] == [str(message.ask.authorisation)]
    assert f"holds {message.ask.authorisation} open" in show_desk(told)


def test_a_sold_voucher_is_approved_for_one_shop(centre: Centre, box_a: Box, box_b: Box, voucher: str) -> None:
    assert centre.ask(box_b, box_b.ask(VOUCHER, voucher, 2_000)).approved
    assert refusal(centre.ask(box_a, box_a.ask(VOUCHER, voucher, 2_000))) == refusals.ReservedElsewhere()


def test_a_used_voucher_names_when_and_where(centre: Centre, box_a: Box, box_b: Box, voucher: str) -> None:
    message = box_b.ask(VOUCHER, voucher, 2_000)
    centre.ask(box_b, message)
    used = box_b.redeemed(VOUCHER, voucher, 2_000, event_id=message.ask.authorisation)
    centre.batch(box_b)

    answer = centre.ask(box_a, box_a.ask(VOUCHER, voucher, 2_000))

    assert refusal(answer) == refusals.AlreadyRedeemed(at=used.ordered_at, shop="Chez Maïté")


def test_a_voucher_that_was_not_sold_is_refused(centre: Centre, box_a: Box) -> None:
    (voucher,) = centre.vouchers(box_a)

    assert refusal(centre.ask(box_a, box_a.ask(VOUCHER, voucher, 2_000))) == refusals.NotActivated()


def test_a_voucher_whose_sale_was_voided_is_refused(centre: Centre, box_a: Box) -> None:
    (voucher,) = centre.vouchers(box_a)
    box_a.voided(box_a.sold(voucher))
    centre.batch(box_a)

    assert refusal(centre.ask(box_a, box_a.ask(VOUCHER, voucher, 2_000))) == refusals.Cancelled()


def test_an_expired_voucher_is_refused(centre: Centre, box_a: Box, voucher: str) -> None:
    centre.clock.advance(days=366)

    assert isinstance(refusal(centre.ask(box_a, box_a.ask(VOUCHER, voucher, 2_000))), refusals.Expired)


def test_a_part_of_a_voucher_is_refused(centre: Centre, box_a: Box, voucher: str) -> None:
    assert refusal(centre.ask(box_a, box_a.ask(VOUCHER, voucher, 1_000))) == refusals.WrongOperation()


@pytest.mark.parametrize("programme", [CARD, "no-such"])
def test_an_unknown_instrument_is_refused(centre: Centre, box_a: Box, programme: str) -> None:
    assert refusal(centre.ask(box_a, box_a.ask(programme, "00" * 16, 100))) == refusals.UnknownInstrument()


def test_an_ask_for_another_shop_is_dropped(centre: Centre, box_a: Box, card: str) -> None:
    box_a.shop = "b"

    assert centre.send(box_a, Up.ASK, box_a.signed(box_a.ask(CARD, card, 100))).raw == []


def test_an_ask_signed_by_another_box_is_dropped(centre: Centre, box_a: Box, box_b: Box, card: str) -> None:
    message = box_a.signed(box_a.ask(CARD, card, 100), key=box_b.key)

    assert centre.send(box_a, Up.ASK, message).raw == []


class TestVoids:
    """A void that needs central: the operation has left the box."""

    def ask(self, centre: Centre, box: Box, programme: str, instrument: str, amount_minor: int, target: UUID) -> Answer:
        return centre.ask(box, box.ask(programme, instrument, amount_minor, target=target))

    def test_an_earn_still_there_is_approved_and_kept_free(self, centre: Centre, box_a: Box, card: str) -> None:
        assert self.ask(centre, box_a, CARD, card, 1_000, box_a.events[-1].event_id).approved
        assert refusal(centre.ask(box_a, box_a.ask(CARD, card, 1))) == refusals.ReservedElsewhere()

    def test_an_earn_already_spent_is_refused(self, centre: Centre, box_a: Box, card: str) -> None:
        earn = box_a.events[-1]
        box_a.redeemed(CARD, card, 400)
        centre.batch(box_a)

        answer = self.ask(centre, box_a, CARD, card, 1_000, earn.event_id)

        assert refusal(answer) == refusals.InsufficientBalance(available_minor=600)

    def test_a_clamped_earn_takes_back_what_it_gave(self, centre: Centre, box_a: Box, card: str) -> None:
        clamped = box_a.earned(card, 9_000)
        centre.batch(box_a)
        box_a.redeemed(CARD, card, 1_000)
        centre.batch(box_a)

        assert self.ask(centre, box_a, CARD, card, 9_000, clamped.event_id).approved

    def test_a_second_void_is_refused(self, centre: Centre, box_a: Box, card: str) -> None:
        earn = box_a.events[-1]
        assert self.ask(centre, box_a, CARD, card, 1_000, earn.event_id).approved
        assert not self.ask(centre, box_a, CARD, card, 1_000, earn.event_id).approved
        box_a.voided(earn)
        centre.batch(box_a)

        assert refusal(self.ask(centre, box_a, CARD, card, 1_000, earn.event_id)) == refusals.AlreadyVoided()

    def test_a_void_that_does_not_hold_blocks_nothing(self, centre: Centre, box_a: Box, box_b: Box, card: str) -> None:
        earn = box_a.events[-1]
        void = Voided(
            programme=CARD,
            instrument=card,
            currency="EUR",
            target=earn.event_id,
            amount_minor=1_000,
            counter=box_b.counter,
            evidence=Evidence(rules_version=1),
        )
        box_b.happened(void)
        centre.batch(box_b)
        box_a.happened(replace(void, counter=replace(box_a.counter, training=True)))
        centre.batch(box_a)

        assert self.ask(centre, box_a, CARD, card, 1_000, earn.event_id).approved

    def test_another_day_s_operation_is_refused(self, centre: Centre, box_a: Box, card: str) -> None:
        earn = box_a.events[-1]
        # The shop's day turns at 03:00 in Paris, which is 02:00 UTC in winter.
        centre.clock.advance(hours=13, minutes=59)
        assert self.ask(centre, box_a, CARD, card, 1_000, earn.event_id).approved
        late = box_a.earned(card, 10)
        centre.batch(box_a)

        centre.clock.advance(minutes=1)

        answer = self.ask(centre, box_a, CARD, card, 10, late.event_id)
        assert refusal(answer) == refusals.TooLateToVoid()

    def test_a_sale_is_voided_unless_its_voucher_was_used(self, centre: Centre, box_a: Box, voucher: str) -> None:
        sale = box_a.events[-1]
        box_a.redeemed(VOUCHER, voucher, 2_000)
        centre.batch(box_a)

        answer = self.ask(centre, box_a, VOUCHER, voucher, 2_000, sale.event_id)

        assert isinstance(refusal(answer), refusals.AlreadyRedeemed)

    def test_another_box_s_operation_is_refused(self, centre: Centre, box_a: Box, box_b: Box, card: str) -> None:
        target = box_a.events[-1].event_id

        assert refusal(self.ask(centre, box_b, CARD, card, 1_000, target)) == refusals.UnknownOperation(target=target)

    def test_an_operation_that_was_not_booked_is_refused(self, centre: Centre, box_a: Box, card: str) -> None:
        target = UUID(int=99)

        assert refusal(self.ask(centre, box_a, CARD, card, 1_000, target)) == refusals.UnknownOperation(target=target)


def test_answers_survive_a_restart(centre: Centre, box_a: Box, card: str) -> None:
    message = box_a.ask(CARD, card, 600)
    first = centre.ask(box_a, message)
    centre.restart()

    assert centre.ask(box_a, message) == first
    with centre.workshop.read() as work:
        assert authorisations.open_of_device(work.db, "box-a") == (message.ask.authorisation,)
