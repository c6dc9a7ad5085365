"""What to send when: events in, commands out, no I/O and no clock of its own.

The outbox sends the rows after the watermark in order, a few batches at a time, so that an ask is never stuck behind a
back-log. Unacknowledged rows go again at each connect, and after a time-out that grows while nothing is heard.
Whoever runs it carries out its commands one by one and reports each `SendBatch` with `BatchSent` or `BatchFailed`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TypeAlias

from programme.events import EpochReason
from sync.backoff import Backoff
from sync.journal.values import AckOutcome

BATCH_BYTES = 160 * 1024
"""Events' bytes in a batch: even incompressible ones stay below `sync.wire.MAX_MESSAGE_BYTES`."""
WINDOW_BATCHES = 4
WINDOW_BYTES = WINDOW_BATCHES * BATCH_BYTES
_MAX_RESENDS = 32
"""Ranges waiting to go again; a time-out sends everything anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUp:
    """The broker is connected and the subscriptions hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown:
    """The connection is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsAppended:
    """The journal has grown.

    Attributes:
        head_seq: Its last row in this epoch.
    """

    head_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acked:
    """The journal took an ack.

    Attributes:
        watermark_seq: The journal's watermark after it.
    """

    outcome: AckOutcome
    watermark_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendAsked:
    """Central asks for rows.

    Attributes:
        epoch: None for the current one.
    """

    first_seq: int
    last_seq: int
    one_by_one: bool = False
    epoch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSent:
    """The last `SendBatch` was given to the link.

    Attributes:
        last_seq: The last row that it had room for.
        size_bytes: Of its events; 0 where the journal has no such rows.
    """

    last_seq: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFailed:
    """The last `SendBatch` couldn't be carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochBegun:
    """The journal opened a new epoch.

    Attributes:
        head_seq: Its last row.
    """

    head_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The time asked for by `WakeAt` has come."""


Input: TypeAlias = LinkUp | LinkDown | RowsAppended | Acked | ResendAsked | BatchSent | BatchFailed | EpochBegun | Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class SendBatch:
    """Read rows from `first_seq` to at most `last_seq` and `max_bytes`, mark them as sent, and send them as one batch.

    Attributes:
        epoch: None for the current one.
    """

    first_seq: int
    last_seq: int
    max_bytes: int = BATCH_BYTES
    epoch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeAt:
    """Send a `Tick` at this time; replaces the one before.

    Attributes:
        at_s: By the clock of `Outbox.handle`; None for never.
    """

    at_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEpoch:
    """Open a new epoch in the journal, then say `EpochBegun`."""

    reason: EpochReason


Command: TypeAlias = SendBatch | WakeAt | OpenEpoch


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flight:
    """A batch on its way.

    Attributes:
        again: It answers a `Resend`, so its rows may be of an old epoch or below the watermark.
    """

    last_seq: int
    size_bytes: int
    again: bool


class Outbox:
    """Decides what goes to central next."""

    def __init__(self, *, head_seq: int, watermark_seq: int, time_out: Backoff) -> None:
        """Begin with the link down.

        Args:
            head_seq: The journal's last row in this epoch.
            watermark_seq: The last one acknowledged.
            time_out: How long to wait for an ack before rows go again.
        """
        self._head_seq = head_seq
        self._watermark_seq = watermark_seq
        self._time_out = time_out
        self._next_seq = watermark_seq + 1
        self._flights: list[_Flight] = []
        self._resends: deque[ResendAsked] = deque()
        self._answered: set[ResendAsked] = set()
        self._up = False
        self._opening = False
        self._paused = False
        self._wake_at_s: float | None = None
        self._sending: SendBatch | None = None
        self._sending_again = False
        self._sending_counts = False

    @property
    def in_flight_bytes(self) -> int:
        """Of events sent and not acknowledged."""
        return sum(flight.size_bytes for flight in self._flights)

    def handle(self, event: Input, *, now_s: float) -> list[Command]:
        """Take an event, and say what is to be done now.

        Args:
            now_s: By any clock that doesn't go back.
        """
        wake_at_s = self._wake_at_s
        commands = [*self._take(event, now_s), *self._send()]
        if self._wake_at_s != wake_at_s:
            commands.append(WakeAt(at_s=self._wake_at_s))
        return commands

    def _take(self, event: Input, now_s: float) -> list[Command]:
        match event:
            case LinkUp():
                self._up = True
                self._time_out.proved()
                self._start_over()
            case LinkDown():
                self._up = False
                self._start_over()
            case RowsAppended(head_seq=head_seq):
                self._head_seq = max(self._head_seq, head_seq)
            case Acked():
                return self._acked(event, now_s)
            case ResendAsked():
                self._asked(event)
            case BatchSent():
                self._sent(event, now_s)
            case BatchFailed():
                self._failed(now_s)
            case EpochBegun(head_seq=head_seq):
                self._begin_epoch(head_seq)
            case Tick() if self._wake_at_s is not None and now_s >= self._wake_at_s:
                self._start_over()
        return []

    def _acked(self, event: Acked, now_s: float) -> list[Command]:
        if self._opening:
            return []
        if event.outcome is AckOutcome.FORKED:
            self._start_over()
            self._opening = True
            return [OpenEpoch(reason=EpochReason.FORK)]
        self._flights = [flight for flight in self._flights if not flight.again]
        if event.outcome is AckOutcome.ADVANCED:
            self._advance(event.watermark_seq)
            # What is still out gets its time afresh.
            self._wake_at_s = None
        if not self._flights and not self._paused:
            self._wake_at_s = None
        elif self._wake_at_s is None:
            self._wake_at_s = now_s + self._time_out.next_s()
        return []

    def _advance(self, watermark_seq: int) -> None:
        went_back = watermark_seq < self._watermark_seq
        self._watermark_seq = watermark_seq
        self._head_seq = max(self._head_seq, watermark_seq)
        self._time_out.proved()
        if went_back:
            self._start_over()
            return
        self._answered.clear()
        self._flights = [flight for flight in self._flights if flight.last_seq > watermark_seq]
        self._next_seq = max(self._next_seq, watermark_seq + 1)

    def _asked(self, asked: ResendAsked) -> None:
        """A range goes again once; if that didn't help, the time-out's pace is enough."""
        last_seq = asked.last_seq if asked.epoch else min(asked.last_seq, self._head_seq)
        asked = replace(asked, last_seq=last_seq)
        if asked.first_seq <= last_seq and asked not in self._answered and len(self._resends) < _MAX_RESENDS:
            self._answered.add(asked)
            self._resends.append(asked)

    def _sent(self, event: BatchSent, now_s: float) -> None:
        sent, again = self._sending, self._sending_again
        self._sending = None
        if sent is None or not self._sending_counts:
            return
        if again:
            rest = replace(self._resends.popleft(), first_seq=event.last_seq + 1)
            if event.size_bytes > 0 and rest.first_seq <= rest.last_seq:
                self._resends.appendleft(rest)
        elif event.size_bytes == 0:
            self._pause(now_s)
            return
        else:
            self._next_seq = max(self._next_seq, event.last_seq + 1)
        if event.size_bytes > 0:
            self._flights.append(_Flight(last_seq=event.last_seq, size_bytes=event.size_bytes, again=again))
            if self._wake_at_s is None:
                self._wake_at_s = now_s + self._time_out.next_s()

    def _failed(self, now_s: float) -> None:
        counts, self._sending = self._sending_counts, None
        if counts:
            self._pause(now_s)

    def _pause(self, now_s: float) -> None:
        self._paused = True
        if self._wake_at_s is None:
            self._wake_at_s = now_s + self._time_out.next_s()

    def _begin_epoch(self, head_seq: int) -> None:
        self._opening = False
        self._head_seq = head_seq
        self._watermark_seq = 0
        self._start_over()

    def _start_over(self) -> None:
        """Count nothing as sent; what `Resend`s asked for is among the rest, or is asked for again."""
        self._next_seq = self._watermark_seq + 1
        self._flights.clear()
        self._resends.clear()
        self._answered.clear()
        self._paused = False
        self._wake_at_s = None
        self._sending_counts = False

    def _send(self) -> list[Command]:
        room_bytes = WINDOW_BYTES - self.in_flight_bytes
        full = room_bytes <= 0 or len(self._flights) >= WINDOW_BATCHES
        if not self._up or self._opening or self._paused or self._sending is not None or full:
            return []
        batch = self._again() or self._on()
        if batch is None:
            return []
        self._sending_again = bool(self._resends)
        self._sending = replace(batch, max_bytes=min(BATCH_BYTES, room_bytes))
        self._sending_counts = True
        return [self._sending]

    def _again(self) -> SendBatch | None:
        if not self._resends:
            return None
        asked = self._resends[0]
        last_seq = asked.first_seq if asked.one_by_one else asked.last_seq
        return SendBatch(first_seq=asked.first_seq, last_seq=last_seq, epoch=asked.epoch)

    def _on(self) -> SendBatch | None:
        if self._next_seq > self._head_seq:
            return None
        return SendBatch(first_seq=self._next_seq, last_seq=self._head_seq)
