"""What a person at the centre decides about redemptions that wait on the desk."""

from __future__ import annotations

from uuid import UUID

from central.books import book
from central.errors import CommandError
from central.store import desk, events
from central.work import Work
from programme.events import Decided, DeskDecision, Redeemed
from programme.fold.cover import COVER_DECISIONS
from programme.fold.effects import Acceptance


class AlreadyDecided(CommandError):
    """Somebody decided otherwise meanwhile; what was decided stays."""


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


def decide(work: Work, target: UUID, decision: DeskDecision, *, by: str) -> None:
    """Settle a redemption; the same decision again changes nothing.

    Raises:
        AlreadyDecided: Another decision was taken.
        CommandError: Nothing waits there.
    """
    event = events.find(work.db, target)
    if event is None or not isinstance(event.data, Redeemed):
        raise CommandError(f"no redemption {target} waits on the desk")
    taken = taken_on(work, [target]).get(target, set())
    if decision in taken:
        return
    acceptance = _waiting(work, event.data, target)
    if acceptance is None or decision not in choices(acceptance, taken):
        if decision in COVER_DECISIONS and taken & set(COVER_DECISIONS):
            raise AlreadyDecided(f"{target} was decided meanwhile; what was decided stays")
        raise CommandError(f"there is nothing of this kind to decide about {target}")
    data = event.data
    work.record(Decided(target=target, programme=data.programme, instrument=data.instrument, decision=decision, by=by))
    book(work)


def taken_on(work: Work, targets: list[UUID]) -> dict[UUID, set[DeskDecision]]:
    """What was decided, by redemption."""
    taken: dict[UUID, set[DeskDecision]] = {}
    for event in events.decisions_on(work.db, targets):
        if isinstance(event.data, Decided):
            taken.setdefault(event.data.target, set()).add(event.data.decision)
    return taken


def _waiting(work: Work, redeemed: Redeemed, target: UUID) -> Acceptance | None:
    for programme, finding in desk.findings(work.db):
        if (programme, finding.instrument) != (redeemed.programme, redeemed.instrument):
            continue
        for acceptance in finding.acceptances:
            if acceptance.event_id == target:
                return acceptance
    return None
