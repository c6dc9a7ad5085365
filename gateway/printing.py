"""Printing on request: a receipt, a closure, a voucher again; and what became of a print."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from gateway.counter import CounterService
from gateway.errors import CounterError
from gateway.lookup import Lookup
from gateway.receipts import RECEIPT_JOB, Ticket, decode_ticket, encode_ticket
from gateway.tickets import is_printable, ticket_for
from gateway.words import Problem
from programme.errors import NotUnderstood
from programme.events import Event, Sold
from sync.journal import Job, JobState, Journal, Transaction


class Printing:
    """Queues print jobs."""

    def __init__(
        self,
        *,
        counter: CounterService,
        journal: Journal,
        lookup: Lookup,
        has_printer: bool,
        queued: Callable[[], None],
    ) -> None:
        """Set up.

        Args:
            queued: Called whenever a job was added or answered for.
        """
        self._counter = counter
        self._journal = journal
        self._lookup = lookup
        self.has_printer = has_printer
        self._queued = queued

    async def request(self, event_id: UUID | None) -> Job:
        """Print an operation or a closure, the last operation by default; a second time it says DUPLICATA.

        Raises:
            CounterError: There is no printer, no such event, or the sale was voided.
        """
        if not self.has_printer:
            raise CounterError(Problem.NO_PRINTER)
        event = self._event(event_id)
        before = self._lookup.jobs_of(event.event_id)
        waiting = next((job for job in before if job.state is JobState.QUEUED), None)
        if waiting is not None:
            return waiting
        printed = any(job.state is not JobState.FAILED for job in before)
        return await self._queue(event, self._ticket(event, before, duplicate=printed))

    def ticket(self, event_id: UUID) -> Ticket:
        """What a receipt of an operation says.

        Raises:
            CounterError: There is no such event, or the sale was voided.
        """
        event = self._event(event_id)
        if isinstance(event.data, Sold) and self._lookup.is_voided(event_id, event.data):
            raise CounterError(Problem.SALE_VOIDED)
        return self._ticket(event, self._lookup.jobs_of(event_id), duplicate=False)

    async def answer(self, job_id: int, *, printed: bool) -> Job:
        """Take a person's word on whether an uncertain job came out; if it didn't, it is printed as a duplicate.

        Raises:
            CounterError: It isn't uncertain.
        """
        job = self._lookup.job(job_id)
        if job is None or job.state is not JobState.UNCERTAIN:
            raise CounterError(Problem.UNKNOWN_JOB)
        again = None if printed else await self._request_unless_voided(job.event_id)
        self._journal.update_job(job_id, JobState.CONFIRMED if printed else JobState.FAILED)
        self._queued()
        return again or self._lookup.job(job_id) or job

    async def _request_unless_voided(self, event_id: UUID) -> Job | None:
        try:
            return await self.request(event_id)
        except CounterError as error:
            if error.problem is not Problem.SALE_VOIDED:
                raise
            return None

    def _event(self, event_id: UUID | None) -> Event:
        if event_id is None:
            last = self._lookup.last_operations(1)
            found = last[0] if last else None
        else:
            found = self._lookup.find(event_id)
        if found is None or not is_printable(found.event):
            raise CounterError(Problem.NOTHING_TO_PRINT)
        return found.event

    def _ticket(self, event: Event, before: list[Job], *, duplicate: bool) -> Ticket:
        code = None
        if isinstance(event.data, Sold):
            code = _code_of(before) or self._consigned(event.data)
            if code is None:
                raise CounterError(Problem.NOTHING_TO_PRINT)
        return ticket_for(event, self._counter.configured, code=code, duplicate=duplicate)

    def _consigned(self, sold: Sold) -> str | None:
        """The voucher's code, as long as the grant that consigned it is in force."""
        grant = self._lookup.grant()
        allowance = grant.allowances.get(sold.programme) if grant is not None else None
        consigned = allowance.consigned if allowance is not None else ()
        return next((voucher.token for voucher in consigned if voucher.instrument == sold.instrument), None)

    async def _queue(self, event: Event, ticket: Ticket) -> Job:
        def add(tx: Transaction) -> int:
            if isinstance(event.data, Sold) and tx.is_voided(event):
                raise CounterError(Problem.SALE_VOIDED)
            return tx.add_job(RECEIPT_JOB, event.event_id, encode_ticket(ticket))

        job_id = await self._counter.submit(add)
        self._queued()
        job = self._lookup.job(job_id)
        assert job is not None  # on disk: submit returned
        return job


def _code_of(jobs: list[Job]) -> str | None:
    for job in jobs:
        try:
            code = decode_ticket(job.payload).code
        except NotUnderstood:
            continue
        if code is not None:
            return code
    return None
