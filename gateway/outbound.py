"""Carries out what the outbox decides: batches to the link, timers, new epochs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from gateway.asking import Publisher
from gateway.identity import Identity
from programme.events import EpochReason
from sync.backoff import Backoff
from sync.chain import Row
from sync.errors import ArchiveDamaged, JournalBroken, JournalError, LinkError, Unreadable
from sync.journal import Journal
from sync.outbox import (
    BatchFailed,
    BatchSent,
    Command,
    EpochBegun,
    Input,
    OpenEpoch,
    Outbox,
    RowsAppended,
    SendBatch,
    WakeAt,
)
from sync.topics import Up
from sync.wire import MAX_BATCH_ROWS, encode_batch

ACK_WITHIN_S = 10.0
ACK_WITHIN_CAP_S = 120.0
_RETRY_EPOCH_S = 5.0
_log = structlog.get_logger("comptoir.outbound")


class Outbound:
    """Runs an outbox; to be fed by one task."""

    def __init__(
        self,
        *,
        identity: Identity,
        journal: Journal,
        link: Publisher,
        tick: Callable[[], None],
        epoch_begun: Callable[[], None],
    ) -> None:
        """Set up.

        Args:
            tick: Called when the outbox wanted to be woken.
            epoch_begun: Called after a new epoch was opened.
        """
        self._identity = identity
        self._journal = journal
        self._link = link
        self._tick = tick
        self._epoch_begun = epoch_begun
        self._timer: asyncio.TimerHandle | None = None
        self._outbox = Outbox(
            head_seq=self._head_seq(),
            watermark_seq=journal.watermark.seq,
            time_out=Backoff(first_s=ACK_WITHIN_S, cap_s=ACK_WITHIN_CAP_S),
        )

    async def feed(self, event: Input) -> None:
        """Take an event, and do all that follows from it."""
        loop = asyncio.get_running_loop()
        inputs: deque[Input] = deque([event])
        while inputs:
            for command in self._outbox.handle(inputs.popleft(), now_s=loop.time()):
                inputs.extend(await self._carry_out(command))

    async def grown(self) -> None:
        """Rows were added."""
        await self.feed(RowsAppended(head_seq=self._head_seq()))

    def close(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()

    async def _carry_out(self, command: Command) -> tuple[Input, ...]:
        match command:
            case SendBatch():
                return await self._send(command)
            case WakeAt(at_s=at_s):
                self.close()
                self._timer = None if at_s is None else asyncio.get_running_loop().call_at(at_s, self._tick)
                return ()
            case OpenEpoch(reason=reason):
                return (await self._open_epoch(reason),)

    async def _open_epoch(self, reason: EpochReason) -> Input:
        """Until there is a new epoch nothing can be sent, so try for as long as it takes."""
        while True:
            try:
                damaged = await asyncio.to_thread(self._journal.open_epoch, reason)
                break
            except JournalError as error:
                _log.error("no new epoch yet", reason=str(error))
                await asyncio.sleep(_RETRY_EPOCH_S)
        for link in damaged:
            _log.error("damaged row left out: look it up in the till's own records", epoch=link.epoch, seq=link.seq)
        _log.warning("new epoch", reason=reason.value)
        self._epoch_begun()
        return EpochBegun(head_seq=self._head_seq())

    async def _send(self, command: SendBatch) -> tuple[Input, ...]:
        try:
            batch, last_seq, size_bytes = await asyncio.to_thread(self._encode, command)
            if size_bytes:
                self._link.publish(self._identity.address.up(Up.JOURNAL), batch)
        except ArchiveDamaged as error:
            _log.error("archived rows passed over", first_seq=command.first_seq, reason=str(error))
            # As if they were on their way: what follows can't wait until a person puts a file back.
            return (BatchSent(last_seq=min(error.last_seq, command.last_seq), size_bytes=1),)
        except (LinkError, Unreadable, JournalError) as error:
            _log.warning("batch not sent", first_seq=command.first_seq, reason=str(error))
            if isinstance(error, JournalBroken) and error.epoch == self._journal.epoch:
                return BatchFailed(), await self._open_epoch(EpochReason.CORRUPTION)
            return (BatchFailed(),)
        return (BatchSent(last_seq=last_seq, size_bytes=size_bytes),)

    def _encode(self, command: SendBatch) -> tuple[bytes, int, int]:
        """The batch, its last row and its events' size; marked as sent before it leaves."""
        rows = self._journal.rows(command.first_seq, command.last_seq, command.max_bytes, epoch=command.epoch)
        rows = rows[:MAX_BATCH_ROWS]
        if not rows:
            return b"", command.first_seq, 0
        _check(rows)
        last = rows[-1]
        if command.epoch is None:
            self._journal.mark_sent(last.seq)
        batch = encode_batch(self._identity.device, rows, self._identity.journal_key)
        return batch, last.seq, sum(len(row.event) for row in rows)

    def _head_seq(self) -> int:
        head = self._journal.head
        return head.seq if head is not None else 0


def _check(rows: list[Row]) -> None:
    """Before this box signs for them: a row that was changed on the disk never leaves it.

    Raises:
        JournalBroken: One isn't as it was written.
    """
    previous = rows[0].previous
    for row in rows:
        if row.previous != previous or not row.is_sound:
            raise JournalBroken(f"row {row.epoch}/{row.seq} is damaged on the disk", epoch=row.epoch, seq=row.seq)
        previous = row.hash
