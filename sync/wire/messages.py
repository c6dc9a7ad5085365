"""What boxes and central tell each other, each message one dataclass."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import msgspec

from programme.authorisations import Answer, Ask
from programme.canonical import Instant
from programme.events import ClockState, Count, ProgrammeTotals, RowLink
from programme.grants import Grant
from programme.registry import RegistryEntry
from sync.wire.fields import Epoch, Hash, Seq


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far something is known.

    Attributes:
        generation: Central's; a restored central takes a new one.
    """

    generation: int
    version: int


class Verdict(Enum):
    """What central did with a row, where it isn't simply booked."""

    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    CONFLICT = "conflict"
    """Other bytes under a known event id; a person looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowVerdict:
    """A row that was not simply booked."""

    seq: Seq
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Central has committed every row up to this one.

    Attributes:
        epoch: The epoch acknowledged.
        seq: Highest contiguous seq; 0 when none.
        hash: That row's hash; 64 zeros when none. A box without this row has forked.
        verdicts: Rows not simply booked: those of the batch that this answers, and the latest of this epoch that wait
            for a person, whether an ack told of them before or not; `MAX_BATCH_ROWS` in all.
        open_authorisations: Approved asks of this box that have not ended.
        heads: Registry heads by programme, after this commit.
        perpetual: To a box that may have forked: the totals of all that central has booked of it, by programme.
        time: Central's signed time: later than every `ordered_at` it has booked.
    """

    device: str
    generation: int
    epoch: str
    seq: int
    hash: Hash
    time: Instant
    verdicts: tuple[RowVerdict, ...] = ()
    open_authorisations: tuple[UUID, ...] = ()
    heads: dict[str, Head] = field(default_factory=dict)
    perpetual: dict[str, ProgrammeTotals] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resend:
    """Central lacks rows, or couldn't read them.

    Attributes:
        one_by_one: Each row in a batch of its own, so that one bad row doesn't take others with it.
    """

    device: str
    epoch: Epoch
    first_seq: Seq
    last_seq: Seq
    one_by_one: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRow:
    """A row as it travels in an ask.

    Attributes:
        event: The event's canonical bytes, verbatim.
    """

    epoch: Epoch
    seq: Seq
    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskMessage:
    """An authorisation request.

    Attributes:
        deadline_ms: How long the box waits; central needn't answer later.
        rows: The box's unacknowledged rows on the instrument.
        gives_up: Earlier asks of this box that it abandoned and central hasn't acknowledged.
    """

    ask: Ask
    sent_at: Instant
    deadline_ms: Annotated[int, msgspec.Meta(gt=0, le=60_000)]
    rows: tuple[RawRow, ...] = ()
    gives_up: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """A box is there, and says where its journal and its knowledge stand.

    Attributes:
        boot: Counts the agent's starts.
        head: Its journal's last row; None for an empty journal.
        grant: Id of the grant it holds.
        heads: Its replicas' heads.
        config: Version of its configuration.
    """

    device: str
    boot: Count
    software: str
    head: RowLink | None
    heads: dict[str, Head]
    config: Count
    at: Instant
    grant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """A box is gone: sent by the broker (LWT) or on a clean stop. Advice, not evidence: it isn't signed."""

    device: str
    boot: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a box fares; lost ones don't matter.

    Attributes:
        unbooked_rows: Rows not yet acknowledged.
        value_at_risk_minor: Value in them, by currency.
        oldest_unbooked_at: Order time of the oldest.
        devices: State in a word by device name.
    """

    device: str
    at: Instant
    unbooked_rows: Count
    value_at_risk_minor: dict[str, Count]
    clock: ClockState
    devices: dict[str, str]
    oldest_unbooked_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Central asks a box to do something now."""

    device: str
    command_id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of a command or of a configuration version.

    Attributes:
        subject: "command/{id}" or "config/{version}".
    """

    device: str
    subject: str
    ok: bool
    detail: dict[str, Any]
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryDelta:
    """Registry entries that changed between two versions of one programme.

    Attributes:
        time: Central's signed time, as in an ack.
    """

    programme: str
    generation: int
    from_version: int
    version: int
    entries: tuple[RegistryEntry, ...]
    time: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySnapshot:
    """A programme's whole registry at one version."""

    programme: str
    generation: int
    version: int
    entries: tuple[RegistryEntry, ...]


CONTEXTS: dict[type[Any], str] = {
    Ack: "ack",
    Resend: "resend",
    AskMessage: "ask",
    Answer: "answer",
    Grant: "grant",
    Birth: "birth",
    Health: "health",
    Command: "command",
    Report: "report",
    RegistryDelta: "registry-delta",
    RegistrySnapshot: "registry-snapshot",
}
"""Signature contexts. Configuration messages are `edge_config.messages`, signed in the context "config"."""
