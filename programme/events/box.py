"""What a box records beside operations: asks that ended, grants, epochs, closures."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Annotated, TypeAlias, get_args
from uuid import UUID

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""JSON numbers are exact up to there (RFC 8785 §3.1), and databases hold them."""


class AbandonReason(Enum):
    """Why an ask ended without its operation."""

    REFUSED = "refused"
    """Central said no."""
    GIVEN_UP = "given_up"
    """No answer in time, and no right to stand in."""
    RESTARTED = "restarted"
    """The box restarted in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisationAbandoned:
    """An ask that will never become an operation; central frees what it reserved.

    Attributes:
        authorisation: The event id that was asked for.
        answer: Central's signed answer, verbatim, if one came.
    """

    authorisation: UUID
    reason: AbandonReason
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantReceived:
    """The box holds a new grant; this row ends the one before.

    Attributes:
        number: The grant's number within this epoch.
        signed: The grant as central signed it, verbatim.
    """

    number: int
    signed: str


class EpochReason(Enum):
    """Why a journal began anew."""

    ENROLMENT = "enrolment"
    CORRUPTION = "corruption"
    FORK = "fork"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLink:
    """A journal row named by place and content.

    Attributes:
        epoch: Counter and 64 random bits, "3-9f86d081884c7d65".
        seq: Gapless within (device, epoch), from 1.
        hash: Of the row, 64 hexadecimal digits.
    """

    epoch: str
    seq: Count
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeTotals:
    """Totals of one programme over a period; each only grows within it.

    Attributes:
        count: Operations, voids included.
    """

    earned_minor: Count = 0
    redeemed_minor: Count = 0
    sold_minor: Count = 0
    voided_minor: Count = 0
    count: Count = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochOpened:
    """First row of an epoch.

    Attributes:
        parent: The last row common with central; None at enrolment.
        perpetual: After a fork: what central has booked of this box, the rows that its disk lost included.
    """

    epoch: str
    reason: EpochReason
    parent: RowLink | None = None
    perpetual: dict[str, ProgrammeTotals] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayClosed:
    """A business day's totals, and the perpetual totals up to it; signed by itself, so that it verifies alone.

    Attributes:
        business_day: The day closed; its operations can no longer be voided.
        totals: Of the day, by programme.
        perpetual: Since the box's enrolment, by programme; never decreases.
        signature: The journal key's, base64url, over the rest.
    """

    business_day: date
    totals: dict[str, ProgrammeTotals]
    perpetual: dict[str, ProgrammeTotals]
    signature: str


Period = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}(-[0-9]{2})?\Z")]
"""A month, "2026-05", or a year, "2026", of business days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodClosed:
    """A month's or a year's totals: the sum of the closures of its days since it was last closed; signed by itself.

    Attributes:
        totals: Of the period, by programme.
        perpetual: Since the box's enrolment, by programme; never decreases.
        signature: The journal key's, base64url, over the rest.
    """

    period: Period
    totals: dict[str, ProgrammeTotals]
    perpetual: dict[str, ProgrammeTotals]
    signature: str


Closure: TypeAlias = DayClosed | PeriodClosed

CLOSURES: tuple[type[Closure], ...] = get_args(Closure)
"""The events that sum up what was done."""
