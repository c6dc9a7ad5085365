"""What a person at the centre decides about redemptions that wait on the desk."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeAlias
from uuid import UUID

from central.books import book
from central.errors import CommandError
from central.store import desk, events
from central.work import Work
from programme.events import Decided, DeskDecision, Event, Redeemed
from programme.fold.cover import COVER_DECISIONS
from programme.fold.effects import Acceptance
from programme.money import format_amount

Taken: TypeAlias = dict[UUID, list[Event]]
"""Decisions by redemption, in canonical order."""


class AlreadyDecided(CommandError):
    """Somebody decided meanwhile; what was decided stays.

    Attributes:
        by: Who.
    """

    def __init__(self, target: UUID, by: str) -> None:
        """Say who decided about which redemption."""
        super().__init__(f"{target} was decided by {by} meanwhile; what was decided stays")
        self.by = by


class LossChanged(CommandError):
    """The loss isn't the one that the person saw: look at the desk again.

    Attributes:
        loss_minor: What it is now.
    """

    def __init__(self, target: UUID, loss_minor: int) -> None:
        """Say what is lost on which redemption."""
        lost = format_amount(loss_minor, language="en")
        super().__init__(f"{lost} is lost on {target} by now; look at the desk again, then decide with --loss {lost}")
        self.loss_minor = loss_minor


class NothingToDecide(CommandError):
    """Nothing of this kind waits there (any more): look at the desk again."""


def choices(acceptance: Acceptance, taken: Iterable[Event]) -> tuple[DeskDecision, ...]:
    """What a person may decide about a redemption.

    Args:
        taken: What was decided about it before. A loss that has grown since it was accepted is to be accepted again.
    """
    decisions = [event.data for event in taken if isinstance(event.data, Decided)]
    if not acceptance.covered:
        return () if any(decided.decision in COVER_DECISIONS for decided in decisions) else COVER_DECISIONS
    accepted = [decided.loss_minor for decided in decisions if decided.decision is DeskDecision.ACCEPT_LOSS]
    return (DeskDecision.ACCEPT_LOSS,) if acceptance.loss_minor > max(accepted, default=0) else ()


def decide(work: Work, target: UUID, decision: DeskDecision, *, by: str, loss_minor: int) -> Event:
    """Settle a redemption, once and for all.

    Args:
        loss_minor: What is lost on it, as the person sees it: a page may be stale.

    Returns:
        The decision that holds: this one, or the same one taken before.

    Raises:
        AlreadyDecided: Another decision was taken.
        LossChanged: Another amount is lost by now.
        NothingToDecide: Nothing waits there.
    """
    taken = taken_on(work, [target]).get(target, [])
    for event in taken:
        if _is_same(event, decision, loss_minor):
            return event
    redemption = events.find(work.db, target)
    if redemption is None or not isinstance(redemption.data, Redeemed):
        raise NothingToDecide(f"no redemption {target} waits on the desk")
    data = redemption.data
    _check(work, redemption, decision, taken, loss_minor=loss_minor)
    decided = work.record(
        Decided(
            target=target,
            programme=data.programme,
            instrument=data.instrument,
            decision=decision,
            by=by,
            loss_minor=loss_minor,
        )
    )
    book(work)
    return decided


def taken_on(work: Work, targets: Collection[UUID]) -> Taken:
    """What was decided about redemptions."""
    taken: Taken = {}
    for event in sorted(events.decisions_on(work.db, targets), key=lambda event: event.order):
        if isinstance(event.data, Decided):
            taken.setdefault(event.data.target, []).append(event)
    return taken


def kinds_of(taken: Iterable[Event]) -> set[DeskDecision]:
    """Which decisions these are."""
    return {event.data.decision for event in taken if isinstance(event.data, Decided)}


def _is_same(event: Event, decision: DeskDecision, loss_minor: int) -> bool:
    """Whether this was decided before; whoever accepts a loss accepts so much of it."""
    decided = event.data
    if not isinstance(decided, Decided) or decided.decision is not decision:
        return False
    return decision is not DeskDecision.ACCEPT_LOSS or decided.loss_minor == loss_minor


def _check(work: Work, redemption: Event, decision: DeskDecision, taken: list[Event], *, loss_minor: int) -> None:
    assert isinstance(redemption.data, Redeemed)
    key = redemption.data.programme, redemption.data.instrument
    waiting = [
        acceptance
        for finding in desk.findings_of(work.db, key)
        for acceptance in finding.acceptances
        if acceptance.event_id == redemption.event_id and decision in choices(acceptance, taken)
    ]
    if waiting:
        if waiting[0].loss_minor != loss_minor:
            raise LossChanged(redemption.event_id, waiting[0].loss_minor)
        return
    for event in taken:
        if isinstance(event.data, Decided) and decision in COVER_DECISIONS and event.data.decision in COVER_DECISIONS:
            raise AlreadyDecided(redemption.event_id, event.data.by)
    raise NothingToDecide(f"there is nothing of this kind to decide about {redemption.event_id}")
