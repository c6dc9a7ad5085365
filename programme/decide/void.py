"""Reversing an operation of this box and day."""

from __future__ import annotations

from programme import refusals
from programme.decide.case import Accepted, Decision, Facts, Refused, Void, make_evidence
from programme.events import Voided
from programme.refusals import Refusal
from programme.state import OpenOperation, OperationKind, Records, open_operation


def void(command: Void, facts: Facts, records: Records) -> Decision:
    """Reverse an operation, whole."""
    target = open_operation(records, command.target)
    if target is None:
        return Refused(refusal=refusals.UnknownOperation(target=command.target))
    refusal = _void_unfit(target, facts)
    if refusal is not None:
        return Refused(refusal=refusal)
    return Accepted(
        operation=Voided(
            programme=target.programme,
            instrument=target.instrument,
            currency=target.currency,
            target=target.event_id,
            amount_minor=target.amount_minor,
            counter=facts.counter,
            evidence=make_evidence(facts, code=None),
        )
    )


def _void_unfit(target: OpenOperation, facts: Facts) -> Refusal | None:
    if facts.counter.training:
        return refusals.NotInTraining()
    if target.voided:
        return refusals.AlreadyVoided()
    if target.business_day != facts.counter.business_day:
        return refusals.TooLateToVoid()
    may_decide_alone = target.kind is OperationKind.REDEEMED or facts.never_sent
    return None if may_decide_alone or facts.answered is not None else refusals.NeedsConnection()
