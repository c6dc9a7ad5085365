"""The event around its data, and the names of its types."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias
from uuid import UUID

from programme.canonical import Instant
from programme.events.box import AuthorisationAbandoned, DayClosed, EpochOpened, GrantReceived, PeriodClosed
from programme.events.centre import AuthorisationAnswered, Decided, GrantIssued, InstrumentIssued
from programme.events.operations import Earned, Operation, Redeemed, Sold, Voided

EventData: TypeAlias = (
    Operation
    | AuthorisationAbandoned
    | GrantReceived
    | EpochOpened
    | DayClosed
    | PeriodClosed
    | InstrumentIssued
    | GrantIssued
    | AuthorisationAnswered
    | Decided
)

EVENT_TYPES: dict[str, type[EventData]] = {
    "comptoir.earned.v1": Earned,
    "comptoir.redeemed.v1": Redeemed,
    "comptoir.sold.v1": Sold,
    "comptoir.voided.v1": Voided,
    "comptoir.authorisation_abandoned.v1": AuthorisationAbandoned,
    "comptoir.grant_received.v1": GrantReceived,
    "comptoir.epoch_opened.v1": EpochOpened,
    "comptoir.day_closed.v1": DayClosed,
    "comptoir.period_closed.v1": PeriodClosed,
    "comptoir.instrument_issued.v1": InstrumentIssued,
    "comptoir.grant_issued.v1": GrantIssued,
    "comptoir.authorisation_answered.v1": AuthorisationAnswered,
    "comptoir.decided.v1": Decided,
}
TYPE_NAMES = {kind: name for name, kind in EVENT_TYPES.items()}


class ClockState(Enum):
    """How far a box's time can be believed."""

    SYNCED = "synced"
    """Central's signed time was seen since the last boot."""
    SUSPECT = "suspect"
    """Rebooted and not heard from central since: order holds, the date may not."""


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
