"""What central's registry says of an instrument, as boxes hold it in their replicas."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from programme.canonical import Instant


class InstrumentStatus(Enum):
    """Where an instrument stands."""

    CONSIGNED = "consigned"
    """Issued, and worthless until sold."""
    ACTIVE = "active"
    REDEEMED = "redeemed"
    CANCELLED = "cancelled"
    """Its sale was voided: dead for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryEntry:
    """One instrument's state, from booked events alone.

    Attributes:
        balance_minor: What is left; of a voucher it can be spent only while the status is active, and whole.
        face_minor: A voucher's value; 0 for a card.
        expires_at: Last instant of validity, if any.
        used_at: When a voucher was redeemed, by the box's order time.
        used_in: The shop's name.
    """

    instrument: str
    status: InstrumentStatus
    balance_minor: int = 0
    face_minor: int = 0
    expires_at: Instant | None = None
    used_at: Instant | None = None
    used_in: str | None = None
