"""Operations at a counter, with the evidence that they were decided on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, TypeAlias, get_args
from uuid import UUID

import msgspec

from programme.money import MAX_AMOUNT_MINOR

AmountMinor = Annotated[int, msgspec.Meta(gt=0, le=MAX_AMOUNT_MINOR)]
"""An operation's amount: positive and bounded wherever it enters."""


class CodeTrust(Enum):
    """What stood behind a code at the counter."""

    SIGNED = "signed"
    LEGACY = "legacy"
    """Known by the registry replica alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Where an operation took place.

    Attributes:
        shop: Shop id.
        till: Till id within the shop.
        operator: Pseudonymous operator id, never a name.
        business_day: In the shop's time zone, by its end of day.
        training: An exercise: moves no money anywhere.
    """

    shop: str
    till: str
    business_day: date
    operator: str | None = None
    training: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a decision stood on, so that it can be judged again years later.

    Attributes:
        rules_version: Of the programme's rule set.
        trust: What the code proved by itself.
        replica_version: Registry version of the box's replica; None when it had none.
        balance_minor: Spendable balance seen before the operation.
        grant: Id of the grant (`Grant.grant_id`) that a stand-in or a sale relied on.
        answer: Central's signed answer, verbatim, when it was asked in time.
    """

    rules_version: int
    trust: CodeTrust | None = None
    replica_version: int | None = None
    balance_minor: int | None = None
    grant: str | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """A card gained value on a basket; the cap is applied by the fold, in canonical order.

    Attributes:
        basket_minor: What was bought, > 0.
        amount_minor: The earn by the rate, before the cap, > 0.
    """

    programme: str
    instrument: str
    currency: str
    basket_minor: AmountMinor
    amount_minor: AmountMinor
    counter: Counter
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """Value was spent from a card, or a voucher was used, for goods that have left the shop.

    Attributes:
        amount_minor: > 0; a single-use voucher's whole face value.
    """

    programme: str
    instrument: str
    currency: str
    amount_minor: AmountMinor
    counter: Counter
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """A consigned voucher was sold, and so activated; the shop owes the cash it took.

    Attributes:
        amount_minor: Face value, > 0.
    """

    programme: str
    instrument: str
    currency: str
    amount_minor: AmountMinor
    counter: Counter
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Voided:
    """An operation of the same box and business day was reversed, whole.

    Attributes:
        target: The voided operation's event id.
        amount_minor: Its amount.
    """

    programme: str
    instrument: str
    currency: str
    target: UUID
    amount_minor: AmountMinor
    counter: Counter
    evidence: Evidence


Operation: TypeAlias = Earned | Redeemed | Sold | Voided

OPERATIONS: tuple[type[Operation], ...] = get_args(Operation)
"""The events that move value at a counter."""
