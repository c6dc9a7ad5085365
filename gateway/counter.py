"""The counter: what is presented, and operations on it, each decided and recorded in one transaction.

    operate ──▶ [ask central] ──▶ decide + append + jobs, one work of the journal's writer ──▶ outcome, once durable

The event id is fixed first: a repeated request ends as the first one did, also after a restart. Every ask that left the
box ends in exactly one row, its operation or its abandonment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar
from uuid import UUID

import structlog

from gateway.case import Case
from gateway.configured import Configured
from gateway.errors import CounterError
from gateway.locks import KeyedLocks
from gateway.lookup import Lookup
from gateway.outcomes import Outcome, is_of, refusal_of
from gateway.recording import Recorder
from gateway.training import Training
from gateway.words import Problem
from programme.authorisations import Ask
from programme.decide import Answered, Command, Earn, Redeem, Sell, Void
from programme.events import OPERATIONS, AbandonReason, AuthorisationAbandoned, Event
from programme.refusals import UnknownOperation
from sync.errors import AlreadyClosed, JournalError, JournalFull
from sync.journal import Journal, Transaction
from sync.wire import RawRow

T = TypeVar("T")
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
        reserve_bytes: int = 0,
    ) -> None:
        """Set up.

        Args:
            now: The wall clock, aware UTC.
            new_id: Makes UUIDv7s.
            training: Whether operations are exercises.
            prints: Whether a printer is set up, so that a sold voucher is printed.
            recorded: Called whenever rows were added.
            reserve_bytes: Free space that new operations leave for closures, acks and archives.
        """
        self.configured = configured
        self._training = training
        self._journal = journal
        self._lookup = lookup
        self._asker = asker
        self._now = now
        self.new_id = new_id
        self._recorder = Recorder(now=now, new_id=new_id, prints=prints)
        self._recorded = recorded
        self._reserve_bytes = reserve_bytes
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
            self._check_room()
            self._in_hand.add(event_id)
            try:
                async with self._locks.hold(self._turn(command)):
                    return await self._operate(case)
            finally:
                self._in_hand.discard(event_id)

    def _check_room(self) -> None:
        if not self._journal.has_room(self._reserve_bytes):
            _log.error("disk nearly full: operations are refused", reserve_bytes=self._reserve_bytes)
            raise CounterError(Problem.DISK_FULL)

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
            work = partial(self._recorder.step, case=case, answered=answered, asked=asked, may_ask=may_ask)
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
