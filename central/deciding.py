"""What a person at the centre decides about what waits on the desk."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeAlias
from uuid import UUID

from central.books import book, book_instrument
from central.errors import CommandError
from central.store import desk, events
from central.work import Work
from programme.events import Decided, DeskDecision, Event
from programme.fold.books import InstrumentKey, instrument_of
from programme.fold.cover import COVER_DECISIONS
from programme.fold.effects import Acceptance, Finding, FindingKind
from programme.money import format_amount

Taken: TypeAlias = dict[UUID, list[Event]]
"""Decisions by what they are about, in canonical order."""

NEEDS_A_PERSON = tuple(kind for kind in FindingKind if kind is not FindingKind.CLAMPED)
"""A clamped earn is the rule at work; it is recorded, and nobody has to look."""


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


def choices_in(finding: Finding, event_id: UUID, taken: Taken) -> tuple[DeskDecision, ...]:
    """What a person may decide about an event of a finding: where there is nothing to choose, that it was seen."""
    waiting = {
        acceptance.event_id: waits
        for acceptance in finding.acceptances
        if (waits := choices(acceptance, taken.get(acceptance.event_id, ())))
    }
    if waiting:
        return waiting.get(event_id, ())
    decided = {kind for acceptance in finding.acceptances for kind in kinds_of(taken.get(acceptance.event_id, ()))}
    if decided - {DeskDecision.ACKNOWLEDGE} or taken.get(event_id):
        return ()
    return (DeskDecision.ACKNOWLEDGE,)


def decide(work: Work, target: UUID, decision: DeskDecision, *, by: str, loss_minor: int) -> Event:
    """Settle what waits on the desk, once and for all.

    Args:
        target: A redemption, another event that the desk shows, or a row that was set aside.
        loss_minor: What is lost on it, as the person sees it: a page may be stale.

    Returns:
        The decision that holds: this one, or the same one taken before.

    Raises:
        AlreadyDecided: Another decision was taken.
        LossChanged: Another amount is lost by now.
        NothingToDecide: Nothing waits there.
    """
    for taken in taken_on(work, [target]).get(target, []):
        if _is_same(taken, decision, loss_minor):
            return taken
    event = events.find(work.db, target)
    key = instrument_of(event.data) if event is not None else None
    if key is not None:
        book_instrument(work, key)
        _check(work, key, target, decision, loss_minor=loss_minor)
    elif decision is not DeskDecision.ACKNOWLEDGE or not desk.is_set_aside(work.db, target):
        raise NothingToDecide(f"nothing called {target} waits on the desk")
    programme, instrument = key or (None, None)
    decided = work.record(
        Decided(
            target=target, programme=programme, instrument=instrument, decision=decision, by=by, loss_minor=loss_minor
        )
    )
    book(work)
    return decided


def taken_on(work: Work, targets: Collection[UUID]) -> Taken:
    """What was decided about events or rows."""
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


def _check(work: Work, key: InstrumentKey, target: UUID, decision: DeskDecision, *, loss_minor: int) -> None:
    about = [
        found for found in desk.findings_of(work.db, key) if target in found.events and found.kind in NEEDS_A_PERSON
    ]
    taken = taken_on(work, {target, *(event_id for finding in about for event_id in finding.events)})
    waiting = [finding for finding in about if decision in choices_in(finding, target, taken)]
    for acceptance in (acceptance for finding in waiting for acceptance in finding.acceptances):
        if acceptance.event_id == target and acceptance.loss_minor != loss_minor:
            raise LossChanged(target, acceptance.loss_minor)
    if waiting:
        return
    for event in taken.get(target, ()):
        if isinstance(event.data, Decided) and decision in COVER_DECISIONS and event.data.decision in COVER_DECISIONS:
            raise AlreadyDecided(target, event.data.by)
    raise NothingToDecide(f"there is nothing of this kind to decide about {target}")
