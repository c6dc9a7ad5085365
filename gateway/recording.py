"""A case inside the journal's transaction: say what must be asked first, else decide and record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from gateway.case import Case, ask_for, gather, subject_of
from gateway.outcomes import Outcome
from gateway.receipts import RECEIPT_JOB, encode_ticket
from gateway.tickets import ticket_for
from programme.authorisations import Ask
from programme.decide import Accepted, Answered, Decision, Refused, Void, decide, must_ask
from programme.errors import NotUnderstood
from programme.events import AbandonReason, AuthorisationAbandoned, Event, Sold, Voided
from programme.refusals import NeedsConnection, NotInTraining, Refusal, UnknownOperation
from sync.chain import Row
from sync.journal import Transaction
from sync.wire import RawRow

VOIDED = "Vente annulée / Sale voided"
"""What became of the print of a sale that was undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskFirst:
    """Central is to be asked before the decision."""

    ask: Ask
    rows: tuple[RawRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Decides and records, on the thread of the journal's writer.

    Attributes:
        now: The wall clock, aware UTC.
        new_id: Makes UUIDv7s.
        prints: Whether a printer is set up, so that a sold voucher is printed.
    """

    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    prints: bool

    def step(
        self, tx: Transaction, *, case: Case, answered: Answered | None, asked: bool, may_ask: bool
    ) -> Outcome | AskFirst:
        """Say what must be asked first, else decide and record."""
        subject = subject_of(case.command, tx.records)
        if subject is None:
            assert isinstance(case.command, Void)
            unknown = NotInTraining() if case.training else UnknownOperation(target=case.command.target)
            return self._refuse(tx, case, unknown, answered, asked)
        facts = gather(case, subject, tx)
        if may_ask and must_ask(case.command, facts, tx.records):
            ask = ask_for(case, facts, tx.records)
            if ask is not None:
                return AskFirst(ask=ask, rows=_unacknowledged(tx, ask))
        facts = replace(facts, answered=answered)
        try:
            decision: Decision = decide(case.command, facts, tx.records)
        except NotUnderstood:  # a later central's reason for its no: the no counts
            decision = Refused(refusal=NeedsConnection())
        if not isinstance(decision, Accepted):
            return self._refuse(tx, case, decision.refusal, answered, asked, facts.rules.currency_code)
        event = self._record(tx, case, decision, asked)
        return Outcome(event_id=case.event_id, event=event, currency_code=facts.rules.currency_code)

    def _record(self, tx: Transaction, case: Case, decision: Accepted, asked: bool) -> Event:
        """Append the operation, with what is to be printed because of it, or no more."""
        event = tx.append(
            case.event_id,
            decision.operation,
            closes=case.event_id if asked else None,
            occurred_at=self.now(),
        )
        if isinstance(event.data, Sold) and decision.consignment is not None and self.prints:
            ticket = ticket_for(event, case.configured, code=decision.consignment.token)
            tx.add_job(RECEIPT_JOB, event.event_id, encode_ticket(ticket))
        if isinstance(event.data, Voided) and not event.data.counter.training:
            # A voucher that waits for the printer must not come out once its sale is undone.
            tx.fail_jobs_of(event.data.target, VOIDED)
        return event

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
            tx.append(self.new_id(), data, closes=case.event_id, occurred_at=self.now())
        return Outcome(event_id=case.event_id, refusal=refusal, currency_code=currency_code)


def _unacknowledged(tx: Transaction, ask: Ask) -> tuple[RawRow, ...]:
    """The rows that go with the ask, from then on as sent."""
    rows = tx.unacknowledged_rows(ask.programme, ask.instrument)
    if rows:
        tx.mark_sent(rows[-1].seq)
    return tuple(_raw(row) for row in rows)


def _raw(row: Row) -> RawRow:
    return RawRow(epoch=row.epoch, seq=row.seq, event=row.event.decode())
