"""What is asked of the counter, what is known when it decides, and what it can answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from programme.authorisations import Answer
from programme.codes import Code
from programme.events import Counter, Event, Evidence, Operation
from programme.grants import Consignment
from programme.refusals import Refusal
from programme.registry import RegistryEntry
from programme.rules import RuleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Earn:
    """Credit a basket to a card."""

    code: Code
    basket_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem:
    """Spend from a card, or use a voucher.

    Attributes:
        amount_minor: From a card; None for a voucher, which is spent whole.
    """

    code: Code
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sell:
    """Sell a consigned voucher of a value."""

    programme: str
    face_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Void:
    """Reverse an operation of this box and day."""

    target: UUID


Command: TypeAlias = Earn | Redeem | Sell | Void


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Central's answer, in time.

    Attributes:
        signed: Verbatim, to keep as evidence.
    """

    answer: Answer
    signed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known when deciding.

    Attributes:
        rules: Of the instrument's programme.
        now: The order time the event would have.
        entry: The replica's entry; None where it has none.
        replica_version: None without a replica.
        own: This box's operations on the instrument that the replica doesn't have yet, in order.
        never_sent: For a void: the target has not left the box.
        answered: None when central wasn't asked or didn't answer in time.
    """

    rules: RuleSet
    counter: Counter
    now: datetime
    entry: RegistryEntry | None = None
    replica_version: int | None = None
    own: tuple[Event, ...] = ()
    never_sent: bool = False
    answered: Answered | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Do it: this is the event's content.

    Attributes:
        consignment: For a sale: the voucher to hand over.
    """

    operation: Operation
    consignment: Consignment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Don't, and say why."""

    refusal: Refusal


Decision: TypeAlias = Accepted | Refused


def make_evidence(facts: Facts, *, code: Code | None, balance_minor: int | None = None) -> Evidence:
    """What a decision stood on, central\'s answer included."""
    return Evidence(
        rules_version=facts.rules.version,
        trust=code.trust if code is not None else None,
        replica_version=facts.replica_version,
        balance_minor=balance_minor,
        answer=facts.answered.signed if facts.answered is not None else None,
    )
