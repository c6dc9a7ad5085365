"""Deciding without central: within the grant, and said so in the evidence."""

from __future__ import annotations

from dataclasses import replace

from programme import refusals
from programme.decide.case import Accepted, Decision, Facts, Redeem
from programme.events import Evidence, Redeemed
from programme.refusals import Refusal
from programme.state import HeldGrant, Records, held_grant


def beyond_grant(facts: Facts, records: Records, amount_minor: int) -> Refusal | None:
    """Why the grant doesn't allow it, if it doesn't."""
    grant = held_grant(records)
    if grant is None or facts.now > grant.ends_at or facts.rules.id not in grant.allowances:
        return refusals.NoGrant()
    allowance = grant.allowances[facts.rules.id]
    if amount_minor > allowance.floor_limit_minor:
        return refusals.AboveFloorLimit(limit_minor=allowance.floor_limit_minor)
    remaining_minor = _remaining_minor(grant, facts.rules.id)
    if amount_minor > remaining_minor:
        return refusals.CeilingReached(remaining_minor=max(0, remaining_minor))
    return None


def _remaining_minor(grant: HeldGrant, programme: str) -> int:
    return grant.allowances[programme].ceiling_minor - grant.spent_minor.get(programme, 0)


def stand_in(evidence: Evidence, records: Records) -> Evidence:
    """The evidence of a decision made within the grant in force."""
    grant = held_grant(records)
    return replace(evidence, grant=grant.grant_id if grant is not None else None)


def redeemed(command: Redeem, facts: Facts, amount_minor: int, evidence: Evidence) -> Decision:
    """Accept a redemption."""
    return Accepted(
        operation=Redeemed(
            programme=facts.rules.id,
            instrument=command.code.instrument,
            currency=facts.rules.currency_code,
            amount_minor=amount_minor,
            counter=facts.counter,
            evidence=evidence,
        )
    )
