"""What an event does to the books: postings that sum to zero, and findings that a person should see."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias
from uuid import UUID, uuid5

from programme.events import Event, Operation, Redeemed, Voided
from programme.registry import RegistryEntry

HOLDERS = "holders"
"""Owed to holders: what is outstanding on cards and vouchers."""
LOSS = "loss"
"""What the programme lost to acceptances that nothing funds."""
DISPUTED = "disputed"
"""Cash taken for vouchers that can't stand (sold twice, or not to be sold); owed to whom a person decides."""
ISSUER = "issuer"
"""Owed by who gave vouchers away."""

_DECLINED = UUID("5d0c1f6a-3a43-4f7e-9a67-3f0c6b1f4d02")
"""The name space of the ids that decline (RFC 9562 §5.5)."""

Postings: TypeAlias = Mapping[str, int]
"""Minor units by account; positive is owed by the programme. They sum to zero."""


def merchant(shop: str) -> str:
    """Owed to a shop; negative while it owes cash from sales."""
    return f"merchant:{shop}"


def held(shop: str) -> str:
    """Accepted beyond any grant: waits for a person to decide."""
    return f"held:{shop}"


def funder(name: str) -> str:
    """Owed by who pays for earns (negative)."""
    return f"funder:{name}"


class FindingKind(Enum):
    """What the desk, or an auditor, should look at."""

    CLAMPED = "clamped"
    """An earn met the cap."""
    SHORTFALL = "shortfall"
    """More was spent than the card held."""
    DOUBLE_ACCEPTANCE = "double_acceptance"
    """A single-use voucher was taken more than once."""
    OVER_GRANT = "over_grant"
    """Neither an answer nor a grant covers it."""
    NOT_SOLD = "not_sold"
    """A voucher was taken that was never sold."""
    DOUBLE_SALE = "double_sale"
    """A voucher was sold twice, or one that isn't for sale."""
    EXPIRED = "expired"
    """Taken after its validity."""
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    """Central never issued it."""
    VOID_SHORTFALL = "void_shortfall"
    """A void took back less than it reversed; the rest is the programme's loss."""
    LATE_VOID = "late_void"
    """A void on another business day than its operation's."""
    BAD_VOID = "bad_void"
    """A void of nothing, of another box's operation, of another amount, or a second one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """One redemption as the fold judged it.

    Attributes:
        funded_minor: Paid by the instrument.
        loss_minor: Paid by the programme's loss account.
        covered: Whether the merchant is credited, or waits for a person.
    """

    event_id: UUID
    funded_minor: int
    loss_minor: int
    covered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to look at.

    Attributes:
        events: The events concerned, in canonical order.
        acceptances: For findings about redemptions, how each was judged.
    """

    kind: FindingKind
    instrument: str
    events: tuple[UUID, ...]
    acceptances: tuple[Acceptance, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """One instrument's books.

    Attributes:
        entry: Its registry entry; `used_in` holds the shop's id. None while central hasn't issued it.
        effects: Postings by event; an event without effect is absent.
    """

    entry: RegistryEntry | None
    effects: Mapping[UUID, Postings] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def add(*terms: Postings) -> Postings:
    """Sum postings; accounts that come to zero vanish."""
    total: dict[str, int] = {}
    for term in terms:
        for account, amount_minor in term.items():
            total[account] = total.get(account, 0) + amount_minor
    return {account: amount_minor for account, amount_minor in total.items() if amount_minor}


def inverse(postings: Postings) -> Postings:
    """The reversal."""
    return {account: -amount_minor for account, amount_minor in postings.items()}


def accepted(redemption: Event, *, funded_minor: int, covered: bool) -> Postings:
    """A redemption: the instrument pays what it can, the loss account the rest, the merchant is credited if covered."""
    data = redemption.data
    assert isinstance(data, Redeemed)
    shop = data.counter.shop
    return add(
        {HOLDERS: -funded_minor},
        {LOSS: -(data.amount_minor - funded_minor)},
        {merchant(shop) if covered else held(shop): data.amount_minor},
    )


def declined(redemption: UUID) -> UUID:
    """The id that stands among the covered redemptions' ids for one that a person declined to pay.

    One set of ids is all that goes from the evidence to the fold of an instrument, and most of it is empty.
    """
    return uuid5(_DECLINED, redemption.hex)


def is_declined(redemption: Event, covered: Collection[UUID]) -> bool:
    """Whether a redemption counts for nothing: nobody covers it, and a person declined to pay it."""
    return redemption.event_id not in covered and declined(redemption.event_id) in covered


def without_exercises(events: Iterable[Event]) -> list[Event]:
    """The events that count, in canonical order: operations made in training move nothing."""
    return sorted(
        (event for event in events if not (isinstance(event.data, Operation) and event.data.counter.training)),
        key=lambda event: event.order,
    )


def voids_of(events: Iterable[Event]) -> tuple[dict[UUID, Event], list[Event]]:
    """Pair voids with what they reverse.

    Returns:
        The void of each voided event, by the voided event's id; and the voids that hold for nothing: a void counts
        once, for an operation of the same box, instrument and amount that came before it.
    """
    ordered = sorted(events, key=lambda event: event.order)
    targets = {event.event_id: event for event in ordered if not isinstance(event.data, Voided)}
    voids: dict[UUID, Event] = {}
    bad = []
    for void in ordered:
        if not isinstance(void.data, Voided):
            continue
        target = targets.get(void.data.target)
        if target is None or void.data.target in voids or not _matches(void, target):
            bad.append(void)
        else:
            voids[void.data.target] = void
    return voids, bad


def late_voids(instrument: str, events: Iterable[Event], voids: Mapping[UUID, Event]) -> list[Finding]:
    """Voids that hold, but came after their operation's business day."""
    days = {event.event_id: event.data.counter.business_day for event in events if isinstance(event.data, Operation)}
    return [
        Finding(kind=FindingKind.LATE_VOID, instrument=instrument, events=(target, void.event_id))
        for target, void in voids.items()
        if days[target] != days[void.event_id]
    ]


def _matches(void: Event, target: Event) -> bool:
    assert isinstance(void.data, Voided)
    return (
        isinstance(target.data, Operation)
        and void.source == target.source
        and void.order > target.order
        and void.data.programme == target.data.programme
        and void.data.instrument == target.data.instrument
        and void.data.amount_minor == target.data.amount_minor
    )
