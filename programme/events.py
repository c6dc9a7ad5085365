"""Events: what happened at a counter or at the centre, with the evidence it was decided on.

An event is final once written. It holds no epoch, sequence number or hash: the journal's row around it does, so a row
can be copied to another epoch without changing what happened. `programme.cloudevents` gives its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Annotated, TypeAlias, get_args
from uuid import UUID

import msgspec

from programme.canonical import Instant
from programme.money import MAX_AMOUNT_MINOR

CENTRAL = "central"
"""The source of central's own events; no box may be called so."""

AmountMinor = Annotated[int, msgspec.Meta(gt=0, le=MAX_AMOUNT_MINOR)]
"""An operation's amount: positive and bounded wherever it enters."""


Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""JSON numbers are exact up to there (RFC 8785 §3.1), and databases hold them."""


class ClockState(Enum):
    """How far a box's time can be believed."""

    SYNCED = "synced"
    """Central's signed time was seen since the last boot."""
    SUSPECT = "suspect"
    """Rebooted and not heard from central since: order holds, the date may not."""


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


Operation: TypeAlias = Earned | Redeemed | Sold | Voided


class DeskDecision(Enum):
    """What a person at the centre settled about a redemption."""

    PAY = "pay"
    """Nothing covers it, and the merchant is credited all the same."""
    DECLINE = "decline"
    """Nothing covers it, and the merchant isn't credited."""
    ACCEPT_LOSS = "accept_loss"
    """What the instrument didn't fund stays with the programme."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A person at the centre settled a redemption that waited on the desk.

    Attributes:
        target: The redemption.
        by: The office user's name for signing in.
    """

    target: UUID
    programme: str
    instrument: str
    decision: DeskDecision
    by: str


EventData: TypeAlias = (
    Operation
    | AuthorisationAbandoned
    | GrantReceived
    | EpochOpened
    | DayClosed
    | InstrumentIssued
    | GrantIssued
    | AuthorisationAnswered
    | Decided
)

OPERATIONS: tuple[type[Operation], ...] = get_args(Operation)
"""The events that move value at a counter."""

EVENT_TYPES: dict[str, type[EventData]] = {
    "comptoir.earned.v1": Earned,
    "comptoir.redeemed.v1": Redeemed,
    "comptoir.sold.v1": Sold,
    "comptoir.voided.v1": Voided,
    "comptoir.authorisation_abandoned.v1": AuthorisationAbandoned,
    "comptoir.grant_received.v1": GrantReceived,
    "comptoir.epoch_opened.v1": EpochOpened,
    "comptoir.day_closed.v1": DayClosed,
    "comptoir.instrument_issued.v1": InstrumentIssued,
    "comptoir.grant_issued.v1": GrantIssued,
    "comptoir.authorisation_answered.v1": AuthorisationAnswered,
    "comptoir.decided.v1": Decided,
}
TYPE_NAMES = {kind: name for name, kind in EVENT_TYPES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event.

    Attributes:
        event_id: UUIDv7; one id has one effect.
        source: Device id, or `CENTRAL`.
        occurred_at: The source's wall clock.
        ordered_at: Strictly increasing per source; with source and id, the canonical order.
        clock: Whether `ordered_at` can be believed as a date.
    """

    event_id: UUID
    source: str
    occurred_at: Instant
    ordered_at: Instant
    clock: ClockState
    data: EventData

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return TYPE_NAMES[type(self.data)]

    @property
    def order(self) -> tuple[Instant, str, UUID]:
        """The key of the canonical order."""
        return (self.ordered_at, self.source, self.event_id)
