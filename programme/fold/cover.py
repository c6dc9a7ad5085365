"""Which redemptions are covered: by central's approval, by the grant they name up to its ceiling, or by a decision."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from programme.events import (
    CENTRAL,
    AskedOperation,
    AuthorisationAnswered,
    Decided,
    DeskDecision,
    Event,
    GrantReceived,
    Redeemed,
)
from programme.fold.effects import declined, voids_of, without_exercises
from programme.grants import Grant, read_signed_grant

COVER_DECISIONS = (DeskDecision.PAY, DeskDecision.DECLINE)
"""They exclude each other: the first on a redemption holds."""


def covered_by_grant(grant: Grant, events: Iterable[Event], *, ended_by: Event | None) -> frozenset[UUID]:
    """The stand-in redemptions that a grant covers.

    Taken in canonical order after voids, all branches of a fork together, each is covered that keeps the floor limit
    and fits under the programme's ceiling beside those covered before it.

    Args:
        grant: The terms.
        events: Every redemption that names the grant, and every void of one.
        ended_by: The box's first row that names a later grant of the epoch; what is ordered after it isn't covered.
    """
    known = without_exercises(events)
    voided, _ = voids_of(known)
    spent_minor: dict[str, int] = {}
    covered = set()
    for event in known:
        data = event.data
        if not isinstance(data, Redeemed) or event.event_id in voided or data.evidence.grant != grant.grant_id:
            continue
        allowance = grant.allowances.get(data.programme)
        if allowance is None or event.source != grant.device or event.ordered_at > grant.ends_at:
            continue
        if data.amount_minor > allowance.floor_limit_minor or (ended_by is not None and event.order > ended_by.order):
            continue
        total_minor = spent_minor.get(data.programme, 0) + data.amount_minor
        if total_minor <= allowance.ceiling_minor:
            spent_minor[data.programme] = total_minor
            covered.add(event.event_id)
    return frozenset(covered)


def ending_row(grant: Grant, received: Iterable[Event]) -> Event | None:
    """The row that ended a grant.

    Args:
        grant: The grant.
        received: The box's `grant_received` rows, in any order.
    """
    ending = [event for event in received if event.source == grant.device and _follows(grant, event)]
    return min(ending, key=lambda event: event.order, default=None)


def _follows(grant: Grant, event: Event) -> bool:
    if not isinstance(event.data, GrantReceived) or event.data.number <= grant.number:
        return False
    return read_signed_grant(event.data.signed).epoch == grant.epoch


def covered_by_answer(redemption: Event, answers: Iterable[AuthorisationAnswered]) -> bool:
    """Whether central approved this very operation: id, box, instrument and amount."""
    data = redemption.data
    return isinstance(data, Redeemed) and any(
        answer.approved
        and answer.operation is AskedOperation.REDEEM
        and answer.authorisation == redemption.event_id
        and answer.device == redemption.source
        and (answer.programme, answer.instrument) == (data.programme, data.instrument)
        and answer.amount_minor == data.amount_minor
        for answer in answers
    )


def covered_by_decision(events: Iterable[Event]) -> set[UUID]:
    """The redemptions that a person at the centre decided to pay, and `declined` for those they decided not to.

    The first decision on each holds.
    """
    decided: dict[UUID, DeskDecision] = {}
    for event in sorted(events, key=lambda event: event.order):
        if isinstance(event.data, Decided) and event.source == CENTRAL and event.data.decision in COVER_DECISIONS:
            decided.setdefault(event.data.target, event.data.decision)
    return {target if decision is DeskDecision.PAY else declined(target) for target, decision in decided.items()}
