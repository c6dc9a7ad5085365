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


class NothingToDecide(CommandError):
    """Nothing of this kind waits there (any more): look at the desk again."""


def choices(acceptance: Acceptance, taken: set[DeskDecision]) -> tuple[DeskDecision, ...]:
    """What a person may decide about a redemption.

    Args:
        taken: What was decided about it before.
    """
    if not acceptance.covered:
        return () if taken & set(COVER_DECISIONS) else COVER_DECISIONS
    if acceptance.loss_minor and DeskDecision.ACCEPT_LOSS not in taken:
        return (DeskDecision.ACCEPT_LOSS,)
    return ()


def decide(work: Work, target: UUID, decision: DeskDecision, *, by: str) -> Event:
    """Settle a redemption, once and for all.

    Returns:
        The decision that holds: this one, or the same one taken before.

    Raises:
        AlreadyDecided: Another decision was taken.
        NothingToDecide: Nothing waits there.
    """
    taken = taken_on(work, [target]).get(target, [])
    for event in taken:
        if isinstance(event.data, Decided) and event.data.decision is decision:
            return event
    redemption = events.find(work.db, target)
    if redemption is None or not isinstance(redemption.data, Redeemed):
        raise NothingToDecide(f"no redemption {target} waits on the desk")
    _check(work, redemption, decision, taken)
    data = redemption.data
    decided = work.record(
        Decided(target=target, programme=data.programme, instrument=data.instrument, decision=decision, by=by)
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


def _check(work: Work, redemption: Event, decision: DeskDecision, taken: list[Event]) -> None:
    assert isinstance(redemption.data, Redeemed)
    key = redemption.data.programme, redemption.data.instrument
    waiting = [
        acceptance
        for finding in desk.findings_of(work.db, key)
        for acceptance in finding.acceptances
        if acceptance.event_id == redemption.event_id
    ]
    if any(decision in choices(acceptance, kinds_of(taken)) for acceptance in waiting):
        return
    for event in taken:
        if isinstance(event.data, Decided) and decision in COVER_DECISIONS and event.data.decision in COVER_DECISIONS:
            raise AlreadyDecided(redemption.event_id, event.data.by)
    raise NothingToDecide(f"there is nothing of this kind to decide about {redemption.event_id}")
