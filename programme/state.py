"""What a box remembers to decide by: small records under keys, changed only by events.

`evolve` is pure: records and an event in, changed records out. The journal stores the changes in the transaction that
stores the event; replaying all events from nothing gives the same records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum
from typing import TypeAlias
from uuid import UUID

from programme.canonical import Instant
from programme.events import (
    DayClosed,
    Earned,
    EpochOpened,
    Event,
    GrantReceived,
    Operation,
    ProgrammeTotals,
    Redeemed,
    Sold,
    Voided,
)
from programme.grants import Allowance, read_signed_grant


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentEpoch:
    """The journal's epoch; only its own grants hold."""

    epoch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldGrant:
    """The grant in force and what was accepted under it.

    Attributes:
        spent_minor: By programme; a void of a stand-in gives back.
    """

    grant_id: str
    ends_at: Instant
    allowances: dict[str, Allowance]
    spent_minor: dict[str, int] = field(default_factory=dict)


class OperationKind(Enum):
    """What an operation on record did."""

    EARNED = "earned"
    REDEEMED = "redeemed"
    SOLD = "sold"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOperation:
    """An operation of a business day that isn't closed yet, so that it can be voided.

    Attributes:
        grant: Id of the grant it relied on, if it stood in.
    """

    event_id: UUID
    kind: OperationKind
    programme: str
    instrument: str
    currency: str
    amount_minor: int
    business_day: date
    grant: str | None = None
    voided: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldSerial:
    """A consigned voucher that left the shop; it stays on record even when its sale is voided."""

    sale: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Totals by programme, of a day or perpetual."""

    programmes: dict[str, ProgrammeTotals] = field(default_factory=dict)


Record: TypeAlias = CurrentEpoch | HeldGrant | OpenOperation | SoldSerial | Totals
Records: TypeAlias = Mapping[str, Record]
Changes: TypeAlias = dict[str, Record | None]
"""New records by key; None deletes."""

EPOCH = "epoch"
GRANT = "grant"
PERPETUAL = "perpetual"
OPERATION = "operation/"
SOLD = "sold/"
DAY = "day/"

RECORD_KINDS: dict[str, type[Record]] = {
    EPOCH: CurrentEpoch,
    GRANT: HeldGrant,
    PERPETUAL: Totals,
    OPERATION: OpenOperation,
    SOLD: SoldSerial,
    DAY: Totals,
}


def record_kind(key: str) -> type[Record]:
    """The class stored under a key: its part up to and with the slash says."""
    head, slash, _ = key.partition("/")
    return RECORD_KINDS[head + slash]


_KINDS: Mapping[type[Operation], OperationKind] = {
    Earned: OperationKind.EARNED,
    Redeemed: OperationKind.REDEEMED,
    Sold: OperationKind.SOLD,
}


def held_grant(records: Records) -> HeldGrant | None:
    """The grant in force."""
    record = records.get(GRANT)
    return record if isinstance(record, HeldGrant) else None


def open_operation(records: Records, event_id: UUID) -> OpenOperation | None:
    """An operation that may still be voided."""
    record = records.get(f"{OPERATION}{event_id}")
    return record if isinstance(record, OpenOperation) else None


def totals(records: Records, key: str) -> Totals:
    """Totals under a key; zero where nothing happened."""
    record = records.get(key)
    return record if isinstance(record, Totals) else Totals()


def evolve(records: Records, event: Event) -> Changes:
    """What an event changes."""
    match event.data:
        case EpochOpened() as opened:
            return {EPOCH: CurrentEpoch(epoch=opened.epoch), GRANT: None} | _catch_up(records, opened)
        case GrantReceived() as received:
            return _take_grant(records, received)
        case DayClosed() as closed:
            return _close_day(records, closed)
        case Earned() | Redeemed() | Sold() | Voided() as operation:
            return {} if operation.counter.training else _operate(records, event, operation)
    return {}


def _take_grant(records: Records, received: GrantReceived) -> Changes:
    """Hold the grant, unless it is of another epoch: rights end with the epoch that they were given for."""
    grant = read_signed_grant(received.signed)
    if records.get(EPOCH) != CurrentEpoch(epoch=grant.epoch):
        return {}
    return {GRANT: HeldGrant(grant_id=grant.grant_id, ends_at=grant.ends_at, allowances=grant.allowances)}


def _operate(records: Records, event: Event, operation: Operation) -> Changes:
    changes: Changes = _count(records, operation)
    if isinstance(operation, Voided):
        return changes | _void(records, operation)
    stand_in = operation.evidence.grant if isinstance(operation, Redeemed) else None
    changes[f"{OPERATION}{event.event_id}"] = OpenOperation(
        event_id=event.event_id,
        kind=_KINDS[type(operation)],
        programme=operation.programme,
        instrument=operation.instrument,
        currency=operation.currency,
        amount_minor=operation.amount_minor,
        business_day=operation.counter.business_day,
        grant=stand_in,
    )
    if isinstance(operation, Sold):
        changes[f"{SOLD}{operation.instrument}"] = SoldSerial(sale=event.event_id)
    if stand_in is not None:
        changes |= _spend(records, stand_in, operation.programme, operation.amount_minor)
    return changes


def _void(records: Records, void: Voided) -> Changes:
    target = open_operation(records, void.target)
    if target is None:
        return {}
    changes: Changes = {f"{OPERATION}{void.target}": replace(target, voided=True)}
    if target.grant is not None:
        changes |= _spend(records, target.grant, target.programme, -target.amount_minor)
    return changes


def _spend(records: Records, grant_id: str, programme: str, amount_minor: int) -> Changes:
    grant = held_grant(records)
    if grant is None or grant.grant_id != grant_id:
        return {}
    spent_minor = grant.spent_minor.get(programme, 0) + amount_minor
    return {GRANT: replace(grant, spent_minor=grant.spent_minor | {programme: spent_minor})}


def _count(records: Records, operation: Operation) -> Changes:
    changes: Changes = {}
    for key in (PERPETUAL, f"{DAY}{operation.counter.business_day}"):
        programmes = totals(records, key).programmes
        counted = count_operation(programmes.get(operation.programme, ProgrammeTotals()), operation)
        changes[key] = Totals(programmes=programmes | {operation.programme: counted})
    return changes


def _catch_up(records: Records, opened: EpochOpened) -> Changes:
    """Perpetual totals never decrease: a restored disk takes over what central knows of the rows that it lost."""
    own = totals(records, PERPETUAL).programmes
    return {PERPETUAL: Totals(programmes=at_least(own, opened.perpetual))} if opened.perpetual else {}


def at_least(own: Mapping[str, ProgrammeTotals], known: Mapping[str, ProgrammeTotals]) -> dict[str, ProgrammeTotals]:
    """Totals by programme, each the greater one of both: what two branches of a journal counted is counted once."""
    return dict(own) | {
        programme: _greater(own.get(programme, ProgrammeTotals()), sums) for programme, sums in known.items()
    }


def _greater(own: ProgrammeTotals, booked: ProgrammeTotals) -> ProgrammeTotals:
    return ProgrammeTotals(
        earned_minor=max(own.earned_minor, booked.earned_minor),
        redeemed_minor=max(own.redeemed_minor, booked.redeemed_minor),
        sold_minor=max(own.sold_minor, booked.sold_minor),
        voided_minor=max(own.voided_minor, booked.voided_minor),
        count=max(own.count, booked.count),
    )


def count_operation(sums: ProgrammeTotals, operation: Operation) -> ProgrammeTotals:
    """Totals with one more operation."""
    amount_minor = operation.amount_minor
    return ProgrammeTotals(
        earned_minor=sums.earned_minor + (amount_minor if isinstance(operation, Earned) else 0),
        redeemed_minor=sums.redeemed_minor + (amount_minor if isinstance(operation, Redeemed) else 0),
        sold_minor=sums.sold_minor + (amount_minor if isinstance(operation, Sold) else 0),
        voided_minor=sums.voided_minor + (amount_minor if isinstance(operation, Voided) else 0),
        count=sums.count + 1,
    )


def _close_day(records: Records, closed: DayClosed) -> Changes:
    changes: Changes = {f"{DAY}{closed.business_day}": None}
    for key, record in records.items():
        if isinstance(record, OpenOperation) and record.business_day <= closed.business_day:
            changes[key] = None
    return changes
