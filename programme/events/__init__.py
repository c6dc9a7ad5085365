"""Events: what happened at a counter or at the centre, with the evidence it was decided on.

An event is final once written. It holds no epoch, sequence number or hash: the journal's row around it does, so a row
can be copied to another epoch without changing what happened. `programme.cloudevents` gives its bytes.
"""

from __future__ import annotations

from programme.events.box import (
    CLOSURES,
    AbandonReason,
    AuthorisationAbandoned,
    Closure,
    Count,
    DayClosed,
    EpochOpened,
    EpochReason,
    GrantReceived,
    PeriodClosed,
    ProgrammeTotals,
    RowLink,
)
from programme.events.centre import (
    CENTRAL,
    AskedOperation,
    AuthorisationAnswered,
    Decided,
    DeskDecision,
    GrantIssued,
    InstrumentIssued,
)
from programme.events.event import EVENT_TYPES, TYPE_NAMES, ClockState, Event, EventData
from programme.events.operations import (
    OPERATIONS,
    AmountMinor,
    CodeTrust,
    Counter,
    Earned,
    Evidence,
    Operation,
    Redeemed,
    Sold,
    Voided,
)

__all__ = [
    "CENTRAL",
    "CLOSURES",
    "EVENT_TYPES",
    "OPERATIONS",
    "TYPE_NAMES",
    "AbandonReason",
    "AmountMinor",
    "AskedOperation",
    "AuthorisationAbandoned",
    "AuthorisationAnswered",
    "ClockState",
    "Closure",
    "CodeTrust",
    "Count",
    "Counter",
    "DayClosed",
    "Decided",
    "DeskDecision",
    "Earned",
    "EpochOpened",
    "EpochReason",
    "Event",
    "EventData",
    "Evidence",
    "GrantIssued",
    "GrantReceived",
    "InstrumentIssued",
    "Operation",
    "PeriodClosed",
    "ProgrammeTotals",
    "Redeemed",
    "RowLink",
    "Sold",
    "Voided",
]
