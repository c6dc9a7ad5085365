"""Which redemptions are covered: by central's approval, or by the grant they name, up to its ceiling."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from programme.events import AuthorisationAnswered, Event, Redeemed
from programme.fold.effects import voids_of, without_exercises
from programme.grants import Grant


def covered_by_grant(grant: Grant, events: Iterable[Event]) -> frozenset[UUID]:
    """The stand-in redemptions that a grant covers.

    Taken in canonical order after voids, all branches of a fork together, each is covered that fits under the
    programme's ceiling beside those covered before it.

    Args:
        grant: The terms.
        events: Every redemption that names the grant, and every void of one.
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
        total_minor = spent_minor.get(data.programme, 0) + data.amount_minor
        if total_minor <= allowance.ceiling_minor:
            spent_minor[data.programme] = total_minor
            covered.add(event.event_id)
    return frozenset(covered)


def covered_by_answer(redemption: Event, answers: Iterable[AuthorisationAnswered]) -> bool:
    """Whether central approved this very operation: id, box, instrument and amount."""
    data = redemption.data
    return isinstance(data, Redeemed) and any(
        answer.approved
        and answer.authorisation == redemption.event_id
        and answer.device == redemption.source
        and answer.instrument == data.instrument
        and answer.amount_minor == data.amount_minor
        for answer in answers
    )
