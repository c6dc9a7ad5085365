"""Earning on a loyalty card, and spending from it."""

from __future__ import annotations

from programme import refusals
from programme.decide.case import Accepted, Decision, Earn, Facts, Redeem, Refused, make_evidence
from programme.decide.own import standing, voids_of_booked, was
from programme.decide.stand_in import beyond_grant, redeemed, stand_in
from programme.events import Earned, Redeemed
from programme.money import share_minor
from programme.refusals import Refusal
from programme.state import OperationKind, Records


def earn(command: Earn, facts: Facts) -> Decision:
    """Credit a basket."""
    loyalty = facts.rules.loyalty
    if loyalty is None:
        return Refused(refusal=refusals.WrongOperation())
    if command.basket_minor > loyalty.max_basket_minor:
        return Refused(refusal=refusals.BasketTooLarge(limit_minor=loyalty.max_basket_minor))
    if command.code.token is None and facts.entry is None:
        return Refused(refusal=refusals.UnknownInstrument())
    amount_minor = share_minor(command.basket_minor, loyalty.earn_rate_bp)
    if amount_minor == 0:
        return Refused(refusal=refusals.NothingEarned())
    return Accepted(
        operation=Earned(
            programme=facts.rules.id,
            instrument=command.code.instrument,
            currency=facts.rules.currency_code,
            basket_minor=command.basket_minor,
            amount_minor=amount_minor,
            counter=facts.counter,
            evidence=make_evidence(facts, code=command.code),
        )
    )


def spend(command: Redeem, facts: Facts, records: Records) -> Decision:
    """Spend part of the balance, or all."""
    amount_minor = command.amount_minor
    if amount_minor is None:
        return Refused(refusal=refusals.WrongOperation())
    balance_minor = spendable_minor(facts, records)
    evidence = make_evidence(facts, code=command.code, balance_minor=balance_minor)
    if facts.answered is None and not facts.counter.training:
        refusal = _card_unfit(amount_minor, facts, records) or beyond_grant(facts, records, amount_minor)
        if refusal is not None:
            return Refused(refusal=refusal)
        evidence = stand_in(evidence, records)
    return redeemed(command, facts, amount_minor, evidence)


def _card_unfit(amount_minor: int, facts: Facts, records: Records) -> Refusal | None:
    own = standing(facts.own)
    if facts.entry is None and not own:
        return refusals.UnknownInstrument()
    if any(isinstance(event.data, Redeemed) for event in own):
        return refusals.SpentOffline()
    available_minor = spendable_minor(facts, records)
    if amount_minor > available_minor:
        return refusals.InsufficientBalance(available_minor=available_minor, pending_minor=pending_minor(facts))
    return None


def spendable_minor(facts: Facts, records: Records) -> int:
    """Booked balance less this box's own spends, and voids of booked earns, that the replica doesn't have yet.

    Its own earns don't count before they are booked.
    """
    if facts.answered is not None:
        return facts.answered.answer.balance_minor
    booked_minor = facts.entry.balance_minor if facts.entry is not None else 0
    spent_minor = sum(event.data.amount_minor for event in standing(facts.own) if isinstance(event.data, Redeemed))
    taken_back_minor = sum(
        void.amount_minor
        for void in voids_of_booked(facts.own)
        if not was(OperationKind.REDEEMED, void.target, records)
    )
    return max(0, booked_minor - spent_minor - taken_back_minor)


def pending_minor(facts: Facts) -> int:
    """Earned at this box and not booked yet."""
    return sum(event.data.amount_minor for event in standing(facts.own) if isinstance(event.data, Earned))
