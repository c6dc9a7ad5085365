"""What the journal says to the rest of the program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID


class AckOutcome(Enum):
    """What an ack did here."""

    ADVANCED = "advanced"
    """The watermark moved: on, or back where a new generation of central knows less."""
    STALE = "stale"
    """Nothing new: repeated, overtaken, of an earlier generation, or of an epoch that is over."""
    FORKED = "forked"
    """Central holds a row of this epoch that this journal lacks: a new epoch is needed, and nothing is forgotten."""


class JobState(Enum):
    """How far a durable job is."""

    QUEUED = "queued"
    SENDING = "sending"
    CONFIRMED = "confirmed"
    UNCERTAIN = "uncertain"
    """Nobody can tell: a person is asked."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work that an operation left to do: a print, a webhook.

    Attributes:
        kind: Who takes it.
        event_id: The operation.
        detail: What happened last, for a person.
    """

    job_id: int
    kind: str
    event_id: UUID
    payload: bytes
    state: JobState
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What central hasn't booked yet.

    Attributes:
        value_at_risk_minor: Amounts of the unbooked earns, redemptions and sales, by currency; exercises apart.
    """

    unbooked_rows: int
    value_at_risk_minor: dict[str, int]
    oldest_unbooked_at: datetime | None
