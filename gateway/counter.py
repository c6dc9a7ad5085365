"""The counter: what is presented, and operations on it, each decided and recorded in one transaction.

    operate ──▶ [ask central] ──▶ decide + append + jobs, one work of the journal's writer ──▶ outcome, once durable

The event id is fixed first: a repeated request ends as the first one did, also after a restart. Every ask that left the
box ends in exactly one row, its operation or its abandonment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar
from uuid import UUID

import structlog

from gateway.case import Case, ask_for, gather, subject_of
from gateway.configured import Configured
from gateway.errors import CounterError
from gateway.locks import KeyedLocks
from gateway.lookup import Lookup
from gateway.outcomes import Outcome, is_of, refusal_of
from gateway.receipts import RECEIPT_JOB, encode_ticket
from gateway.tickets import ticket_for
from gateway.training import Training
from gateway.words import Problem
from programme.authorisations import Ask
from programme.decide import Accepted, Answered, Command, Decision, Earn, Redeem, Refused, Sell, Void, decide, must_ask
from programme.errors import NotUnderstood
from programme.events import OPERATIONS, AbandonReason, AuthorisationAbandoned, Event, Sold, Voided
from programme.refusals import NeedsConnection, Refusal, UnknownOperation
from sync.chain import Row
from sync.errors import AlreadyClosed, JournalError, JournalFull
from sync.journal import Journal, Transaction
from sync.wire import RawRow

T = TypeVar("T")
VOIDED = "Vente annulée / Sale voided"
"""What became of the print of a sale that was undone."""
_log = structlog.get_logger("comptoir.counter")


class Asker(Protocol):
    """Asks central."""

    @property
    def can_ask(self) -> bool:
        """Whether an ask would leave the box."""
        ...

    async def ask(self, ask: Ask, *, rows: tuple[RawRow, ...], gives_up: tuple[UUID, ...]) -> Answered | None:
        """Ask; None when no answer came in time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _AskFirst:
    """Central is to be asked before the decision."""

    ask: Ask
    rows: tuple[RawRow, ...]


