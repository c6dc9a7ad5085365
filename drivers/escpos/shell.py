"""A printer that is kept open: its statuses, and jobs that end confirmed, uncertain or not started.

    async with open_printer(link, …) as printer:
        async for status in printer.watch(): …      # one task
        outcome = await printer.print(job)          # any other task

The order of things before and after a job's data follows receiptio, which has met many printers: DLE EOT, then `ESC @`
and `GS a FF`, then a clean ASB, then the data and a question that the printer answers when it has got there.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from enum import Enum

from drivers.errors import DeviceGone, ProtocolError
from drivers.escpos.outcomes import Confirmed, NotStarted, PrintOutcome, Uncertain
from drivers.escpos.status import (
    AutomaticStatus,
    BufferedReply,
    PrinterEvent,
    PrinterStatus,
    ProcessIdReply,
    RealTimeRequest,
    StatusDecoder,
)
from drivers.escpos.tcp import PrinterLink
from drivers.escpos.tracker import StatusTracker
from drivers.escpos.words import Condition, conditions_of

INITIALISE = b"\x1b@"  # ESC @: styles back to default; it doesn't clear what is received already
ENABLE_ASB = b"\x1da\xff"  # GS a: report every change, and once now
TRANSMIT_PAPER_STATUS = b"\x1dr\x01"  # GS r 1: answered when the printer gets there, never while offline
CLOSE_INTERRUPTED_COMMAND = bytes(8_192)  # as receiptio does: ends a raster command whose data was cut off
_ROUNDS_BEFORE_GONE = 2


def request_process_id(process_id: bytes) -> bytes:
    """GS ( H function 48, answered when everything before it is printed.

    Source: GS ( H; pL pH = 6, fn = m = 48, d1-d4 are 20h to 7Eh.
    """
    return b"\x1d(H\x06\x0000" + process_id


class ConfirmBy(Enum):
    """How a model tells that it has printed."""

    PROCESS_ID = "GS ( H"  # TM-T20 to T88VII, m30, U220
    PAPER_STATUS = "GS r 1"  # everything else


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """How patient to be, in seconds.

    Attributes:
        reply_s: For an answer that needs no printing.
        quiet_s: A ready printer that says nothing for so long is asked how it is.
        trouble_s: The same for one that is not ready.
    """

    reply_s: float = 2.0
    quiet_s: float = 10.0
    trouble_s: float = 1.0


@contextlib.asynccontextmanager
async def open_printer(
    link: PrinterLink, *, confirm_by: ConfirmBy, next_process_id: Callable[[], bytes], timings: Timings | None = None
) -> AsyncIterator["EscposPrinter"]:
    """Serve a printer on an open link; the link is closed at the end.

    Args:
        next_process_id: Four characters from 20h to 7Eh, not used by recent jobs.
    """
    printer = EscposPrinter(link, confirm_by=confirm_by, next_process_id=next_process_id, timings=timings or Timings())
    try:
        yield printer
    finally:
        await printer.close()


class EscposPrinter:
    """One printer on one link. Made by `open_printer`."""

    def __init__(
        self, link: PrinterLink, *, confirm_by: ConfirmBy, next_process_id: Callable[[], bytes], timings: Timings
    ) -> None:
        self._link = link
        self._confirm_by = confirm_by
        self._next_process_id = next_process_id
        self._timings = timings
        self._decoder = StatusDecoder()
        self._tracker = StatusTracker()
        self._rounds_unanswered = 0
        self._job_lock = asyncio.Lock()
        self._write_lock = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._changed: asyncio.Future[None] = self._loop.create_future()
        self._round_over: asyncio.Future[None] = self._loop.create_future()
        self._asb_waiters: list[asyncio.Future[None]] = []
        self._process_waiters: dict[bytes, asyncio.Future[None]] = {}
        # Answers to GS r carry no number but come in order; one that was given up stays here for its late answer,
        # which would otherwise confirm the next job.
        self._paper_waiters: deque[asyncio.Future[None]] = deque()
        self._serving = asyncio.create_task(self._serve(), name=f"printer {link.name}")

    @property
    def status(self) -> PrinterStatus | None:
        """The last known status; None before the printer has said anything."""
        return self._tracker.status

    async def watch(self) -> AsyncGenerator[PrinterStatus, None]:
        """Yield the status and each change of it.

        Raises:
            DeviceGone: The printer can't be reached or has stopped answering: the supervisor reopens it.
        """
        seen: PrinterStatus | None = None
        while True:
            status = self._tracker.status
            if status is not None and status != seen:
                seen = status
                yield status
            else:
                await self._wait_for(self._changed)

    async def print(self, job: bytes, *, deadline_s: float = 30.0) -> PrintOutcome:
        """Print one job; jobs go one after the other. Never raises for a fault of the printer.

        If the caller is cancelled, the job is uncertain.

        Args:
            job: ESC/POS data, as from `compose`.
            deadline_s: For the data to be printed, from its first byte, seconds.
        """
        async with self._job_lock:
            try:
                obstacle = await self._prepare()
            except TimeoutError:
                obstacle = Condition.SILENT
            except DeviceGone:
                obstacle = Condition.GONE
            if obstacle is not None:
                return NotStarted(reason=obstacle)
            return await self._send(job, deadline_s)

    async def close(self) -> None:
        """Stop serving and hang up."""
        self._serving.cancel()
        with contextlib.suppress(asyncio.CancelledError, DeviceGone):
            await self._serving
        await self._link.close()

    # Before and after a job

    async def _prepare(self) -> Condition | None:
        """Make sure that the printer is ready; otherwise name what keeps it."""
        await self._ask_and_wait(RealTimeRequest.PRINTER, RealTimeRequest.OFFLINE_CAUSE)
        if (obstacle := self._obstacle()) is not None:
            return obstacle
        try:
            await self._wait_for_asb(INITIALISE + ENABLE_ASB)
        except TimeoutError:
            await self._wait_for_asb(CLOSE_INTERRUPTED_COMMAND + INITIALISE + ENABLE_ASB)
        return self._obstacle()

    async def _send(self, job: bytes, deadline_s: float) -> PrintOutcome:
        printed: asyncio.Future[None] = self._loop.create_future()
        if self._confirm_by is ConfirmBy.PROCESS_ID:
            process_id = self._next_process_id()
            self._process_waiters = {process_id: printed}
            question = request_process_id(process_id)
        else:
            self._paper_waiters.append(printed)
            question = TRANSMIT_PAPER_STATUS
        try:
            async with asyncio.timeout(deadline_s):
                await self._write(job + question)
                await self._wait_for(printed)
        except TimeoutError:
            return Uncertain(reason=self._obstacle() or Condition.SILENT)
        except DeviceGone:
            return Uncertain(reason=Condition.GONE)
        return Confirmed()

    def _obstacle(self) -> Condition | None:
        status = self._tracker.status
        if status is None or status.is_ready:
            return None
        return conditions_of(status)[0]

    async def _ask_and_wait(self, *requests: RealTimeRequest) -> None:
        self._tracker.plan(requests)
        async with asyncio.timeout(self._timings.reply_s):
            await self._ask_next()
            await self._wait_for(self._round_over)

    async def _wait_for_asb(self, command: bytes) -> None:
        reported: asyncio.Future[None] = self._loop.create_future()
        self._asb_waiters.append(reported)
        async with asyncio.timeout(self._timings.reply_s):
            await self._write(command)
            await self._wait_for(reported)

    # Serving the link

    async def _serve(self) -> None:
        """Read for as long as the link lives, and ask when nothing comes."""
        await self._write(ENABLE_ASB)
        while True:
            status = self._tracker.status
            quiet_s = self._timings.quiet_s if status is not None and status.is_ready else self._timings.trouble_s
            try:
                async with asyncio.timeout(quiet_s):
                    data = await self._link.read()
            except TimeoutError:
                await self._ask_how_it_is()
                continue
            self._rounds_unanswered = 0
            self._take(data)
            await self._ask_next()

    async def _ask_how_it_is(self) -> None:
        if self._write_lock.locked():
            return  # a job is on its way and has its own deadline
        if self._rounds_unanswered >= _ROUNDS_BEFORE_GONE:
            raise DeviceGone(
                f"{self._link.name}: the printer does not answer. Switch it off, wait five seconds, switch it on again."
            )
        self._rounds_unanswered += 1
        self._tracker.give_up()
        self._tracker.plan(tuple(RealTimeRequest))
        await self._ask_next()

    async def _ask_next(self) -> None:
        # While a job is being written, reading must not wait for it: the question stays planned.
        if self._write_lock.locked() or (question := self._tracker.next_question()) is None:
            return
        with contextlib.suppress(TimeoutError):  # a printer that takes nothing: it shows as a round without an answer
            async with asyncio.timeout(self._timings.reply_s):
                await self._write(question.command)

    def _take(self, data: bytes) -> None:
        before = self._tracker.status
        self._decoder.receive(data)
        while True:
            try:
                event = self._decoder.next_event()
            except ProtocolError:
                continue  # the broken bytes are dropped: this resynchronises
            if event is None:
                break
            self._tracker.take(event)
            self._answer_waiters(event)
        if self._tracker.status != before:
            self._changed = self._resolve(self._changed)
        if self._tracker.is_round_over:
            self._round_over = self._resolve(self._round_over)

    def _answer_waiters(self, event: PrinterEvent) -> None:
        answered: list[asyncio.Future[None]] = []
        match event:
            case AutomaticStatus():
                answered, self._asb_waiters = self._asb_waiters, []
            case BufferedReply() if self._paper_waiters:
                answered = [self._paper_waiters.popleft()]
            case ProcessIdReply() if event.process_id in self._process_waiters:
                answered = [self._process_waiters.pop(event.process_id)]
        for waiter in answered:
            if not waiter.done():
                waiter.set_result(None)

    def _resolve(self, future: asyncio.Future[None]) -> asyncio.Future[None]:
        """Wake those who wait, and give back a new future for the next time."""
        future.set_result(None)
        return self._loop.create_future()

    async def _write(self, data: bytes) -> None:
        async with self._write_lock:
            await self._link.write(data)

    async def _wait_for(self, future: asyncio.Future[None]) -> None:
        """Wait for an answer, or raise what ended the serving."""
        await asyncio.wait({future, self._serving}, return_when=asyncio.FIRST_COMPLETED)
        if future.done():
            return
        if self._serving.cancelled():
            raise DeviceGone(f"{self._link.name}: closed.")
        self._serving.result()
        raise DeviceGone(f"{self._link.name}: not served any more.")
