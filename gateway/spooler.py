"""The spooler: durable print jobs, and one worker that gives them to the printer.

A job waits for paper and for the printer to be there, for ever. Nothing is ever printed twice by itself: a job is
marked SENDING on disk before its first byte leaves, and one that is found SENDING after a crash, or whose end the
printer didn't confirm, is UNCERTAIN. A person looks at the paper and asks for a duplicate, or doesn't.

    QUEUED ──▶ SENDING ──▶ CONFIRMED
      ▲           ├──────▶ UNCERTAIN
      └───────────┘ not a byte was sent
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

import structlog

from drivers.escpos.compose import Paper, Receipt, compose
from drivers.escpos.outcomes import Confirmed, NotStarted, PrintOutcome, Uncertain
from drivers.escpos.words import words_for
from gateway.receipts import RECEIPT_JOB, decode_ticket, lay_out
from gateway.words import choose
from programme.errors import NotUnderstood
from sync.errors import JournalError
from sync.journal import Job, JobState

_log = structlog.get_logger("comptoir.spooler")


class Printer(Protocol):
    """A printer that is open."""

    async def print(self, job: bytes) -> PrintOutcome:
        """Print one job; never raises for a fault of the printer."""
        ...


class Jobs(Protocol):
    """The journal's jobs; each method may raise JournalError."""

    def jobs(self, state: JobState | None = None) -> list[Job]:
        """Jobs in a state, or all, in the order they were queued."""
        ...

    def update_job(self, job_id: int, state: JobState, detail: str = "", *, after: JobState | None = None) -> bool:
        """Write down how far a job is, only where `after` is its state still; whether it was."""
        ...


class Spooler:
    """Prints the journal's jobs, one after the other."""

    def __init__(
        self,
        *,
        journal: Jobs,
        paper: Paper,
        language: str,
        retry_s: float = 10.0,
        compose_job: Callable[[Receipt, Paper], bytes] = compose,
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        """Set up.

        Args:
            retry_s: A job that couldn't start is tried again after so long, also when the printer reports no change.
            moved: Called whenever a job is further.
        """
        self._journal = journal
        self._paper = paper
        self._language = language
        self._compose = compose_job
        self._retry_s = retry_s
        self._moved = moved
        self._changed = asyncio.Event()
        self._printer: Printer | None = None
        self._settled = asyncio.Event()
        self._settled.set()

    def recover(self) -> int:
        """After a start: jobs that were being sent are uncertain.

        Returns:
            How many.
        """
        interrupted = self._journal.jobs(JobState.SENDING)
        for job in interrupted:
            try:
                self._journal.update_job(job.job_id, JobState.UNCERTAIN, self._say_interrupted())
            except JournalError as error:  # a full disk: it stays SENDING, which isn't printed either
                _log.error("job state not recorded", job=job.job_id, reason=str(error))
        return len(interrupted)

    def wake(self) -> None:
        """Jobs were added, or the printer's state changed: look again."""
        self._changed.set()

    async def serve(self, printer: Printer) -> None:
        """Print what is queued, for as long as the printer is open; the supervisor calls again when it is back."""
        self._printer = printer
        try:
            while True:
                self._changed.clear()
                job = await self._next_job()
                if job is None or not await self._print(job, printer):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._retry_s):
                            await self._changed.wait()
        finally:
            self._printer = None

    async def print_slip(self, receipt: Receipt) -> bool:
        """Print what is worth nothing later: now, between two jobs, or never.

        Returns:
            Whether it came out, as far as is known.
        """
        printer = self._printer
        if printer is None:
            return False
        data = await asyncio.to_thread(self._compose, receipt, self._paper)
        return not isinstance(await printer.print(data), NotStarted)

    async def settled(self) -> None:
        """Wait until no job is being sent."""
        await self._settled.wait()

    async def _next_job(self) -> Job | None:
        try:
            waiting = await asyncio.to_thread(self._journal.jobs, JobState.QUEUED)
        except JournalError as error:
            _log.error("print jobs can't be read", reason=str(error))
            return None
        return next((job for job in waiting if job.kind == RECEIPT_JOB), None)

    async def _print(self, job: Job, printer: Printer) -> bool:
        """Print one job; False where it must wait for a change."""
        try:
            data = await asyncio.to_thread(self._compose_job, job)
        except (NotUnderstood, ValueError, KeyError) as error:
            _log.error("job can't be composed", job=job.job_id, reason=str(error))
            await self._update(job, JobState.FAILED, str(error)[:200])
            return True
        if not await self._update(job, JobState.SENDING, "", after=JobState.QUEUED):
            return False
        outcome = await self._send(job, data, printer)
        match outcome:
            case Confirmed():
                await self._update(job, JobState.CONFIRMED, "")
            case Uncertain(reason=reason):
                words = words_for(reason)
                await self._update(job, JobState.UNCERTAIN, choose(self._language, words.fr, words.en))
            case NotStarted(reason=reason):
                words = words_for(reason)
                await self._update(
                    job, JobState.QUEUED, choose(self._language, words.fr, words.en), after=JobState.SENDING
                )
                return False
        return True

    async def _send(self, job: Job, data: bytes, printer: Printer) -> PrintOutcome:
        self._settled.clear()
        try:
            return await printer.print(data)
        except asyncio.CancelledError:
            # The agent stops: some bytes may be on paper.
            await self._update(job, JobState.UNCERTAIN, self._say_interrupted())
            raise
        finally:
            self._settled.set()

    def _compose_job(self, job: Job) -> bytes:
        return self._compose(lay_out(decode_ticket(job.payload)), self._paper)

    async def _update(self, job: Job, state: JobState, detail: str, *, after: JobState | None = None) -> bool:
        """Write down how far a job is; one that stays SENDING since that failed is uncertain after the next start.

        Returns:
            Whether it is so; not where a void ended the job meanwhile.
        """
        try:
            return await asyncio.to_thread(self._journal.update_job, job.job_id, state, detail, after=after)
        except JournalError as error:
            _log.error("job state not recorded", job=job.job_id, state=state.value, reason=str(error))
            return False
        finally:
            self._moved()

    def _say_interrupted(self) -> str:
        return choose(
            self._language,
            "Impression interrompue : regardez si le ticket est sorti.",
            "Printing was interrupted: look whether the receipt came out.",
        )