class CounterService:
    """Decides and records operations, one at a time per instrument."""

    def __init__(
        self,
        *,
        journal: Journal,
        lookup: Lookup,
        configured: Configured,
        asker: Asker,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        training: Training,
        prints: bool,
        recorded: Callable[[], None],
    ) -> None:
        """Set up.

        Args:
            now: The wall clock, aware UTC.
            new_id: Makes UUIDv7s.
            training: Whether operations are exercises.
            prints: Whether a printer is set up, so that a sold voucher is printed.
            recorded: Called whenever rows were added.
        """
        self.configured = configured
        self._training = training
        self._journal = journal
        self._lookup = lookup
        self._asker = asker
        self._now = now
        self.new_id = new_id
        self._prints = prints
        self._recorded = recorded
        self._locks = KeyedLocks()
        self._in_hand: set[UUID] = set()

    @property
    def training(self) -> bool:
        """Whether operations are exercises."""
        return self._training.is_on

    def train(self, on: bool) -> None:
        """Begin or end training.

        Raises:
            CounterError: The disk couldn't take it: nothing has changed.
        """
        self._training.switch(on)

    @property
    def can_ask(self) -> bool:
        """Whether central can be asked now."""
        return self._asker.can_ask

    async def operate(self, command: Command, event_id: UUID) -> Outcome:
        """Carry out a command; returns once its end is on disk.

        Raises:
            CounterError: It can't be done: nothing was recorded.
        """
        case = Case(command=command, event_id=event_id, configured=self.configured, training=self.training)
        async with self._locks.hold(event_id):
            if (ended := self._ended(case)) is not None:
                return ended
            self._in_hand.add(event_id)
            try:
                async with self._locks.hold(self._turn(command)):
                    return await self._operate(case)
            finally:
                self._in_hand.discard(event_id)

    async def submit(self, work: Callable[[Transaction], T]) -> T:
        """Run a piece of work on the journal's writer.

        Raises:
            CounterError: The journal couldn't take it.
        """
        try:
            return await asyncio.wrap_future(self._journal.submit(work))
        except AlreadyClosed:
            raise
        except JournalFull as error:
            _log.error("disk full", reason=str(error))
            raise CounterError(Problem.DISK_FULL) from error
        except JournalError as error:
            _log.error("journal fault", reason=str(error))
            raise CounterError(Problem.JOURNAL_FAULT) from error

    async def abandon_forgotten(self, open_authorisations: Iterable[UUID]) -> None:
        """End the asks that central holds open and nobody here is at work on: a restart came in between."""
        for authorisation in open_authorisations:
            if authorisation not in self._in_hand:
                await self._abandon(authorisation)

    async def _abandon(self, authorisation: UUID) -> None:
        data = AuthorisationAbandoned(authorisation=authorisation, reason=AbandonReason.RESTARTED)
        abandonment = self.new_id()
        try:
            await self.submit(lambda tx: tx.append(abandonment, data, closes=authorisation, occurred_at=self._now()))
        except AlreadyClosed:
            return  # its row exists and is on its way
        except CounterError:
            return  # no room: central names it again in the next ack
        self._recorded()

    async def _operate(self, case: Case) -> Outcome:
        answered: Answered | None = None
        asked = False
        while True:
            may_ask = not asked and self._asker.can_ask
            work = partial(self._step, case=case, answered=answered, asked=asked, may_ask=may_ask)
            try:
                step = await self.submit(work)
            except AlreadyClosed:
                return self._ended(case) or Outcome(
                    event_id=case.event_id, refusal=UnknownOperation(target=case.event_id)
                )
            if isinstance(step, Outcome):
                self._recorded()
                return step
            asked = True
            answered = await self._asker.ask(step.ask, rows=step.rows, gives_up=self._lookup.given_up())
            if answered is not None:
                # Later than all that the answer rests on, so that the operation follows it in the canonical order, too.
                await self._take_time(answered.answer.answered_at)

    async def _take_time(self, at: datetime) -> None:
        try:
            await asyncio.to_thread(self._journal.signed_time, at)
        except JournalFull as error:
            raise CounterError(Problem.DISK_FULL) from error
        except JournalError as error:
            raise CounterError(Problem.JOURNAL_FAULT) from error

    def _step(
        self, tx: Transaction, case: Case, answered: Answered | None, asked: bool, may_ask: bool
    ) -> Outcome | _AskFirst:
        """On the writer's thread: say what must be asked first, else decide and record."""
        subject = subject_of(case.command, tx.records)
        if subject is None:
            assert isinstance(case.command, Void)
            return self._refuse(tx, case, UnknownOperation(target=case.command.target), answered, asked)
        facts = gather(case, subject, tx)
        if may_ask and must_ask(case.command, facts, tx.records):
            ask = ask_for(case, facts, tx.records)
            if ask is not None:
                rows = tx.unacknowledged_rows(ask.programme, ask.instrument)
                if rows:
                    tx.mark_sent(rows[-1].seq)
                return _AskFirst(ask=ask, rows=tuple(_raw(row) for row in rows))
        facts = replace(facts, answered=answered)
        try:
            decision: Decision = decide(case.command, facts, tx.records)
        except NotUnderstood:  # a later central's reason for its no: the no counts
            decision = Refused(refusal=NeedsConnection())
        if not isinstance(decision, Accepted):
            return self._refuse(tx, case, decision.refusal, answered, asked, facts.rules.currency_code)
        event = tx.append(
            case.event_id,
            decision.operation,
            closes=case.event_id if asked else None,
            occurred_at=self._now(),
        )
        if isinstance(event.data, Sold) and decision.consignment is not None and self._prints:
            ticket = ticket_for(event, case.configured, code=decision.consignment.token)
            tx.add_job(RECEIPT_JOB, event.event_id, encode_ticket(ticket))
        if isinstance(event.data, Voided) and not event.data.counter.training:
            # A voucher that waits for the printer must not come out once its sale is undone.
            tx.fail_jobs_of(event.data.target, VOIDED)
        return Outcome(event_id=case.event_id, event=event, currency_code=facts.rules.currency_code)

    def _refuse(
        self,
        tx: Transaction,
        case: Case,
        refusal: Refusal,
        answered: Answered | None,
        asked: bool,
        currency_code: str = "EUR",
    ) -> Outcome:
        """Refuse; an ask that left the box ends here, so that central frees what it may have reserved."""
        if asked:
            refused = answered is not None and not answered.answer.approved
            data = AuthorisationAbandoned(
                authorisation=case.event_id,
                reason=AbandonReason.REFUSED if refused else AbandonReason.GIVEN_UP,
                answer=answered.signed if answered is not None else None,
            )
            tx.append(self.new_id(), data, closes=case.event_id, occurred_at=self._now())
        return Outcome(event_id=case.event_id, refusal=refusal, currency_code=currency_code)

    def ended(self, event_id: UUID, *, is_same: Callable[[Event], bool]) -> Outcome | None:
        """How a request with this id ended before; None where it hasn't.

        Args:
            is_same: Whether an event is what the present request would record.

        Raises:
            CounterError: The id belongs to another operation.
        """
        event = self._lookup.ended_by(event_id)
        if event is None:
            return None
        if isinstance(event.data, AuthorisationAbandoned):
            return Outcome(event_id=event_id, refusal=refusal_of(event.data), repeated=True)
        if not is_same(event):
            raise CounterError(Problem.KEY_REUSED)
        return Outcome(event_id=event_id, event=event, currency_code=_currency(event), repeated=True)

    def announce(self) -> None:
        """Rows were added by a work that was submitted here."""
        self._recorded()

    def _ended(self, case: Case) -> Outcome | None:
        return self.ended(case.event_id, is_same=partial(is_of, case.command))

    def _turn(self, command: Command) -> tuple[str, str]:
        """What only one operation at a time may touch."""
        match command:
            case Earn(code=code) | Redeem(code=code):
                return code.programme, code.instrument
            case Sell(programme=programme):
                return "sale", programme
            case Void(target=target):
                found = self._lookup.find(target)
                if found is not None and isinstance(found.event.data, OPERATIONS):
                    return found.event.data.programme, found.event.data.instrument
                return "void", str(target)


def _currency(event: Event) -> str:
    return event.data.currency if isinstance(event.data, OPERATIONS) else "EUR"


def _raw(row: Row) -> RawRow:
    return RawRow(epoch=row.epoch, seq=row.seq, event=row.event.decode())
