"""Why the counter says no: one class per reason, each with what the shopkeeper needs to hear.

`programme.words` turns them into sentences. They cross the wire as JSON objects whose `reason` names the class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from programme.canonical import Instant, from_builtins
from programme.errors import NotUnderstood


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownInstrument:
    """The registry doesn't know it, and no signature vouches for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotActivated:
    """A voucher that wasn't sold, as far as known here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyRedeemed:
    """A voucher used before.

    Attributes:
        at: When.
        shop: The shop's name; None when unknown.
    """

    at: Instant | None
    shop: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """A voucher whose sale was voided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Its validity has ended."""

    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class InsufficientBalance:
    """Less on the card than asked for.

    Attributes:
        available_minor: What can be spent now.
        pending_minor: Earned here, spendable once central has booked it.
    """

    available_minor: int
    pending_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AboveFloorLimit:
    """More than a card may spend while central can't be asked."""

    limit_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentOffline:
    """The card's one spend without central has been made; it may spend again once central has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CeilingReached:
    """The box has accepted all that it may without central.

    Attributes:
        remaining_minor: What is left under the ceiling.
    """

    remaining_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoGrant:
    """The box has no right to decide alone, or it has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedElsewhere:
    """Another counter is using it at this moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingConsigned:
    """No voucher of this value is left to sell here."""

    face_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingEarned:
    """The basket is too small to earn a single minor unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketTooLarge:
    """More than the programme believes of a basket."""

    limit_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongOperation:
    """The programme doesn't do this (earning on a voucher, say)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownOperation:
    """No such operation today at this counter."""

    target: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyVoided:
    """It was reversed before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLateToVoid:
    """Its business day is over: it takes a refund."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotInTraining:
    """Sales and voids are of real vouchers and operations: they aren't exercised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsConnection:
    """Central must be asked, and didn't answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """The box had given this ask up; central reserves nothing for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentChanged:
    """The same ask came with other content."""


Refusal: TypeAlias = (
    UnknownInstrument
    | NotActivated
    | AlreadyRedeemed
    | Cancelled
    | Expired
    | InsufficientBalance
    | AboveFloorLimit
    | SpentOffline
    | CeilingReached
    | NoGrant
    | ReservedElsewhere
    | NothingConsigned
    | NothingEarned
    | BasketTooLarge
    | WrongOperation
    | UnknownOperation
    | AlreadyVoided
    | TooLateToVoid
    | NotInTraining
    | NeedsConnection
    | Abandoned
    | ContentChanged
)

REFUSALS: dict[str, type[Refusal]] = {kind.__name__: kind for kind in Refusal.__args__}


def refusal_to_json(refusal: Refusal) -> dict[str, Any]:
    """The refusal as a JSON object."""
    return {"reason": type(refusal).__name__, **msgspec.to_builtins(refusal)}


def refusal_from_json(value: dict[str, Any]) -> Refusal:
    """Read a refusal back.

    Raises:
        NotUnderstood: A reason that this version doesn't know, or an ill-typed detail.
    """
    kind = REFUSALS.get(str(value.get("reason")))
    if kind is None:
        raise NotUnderstood(f"unknown refusal {str(value.get('reason'))[:40]!r}")
    return from_builtins(value, kind)
