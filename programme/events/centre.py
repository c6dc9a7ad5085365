"""Central's own events: what it issued, granted and answered, and what its people decided."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from programme.canonical import Instant
from programme.events.box import Count

CENTRAL = "central"
"""The source of central's own events; no box may be called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentIssued:
    """Central put an instrument into the registry.

    Attributes:
        face_minor: A voucher's value; 0 for a card.
        expires_at: Last instant of validity, if any.
        activation_required: Worthless until sold.
    """

    programme: str
    instrument: str
    currency: str
    face_minor: int
    activation_required: bool
    expires_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantIssued:
    """Central granted offline rights.

    Attributes:
        signed: The grant, verbatim.
    """

    device: str
    epoch: str
    number: int
    signed: str


class AskedOperation(Enum):
    """What central is asked for."""

    REDEEM = "redeem"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisationAnswered:
    """Central answered an ask; an approval reserves the amount until the ask ends.

    Attributes:
        device: Who asked.
        authorisation: The event id that was asked for.
        signed: The answer, verbatim.
    """

    device: str
    authorisation: UUID
    programme: str
    instrument: str
    operation: AskedOperation
    approved: bool
    amount_minor: int
    signed: str


class DeskDecision(Enum):
    """What a person at the centre settled."""

    PAY = "pay"
    """Nothing covers it, and the merchant is credited all the same."""
    DECLINE = "decline"
    """Nothing covers it, and the merchant isn't credited."""
    ACCEPT_LOSS = "accept_loss"
    """What the instrument didn't fund stays with the programme."""
    ACKNOWLEDGE = "acknowledge"
    """There is nothing to choose; somebody has seen it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A person at the centre settled something that waited on the desk.

    Attributes:
        target: The redemption, or another event that the desk shows, or the id of a row that was set aside.
        programme: None for a row.
        instrument: None for a row.
        by: The office user's name for signing in.
        loss_minor: What the instrument didn't fund of it when it was decided, as the person saw it.
    """

    target: UUID
    programme: str | None
    instrument: str | None
    decision: DeskDecision
    by: str
    loss_minor: Count = 0
