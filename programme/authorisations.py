"""Ask and answer: the box asks central before it accepts, and central reserves what it approves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from programme.canonical import Instant
from programme.events import AmountMinor, AskedOperation


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The content of an authorisation request.

    Attributes:
        authorisation: The event id the operation would have; a repeat carries the same id and content.
        amount_minor: To reserve, or of the operation to void.
        target: The operation to void.
    """

    authorisation: UUID
    programme: str
    instrument: str
    operation: AskedOperation
    amount_minor: AmountMinor
    shop: str
    target: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Central's decision.

    Attributes:
        ask: What was asked, whole: the signature over the answer covers it.
        balance_minor: Spendable balance before the operation.
        refusal: Why not, as `programme.refusals` writes it; None when approved.
        answered_at: Central's signed time.
    """

    device: str
    ask: Ask
    approved: bool
    balance_minor: int
    answered_at: Instant
    refusal: dict[str, Any] | None = None
