"""A single-use voucher's books: funded at most once, by its sale; acceptances are ranked after voids and declines."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from programme.events import Event, InstrumentIssued, Redeemed, Sold
from programme.fold.effects import (
    DISPUTED,
    HOLDERS,
    ISSUER,
    Acceptance,
    Finding,
    FindingKind,
    Folded,
    Postings,
    accepted,
    inverse,
    is_declined,
    late_voids,
    merchant,
    voids_of,
    without_exercises,
)
from programme.registry import InstrumentStatus, RegistryEntry


def fold_voucher(instrument: str, events: Iterable[Event], *, covered: Collection[UUID]) -> Folded:
    """Fold one voucher.

    Args:
        instrument: Its reference.
        events: All events that name it, in any order.
        covered: Redemptions that an answer, a grant or a decision covers, and `declined` ones.
    """
    ordered = without_exercises(events)
    issue = next((event for event in ordered if isinstance(event.data, InstrumentIssued)), None)
    voids, bad_voids = voids_of(ordered)
    sales = [event for event in ordered if isinstance(event.data, Sold)]
    standing = [
        event
        for event in ordered
        if isinstance(event.data, Redeemed) and event.event_id not in voids and not is_declined(event, covered)
    ]
    value_minor, effects = _value(issue, sales, voids)
    acceptances = _rank(standing, value_minor, covered)
    for event, acceptance in zip(standing, acceptances, strict=True):
        effects[event.event_id] = accepted(event, funded_minor=acceptance.funded_minor, covered=acceptance.covered)
    findings = [
        *_judge(instrument, issue, standing, acceptances, value_minor),
        *_odd_sales(instrument, issue, sales),
        *late_voids(instrument, ordered, voids),
        *(Finding(kind=FindingKind.BAD_VOID, instrument=instrument, events=(void.event_id,)) for void in bad_voids),
    ]
    left_minor = value_minor - sum(acceptance.funded_minor for acceptance in acceptances)
    entry = _entry(instrument, issue, sales, voids, standing, left_minor)
    return Folded(entry=entry, effects=effects, findings=tuple(findings))


def _value(issue: Event | None, sales: list[Event], voids: dict[UUID, Event]) -> tuple[int, dict[UUID, Postings]]:
    """What the voucher can pay, and the postings of its issue, its sales and their voids.

    The first sale funds it; any other took cash that somebody is owed. A shop always owes the cash that it took.
    """
    effects: dict[UUID, Postings] = {}
    value_minor = 0
    issued = issue.data if issue is not None and isinstance(issue.data, InstrumentIssued) else None
    if issue is not None and issued is not None and not issued.activation_required:
        value_minor = issued.face_minor
        effects[issue.event_id] = {HOLDERS: value_minor, ISSUER: -value_minor}
    for rank, sale in enumerate(sales):
        assert isinstance(sale.data, Sold)
        funds = rank == 0 and issued is not None and issued.activation_required
        amount_minor = issued.face_minor if funds and issued is not None else sale.data.amount_minor
        owed = {HOLDERS if funds else DISPUTED: amount_minor, merchant(sale.data.counter.shop): -amount_minor}
        effects[sale.event_id] = owed
        void = voids.get(sale.event_id)
        if void is not None:
            effects[void.event_id] = inverse(owed)
        elif funds:
            value_minor = amount_minor
    return value_minor, effects


def _rank(standing: list[Event], value_minor: int, covered: Collection[UUID]) -> list[Acceptance]:
    """Only the first acceptance is funded."""
    acceptances = []
    for rank, event in enumerate(standing):
        assert isinstance(event.data, Redeemed)
        funded_minor = min(event.data.amount_minor, value_minor) if rank == 0 else 0
        acceptances.append(
            Acceptance(
                event_id=event.event_id,
                funded_minor=funded_minor,
                loss_minor=event.data.amount_minor - funded_minor,
                covered=event.event_id in covered,
            )
        )
    return acceptances


def _judge(
    instrument: str,
    issue: Event | None,
    standing: list[Event],
    acceptances: list[Acceptance],
    value_minor: int,
) -> Iterable[Finding]:
    if not standing:
        return
    every = tuple(event.event_id for event in standing)
    if issue is None:
        yield _finding(FindingKind.UNKNOWN_INSTRUMENT, instrument, every, acceptances)
    elif value_minor == 0:
        yield _finding(FindingKind.NOT_SOLD, instrument, every, acceptances)
    if len(standing) > 1:
        yield _finding(FindingKind.DOUBLE_ACCEPTANCE, instrument, every, acceptances)
    expires_at = issue.data.expires_at if issue is not None and isinstance(issue.data, InstrumentIssued) else None
    for event, acceptance in zip(standing, acceptances, strict=True):
        if not acceptance.covered:
            yield _finding(FindingKind.OVER_GRANT, instrument, (event.event_id,), [acceptance])
        if expires_at is not None and event.ordered_at > expires_at:
            yield _finding(FindingKind.EXPIRED, instrument, (event.event_id,), [acceptance])


def _finding(kind: FindingKind, instrument: str, events: tuple[UUID, ...], acceptances: list[Acceptance]) -> Finding:
    return Finding(kind=kind, instrument=instrument, events=events, acceptances=tuple(acceptances))


def _odd_sales(instrument: str, issue: Event | None, sales: list[Event]) -> Iterable[Finding]:
    events = tuple(sale.event_id for sale in sales)
    if not sales:
        return
    if issue is None or not isinstance(issue.data, InstrumentIssued):
        yield Finding(kind=FindingKind.UNKNOWN_INSTRUMENT, instrument=instrument, events=events)
    elif len(sales) > 1 or not issue.data.activation_required:
        yield Finding(kind=FindingKind.DOUBLE_SALE, instrument=instrument, events=events)


def _entry(
    instrument: str,
    issue: Event | None,
    sales: list[Event],
    voids: dict[UUID, Event],
    standing: list[Event],
    left_minor: int,
) -> RegistryEntry | None:
    if issue is None or not isinstance(issue.data, InstrumentIssued):
        return None
    first = standing[0] if standing else None
    active = not issue.data.activation_required or bool(sales and sales[0].event_id not in voids)
    cancelled = bool(sales) and not active
    status = (
        InstrumentStatus.REDEEMED
        if first is not None
        else InstrumentStatus.CANCELLED
        if cancelled
        else InstrumentStatus.ACTIVE
        if active
        else InstrumentStatus.CONSIGNED
    )
    return RegistryEntry(
        instrument=instrument,
        status=status,
        balance_minor=left_minor,
        face_minor=issue.data.face_minor,
        expires_at=issue.data.expires_at,
        used_at=first.ordered_at if first is not None else None,
        used_in=first.data.counter.shop if first is not None and isinstance(first.data, Redeemed) else None,
    )
