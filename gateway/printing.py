"""Printing on request: a receipt, a closure, a voucher again; and what became of a print."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from gateway.counter import CounterService
from gateway.errors import CounterError
from gateway.lookup import Lookup
from gateway.receipts import RECEIPT_JOB, Ticket, decode_ticket, encode_ticket
from gateway.tickets import is_printable, ticket_for
from gateway.words import Problem
from programme.errors import NotUnderstood
from programme.events import Event, Sold
from programme.state import HeldGrant, held_grant
from sync.journal import Job, JobState, Transaction


class Printing:
    """Queues print jobs."""

    def __init__(
        self,
        *,
        counter: CounterService,
        lookup: Lookup,
        has_printer: bool,
        queued: Callable[[], None],
    ) -> None:
        """Set up.

        Args:
            queued: Called whenever a job was added or answered for.
        """
        self._counter = counter
        self._lookup = lookup
        self.has_printer = has_printer
        self._queued = queued

    async def request(self, event_id: UUID | None) -> Job:
        """Print an operation or a closure, the last operation by default; a second time it says DUPLICATA.

        Raises:
            CounterError: There is no printer, no such event, or the sale was voided.
        """
        event = self._event(event_id)
        return await self._do(lambda tx: self._print(tx, event))

    def ticket(self, event_id: UUID) -> Ticket:
        """What a receipt of an operation says.

        Raises:
            CounterError: There is no such event, or the sale was voided.
        """
        event = self._event(event_id)
        if isinstance(event.data, Sold) and self._lookup.is_voided(event_id, event.data):
            raise CounterError(Problem.SALE_VOIDED)
        return self._ticket(event, self._lookup.jobs_of(event_id), self._lookup.grant(), duplicate=False)

    async def answer(self, job_id: int, *, printed: bool) -> Job:
        """Take a person's word on whether an uncertain job came out; if it didn't, it is printed as a duplicate.

        Raises:
            CounterError: It isn't uncertain.
        """
        job = self._lookup.job(job_id)
        if job is None:
            raise CounterError(Problem.UNKNOWN_JOB)
        if printed:
            return await self._do(lambda tx: _end(tx, job, JobState.CONFIRMED))
        event = self._event(job.event_id)
        return await self._do(lambda tx: self._print_again(tx, job, event))

    async def _do(self, work: Callable[[Transaction], Job]) -> Job:
        """Look and write in one work: what two screens ask for at once is done once."""
        job = await self._counter.submit(work)
        self._queued()
        return job

    def _print(self, tx: Transaction, event: Event) -> Job:
        if not self.has_printer:
            raise CounterError(Problem.NO_PRINTER)
        if isinstance(event.data, Sold) and tx.is_voided(event):
            raise CounterError(Problem.SALE_VOIDED)
        before = tx.jobs_of(event.event_id)
        waiting = next((job for job in before if job.state is JobState.QUEUED), None)
        if waiting is not None:
            return waiting
        printed = any(job.state is not JobState.FAILED for job in before)
        ticket = self._ticket(event, before, held_grant(tx.records), duplicate=printed)
        tx.add_job(RECEIPT_JOB, event.event_id, encode_ticket(ticket))
        return tx.jobs_of(event.event_id)[-1]

    def _print_again(self, tx: Transaction, job: Job, event: Event) -> Job:
        try:
            again = self._print(tx, event)
        except CounterError as error:
            if error.problem is not Problem.SALE_VOIDED:
                raise
            return _end(tx, job, JobState.FAILED)
        _end(tx, job, JobState.FAILED)
        return again

    def _event(self, event_id: UUID | None) -> Event:
        if event_id is None:
            last = self._lookup.last_operations(1)
            found = last[0] if last else None
        else:
            found = self._lookup.find(event_id)
        if found is None or not is_printable(found.event):
            raise CounterError(Problem.NOTHING_TO_PRINT)
        return found.event

    def _ticket(self, event: Event, before: list[Job], grant: HeldGrant | None, *, duplicate: bool) -> Ticket:
        code = None
        if isinstance(event.data, Sold):
            code = _code_of(before) or _consigned(event.data, grant)
            if code is None:
                raise CounterError(Problem.NOTHING_TO_PRINT)
        return ticket_for(event, self._counter.configured, code=code, duplicate=duplicate)


def _end(tx: Transaction, job: Job, state: JobState) -> Job:
    if not tx.end_job(job.job_id, state, after=JobState.UNCERTAIN):
        raise CounterError(Problem.UNKNOWN_JOB)
    return replace(job, state=state, detail="")


def _consigned(sold: Sold, grant: HeldGrant | None) -> str | None:
    """The voucher's code, as long as the grant that consigned it is in force."""
    allowance = grant.allowances.get(sold.programme) if grant is not None else None
    consigned = allowance.consigned if allowance is not None else ()
    return next((voucher.token for voucher in consigned if voucher.instrument == sold.instrument), None)


def _code_of(jobs: list[Job]) -> str | None:
    for job in jobs:
        try:
            code = decode_ticket(job.payload).code
        except NotUnderstood:
            continue
        if code is not None:
            return code
    return None
