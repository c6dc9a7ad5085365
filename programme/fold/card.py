"""A loyalty card's books: earns clamp at the cap, spends draw on the balance, voids reverse what was effective."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from programme.events import Earned, Event, InstrumentIssued, Redeemed, Voided
from programme.fold.effects import (
    HOLDERS,
    LOSS,
    Acceptance,
    Finding,
    FindingKind,
    Folded,
    Postings,
    accepted,
    add,
    funder,
    inverse,
    is_declined,
    late_voids,
    voids_of,
    without_exercises,
)
from programme.registry import InstrumentStatus, RegistryEntry
from programme.rules import LoyaltyCard


@dataclass(slots=True)
class _Card:
    """The running fold of one card."""

    instrument: str
    issued: bool
    balance_minor: int = 0
    effects: dict[UUID, Postings] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def find(self, kind: FindingKind, event: Event, acceptance: Acceptance | None = None) -> None:
        acceptances = () if acceptance is None else (acceptance,)
        finding = Finding(kind=kind, instrument=self.instrument, events=(event.event_id,), acceptances=acceptances)
        self.findings.append(finding)


def fold_card(
    instrument: str,
    events: Iterable[Event],
    *,
    loyalty: Callable[[int], LoyaltyCard],
    covered: Collection[UUID],
) -> Folded:
    """Fold one card.

    Args:
        instrument: Its reference.
        events: All events that name it, in any order.
        loyalty: The rules by version.
        covered: Redemptions that an answer, a grant or a decision covers, and `declined` ones.
    """
    ordered = without_exercises(events)
    issued = any(isinstance(event.data, InstrumentIssued) for event in ordered)
    voids, bad_voids = voids_of(ordered)
    voided_by = {void.event_id: target for target, void in voids.items()}
    card = _Card(instrument=instrument, issued=issued)
    for event in ordered:
        match event.data:
            case Earned() as earned:
                _earn(card, event, earned, loyalty(earned.evidence.rules_version))
            case Redeemed() as redeemed if not is_declined(event, covered):
                acceptance = _spend(card, event, redeemed, covered=event.event_id in covered)
                if event.event_id not in voids:
                    _judge(card, event, acceptance)
            case Voided() if event.event_id in voided_by:
                _void(card, event, voided_by[event.event_id])
    for event in bad_voids:
        card.find(FindingKind.BAD_VOID, event)
    card.findings += late_voids(instrument, ordered, voids)
    entry = RegistryEntry(instrument=instrument, status=InstrumentStatus.ACTIVE, balance_minor=card.balance_minor)
    return Folded(entry=entry if issued else None, effects=card.effects, findings=tuple(card.findings))


def _earn(card: _Card, event: Event, earned: Earned, loyalty: LoyaltyCard) -> None:
    if not card.issued:
        card.find(FindingKind.UNKNOWN_INSTRUMENT, event)
        return
    effective_minor = min(earned.amount_minor, max(0, loyalty.cap_minor - card.balance_minor))
    card.balance_minor += effective_minor
    card.effects[event.event_id] = add({HOLDERS: effective_minor, funder(loyalty.funder): -effective_minor})
    if effective_minor < earned.amount_minor:
        card.find(FindingKind.CLAMPED, event)


def _spend(card: _Card, event: Event, redeemed: Redeemed, *, covered: bool) -> Acceptance:
    funded_minor = min(redeemed.amount_minor, card.balance_minor)
    card.balance_minor -= funded_minor
    card.effects[event.event_id] = accepted(event, funded_minor=funded_minor, covered=covered)
    return Acceptance(
        event_id=event.event_id,
        funded_minor=funded_minor,
        loss_minor=redeemed.amount_minor - funded_minor,
        covered=covered,
    )


def _judge(card: _Card, event: Event, acceptance: Acceptance) -> None:
    if not card.issued:
        card.find(FindingKind.UNKNOWN_INSTRUMENT, event, acceptance)
    elif acceptance.loss_minor:
        card.find(FindingKind.SHORTFALL, event, acceptance)
    if not acceptance.covered:
        card.find(FindingKind.OVER_GRANT, event, acceptance)


def _void(card: _Card, event: Event, target: UUID) -> None:
    reversal = inverse(card.effects.get(target, {}))
    change_minor = reversal.get(HOLDERS, 0)
    missing_minor = max(0, -(card.balance_minor + change_minor))
    card.balance_minor += change_minor + missing_minor
    card.effects[event.event_id] = add(reversal, {HOLDERS: missing_minor, LOSS: -missing_minor})
    if missing_minor:
        card.find(FindingKind.VOID_SHORTFALL, event)
