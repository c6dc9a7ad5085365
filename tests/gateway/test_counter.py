"""The counter asks, decides and records; what it answered is on disk, and a repeated request ends as the first did."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from gateway.errors import CounterError
from gateway.outcomes import Outcome
from gateway.receipts import decode_ticket
from gateway.words import Problem
from programme.authorisations import Answer, Ask
from programme.decide import Earn, Redeem, Sell, Void
from programme.events import AbandonReason, AuthorisationAbandoned, Earned, Redeemed, Sold, Voided
from programme.refusals import (
    Abandoned,
    AlreadyRedeemed,
    AlreadyVoided,
    InsufficientBalance,
    NeedsConnection,
    NoGrant,
    NotActivated,
    SpentOffline,
    TooLateToVoid,
    UnknownOperation,
)
from programme.registry import InstrumentStatus
from sync.journal import JobState
from tests.gateway.world import NOON, VOUCHER, Box, instrument


def earn(box: Box, serial: int, basket_minor: int, key: UUID | None = None) -> Outcome:
    command = Earn(code=box.desk.resolve(box.central.card(serial)), basket_minor=basket_minor)
    return asyncio.run(box.counter.operate(command, key or uuid7()))


def spend(box: Box, serial: int, amount_minor: int, key: UUID | None = None) -> Outcome:
    command = Redeem(code=box.desk.resolve(box.central.card(serial)), amount_minor=amount_minor)
    return asyncio.run(box.counter.operate(command, key or uuid7()))


def use(box: Box, serial: int, key: UUID | None = None) -> Outcome:
    command = Redeem(code=box.desk.resolve(box.central.token(serial)))
    return asyncio.run(box.counter.operate(command, key or uuid7()))


def sell(box: Box, key: UUID | None = None) -> Outcome:
    return asyncio.run(box.counter.operate(Sell(programme=VOUCHER, face_minor=2_000), key or uuid7()))


def void(box: Box, outcome: Outcome) -> Outcome:
    return asyncio.run(box.counter.operate(Void(target=outcome.event_id), uuid7()))


def abandonment(box: Box) -> AuthorisationAbandoned:
    """The abandonment that was recorded last."""
    head = box.journal.head
    assert head is not None
    event = box.lookup.ended_by(box.central.asked[-1].authorisation)
    assert event is not None
    assert isinstance(event.data, AuthorisationAbandoned)
    return event.data


def test_an_earn_is_recorded_without_asking(box: Box) -> None:
    box.central.approve()

    outcome = earn(box, 1, 2_350)

    assert outcome.event is not None
    assert isinstance(outcome.event.data, Earned)
    assert outcome.event.data.amount_minor == 118
    assert str(outcome.event.data.counter.business_day) == "2026-05-04"
    assert box.central.asked == []
    assert box.rows() == ["epoch_opened", "earned"]
    assert box.recorded == 1


def test_a_spend_is_asked_under_the_id_that_it_will_have(box: Box) -> None:
    box.central.approve(balance_minor=118)
    earned = earn(box, 1, 2_350)
    key = uuid7()

    outcome = spend(box, 1, 50, key)

    assert outcome.event is not None
    assert isinstance(outcome.event.data, Redeemed)
    assert outcome.event.data.evidence.answer is not None
    assert outcome.event.data.evidence.grant is None
    (ask,) = box.central.asked
    assert (ask.authorisation, ask.amount_minor, ask.instrument) == (key, 50, instrument(1))
    ((row,),) = box.central.rows
    assert earned.event is not None
    assert str(earned.event.event_id) in row.event


def test_a_refusal_by_central_frees_what_was_asked(box: Box) -> None:
    box.central.refuse(AlreadyRedeemed(at=NOON, shop="Café du Pont"))

    outcome = use(box, 7)

    assert outcome.refusal == AlreadyRedeemed(at=NOON, shop="Café du Pont")
    assert abandonment(box).reason is AbandonReason.REFUSED
    assert abandonment(box).answer is not None


def test_without_an_answer_the_box_stands_in_under_the_same_id(box: Box) -> None:
    box.give_grant()
    box.knows_card(1, 500)
    box.central.stay_silent()
    key = uuid7()

    outcome = spend(box, 1, 50, key)

    assert outcome.event is not None
    assert isinstance(outcome.event.data, Redeemed)
    assert outcome.event.event_id == key == box.central.asked[0].authorisation
    assert outcome.event.data.evidence.grant is not None
    assert box.rows()[-1] == "redeemed"


def test_without_an_answer_and_a_right_the_ask_is_given_up(box: Box) -> None:
    box.knows_card(1, 500)
    box.central.stay_silent()

    outcome = spend(box, 1, 50)

    assert outcome.refusal == NoGrant()
    assert abandonment(box).reason is AbandonReason.GIVEN_UP

    spend(box, 1, 50)
    assert box.central.gives_up == [(), (box.central.asked[0].authorisation,)]


def test_without_a_connection_nothing_is_asked(box: Box) -> None:
    box.give_grant()
    box.knows_card(1, 500)

    first, second = spend(box, 1, 50), spend(box, 1, 50)

    assert first.event is not None
    assert second.refusal == SpentOffline()
    assert box.central.asked == []
    assert box.rows() == ["epoch_opened", "grant_received", "redeemed"]


def test_an_unbooked_earn_is_not_spendable_offline(box: Box) -> None:
    box.give_grant()
    earn(box, 3, 2_350)

    assert spend(box, 3, 50).refusal == InsufficientBalance(available_minor=0, pending_minor=118)


def test_a_repeated_request_ends_as_the_first_also_after_a_restart(box: Box) -> None:
    key = uuid7()
    first = earn(box, 1, 2_350, key)

    again = earn(box, 1, 2_350, key)
    box.restart()
    after_restart = earn(box, 1, 2_350, key)

    assert again.event == after_restart.event == first.event
    assert (first.repeated, again.repeated, after_restart.repeated) == (False, True, True)
    assert box.rows() == ["epoch_opened", "earned"]


def test_a_key_is_not_reused_for_another_operation(box: Box) -> None:
    key = uuid7()
    earn(box, 1, 2_350, key)

    with pytest.raises(CounterError) as caught:
        earn(box, 1, 9_999, key)
    assert caught.value.problem is Problem.KEY_REUSED


def test_a_refused_ask_is_refused_again_after_a_restart(box: Box) -> None:
    box.central.refuse(AlreadyRedeemed(at=NOON, shop="Café du Pont"))
    key = uuid7()
    use(box, 7, key)
    box.restart()
    box.central.approve()

    assert use(box, 7, key).refusal == AlreadyRedeemed(at=NOON, shop="Café du Pont")
    assert len(box.central.asked) == 1


def test_a_given_up_ask_says_so_when_repeated(box: Box) -> None:
    box.central.stay_silent()
    key = uuid7()
    use(box, 7, key)

    assert use(box, 7, key).refusal == NeedsConnection()


def test_simultaneous_requests_under_one_key_are_one_operation(box: Box) -> None:
    box.central.approve()
    command = Redeem(code=box.desk.resolve(box.central.token(7)))
    key = uuid7()

    async def both() -> list[Outcome]:
        return list(await asyncio.gather(box.counter.operate(command, key), box.counter.operate(command, key)))

    first, second = asyncio.run(both())

    assert first.event == second.event
    assert len(box.central.asked) == 1


def test_two_counters_at_once_spend_a_card_one_after_the_other(box: Box) -> None:
    box.give_grant()
    box.knows_card(1, 500)
    box.central.stay_silent()
    command = Redeem(code=box.desk.resolve(box.central.card(1)), amount_minor=500)

    async def both() -> list[Outcome]:
        return list(await asyncio.gather(*(box.counter.operate(command, uuid7()) for _ in range(2))))

    outcomes = asyncio.run(both())

    assert [outcome.refusal for outcome in outcomes] == [None, SpentOffline()]


def test_an_ask_that_a_restart_cut_is_abandoned_once_central_names_it(box: Box) -> None:
    forgotten = uuid7()
    asyncio.run(box.counter.abandon_forgotten([forgotten]))
    asyncio.run(box.counter.abandon_forgotten([forgotten]))

    assert box.rows() == ["epoch_opened", "authorisation_abandoned"]
    assert use(box, 7, forgotten).refusal == Abandoned()


def test_an_ask_in_hand_is_not_abandoned(box: Box) -> None:
    box.central.approve()
    command = Redeem(code=box.desk.resolve(box.central.token(7)))
    key = uuid7()

    async def run() -> Outcome:
        operating = asyncio.create_task(box.counter.operate(command, key))
        while not box.central.asked:
            await asyncio.sleep(0)
        await box.counter.abandon_forgotten([key])
        return await operating

    assert asyncio.run(run()).event is not None
    assert box.rows() == ["epoch_opened", "redeemed"]


def test_an_ask_whose_operation_is_recorded_is_not_abandoned(box: Box) -> None:
    box.central.approve()
    outcome = use(box, 7)

    asyncio.run(box.counter.abandon_forgotten([outcome.event_id]))

    assert box.rows() == ["epoch_opened", "redeemed"]


def test_a_reason_that_this_version_does_not_know_is_still_a_no(box: Box) -> None:
    box.central.refuse(NoGrant())
    refuse = box.central.answers

    def refuse_in_words_to_come(ask: Ask) -> Answer:
        answer = refuse(ask)
        assert answer is not None
        return replace(answer, refusal={"reason": "FromTheFuture"})

    box.central.answers = refuse_in_words_to_come

    outcome = use(box, 7)

    assert outcome.refusal == NeedsConnection()
    assert abandonment(box).reason is AbandonReason.REFUSED


def test_a_sale_hands_over_a_consigned_voucher_and_prints_it(printing_box: Box) -> None:
    box = printing_box
    box.give_grant(7)

    outcome = sell(box)

    assert outcome.event is not None
    assert isinstance(outcome.event.data, Sold)
    (job,) = box.journal.jobs(JobState.QUEUED)
    ticket = decode_ticket(job.payload)
    assert job.event_id == outcome.event_id
    assert ticket.code is not None
    assert box.desk.resolve(ticket.code).instrument == outcome.event.data.instrument
    assert ticket.expires_at == NOON + timedelta(days=365)
    assert sell(box).refusal is not None  # it had one


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.SENDING])
def test_a_sale_that_is_voided_prints_nothing_any_more(printing_box: Box, state: JobState) -> None:
    box = printing_box
    box.give_grant(7)
    sale = sell(box)
    (job,) = box.journal.jobs()
    box.journal.update_job(job.job_id, state)

    assert asyncio.run(box.counter.operate(Void(target=sale.event_id), uuid7())).event is not None

    (job,) = box.journal.jobs()
    assert (job.state, job.detail) == (JobState.FAILED, "Vente annulée / Sale voided")
    assert not box.journal.update_job(job.job_id, JobState.QUEUED, after=JobState.SENDING)
    assert not box.journal.update_job(job.job_id, JobState.SENDING, after=JobState.QUEUED)
    assert box.journal.jobs(JobState.FAILED) == [job]


def test_a_box_without_a_printer_queues_nothing(box: Box) -> None:
    box.give_grant(7)

    sell(box)

    assert box.journal.jobs() == []


def test_an_offline_voucher_needs_its_activation(box: Box) -> None:
    box.give_grant()
    assert use(box, 7).refusal == NotActivated()

    box.knows_voucher(7, InstrumentStatus.ACTIVE)
    assert use(box, 7).event is not None

    second = use(box, 7).refusal
    assert isinstance(second, AlreadyRedeemed)


def test_a_used_voucher_names_when_and_where(box: Box) -> None:
    box.give_grant()
    box.knows_voucher(7, InstrumentStatus.REDEEMED, used_in="Café du Pont")

    assert use(box, 7).refusal == AlreadyRedeemed(at=NOON, shop="Café du Pont")


def test_a_redemption_is_voided_the_same_day_and_once(box: Box) -> None:
    box.give_grant()
    box.knows_voucher(7, InstrumentStatus.ACTIVE)
    used = use(box, 7)

    voided = void(box, used)

    assert voided.event is not None
    assert isinstance(voided.event.data, Voided)
    assert void(box, used).refusal == AlreadyVoided()
    assert use(box, 7).event is not None


def test_a_redemption_of_yesterday_is_not_voided(box: Box) -> None:
    box.give_grant()
    box.knows_voucher(7, InstrumentStatus.ACTIVE)
    used = use(box, 7)
    box.clock.go_to(NOON + timedelta(days=1))

    assert void(box, used).refusal == TooLateToVoid()


def test_an_earn_that_was_never_sent_is_voided_without_asking(box: Box) -> None:
    earned = earn(box, 1, 2_350)

    assert void(box, earned).event is not None


def test_an_earn_that_left_in_an_ask_counts_as_sent(box: Box) -> None:
    earned = earn(box, 1, 2_350)
    box.central.approve()
    spend(box, 1, 50)
    box.central.stay_silent()

    assert void(box, earned).refusal == NeedsConnection()


def test_an_earn_that_was_sent_is_voided_only_if_central_agrees(box: Box) -> None:
    first, second = earn(box, 1, 2_350), earn(box, 1, 2_350)
    box.journal.mark_sent(3)

    assert void(box, first).refusal == NeedsConnection()

    box.central.approve()
    assert void(box, second).event is not None
    assert box.central.asked[-1].target == second.event_id


def test_a_void_of_nothing(box: Box) -> None:
    nothing = uuid7()

    assert asyncio.run(box.counter.operate(Void(target=nothing), uuid7())).refusal == UnknownOperation(target=nothing)


def test_training_records_and_moves_nothing(box: Box) -> None:
    box.counter.train(True)
    box.central.approve()

    outcome = spend(box, 1, 50)

    assert outcome.event is not None
    assert isinstance(outcome.event.data, Redeemed)
    assert outcome.event.data.counter.training
    assert box.central.asked == []
    assert box.journal.queue().value_at_risk_minor == {}
