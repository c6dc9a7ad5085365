"""One operation under decision: what is known of it, read inside the journal's transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from gateway.configured import Configured
from gateway.errors import CounterError
from gateway.words import Problem
from programme.authorisations import Ask
from programme.decide import Command, Earn, Facts, Redeem, Sell, Void, voucher_face
from programme.events import AskedOperation, Counter
from programme.registry import RegistryEntry
from programme.rules import RuleSet
from programme.state import Records, open_operation
from sync.journal import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an operation is on.

    Attributes:
        instrument: None for a sale, whose voucher the decision picks.
    """

    programme: str
    instrument: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A command, with what doesn't change while it is decided.

    Attributes:
        event_id: Of the event it will be, fixed before central is asked.
    """

    command: Command
    event_id: UUID
    configured: Configured
    training: bool = False


def subject_of(command: Command, records: Records) -> Subject | None:
    """What a command is on; None for a void of nothing."""
    match command:
        case Earn(code=code) | Redeem(code=code):
            return Subject(programme=code.programme, instrument=code.instrument)
        case Sell(programme=programme):
            return Subject(programme=programme, instrument=None)
        case Void(target=target):
            operation = open_operation(records, target)
            if operation is None:
                return None
            return Subject(programme=operation.programme, instrument=operation.instrument)


def rules_of(case: Case, programme: str) -> RuleSet:
    """The programme's rule set.

    Raises:
        CounterError: This shop doesn't take it.
    """
    rules = case.configured.rules(programme)
    if rules is None:
        raise CounterError(Problem.UNKNOWN_PROGRAMME, programme=programme[:40])
    return rules


def gather(case: Case, subject: Subject, tx: Transaction) -> Facts:
    """All that the decision stands on, without central's answer.

    Raises:
        CounterError: This shop doesn't take the programme.
    """
    configuration = case.configured.configuration
    now = tx.now()
    head = tx.replica_head(subject.programme)
    facts = Facts(
        rules=rules_of(case, subject.programme),
        counter=Counter(
            shop=configuration.shop,
            till=configuration.till,
            business_day=case.configured.business_day(now),
            training=case.training,
        ),
        now=now,
        replica_version=head.version if head is not None else None,
    )
    if subject.instrument is None:
        return facts
    return replace(
        facts,
        entry=tx.entry(subject.programme, subject.instrument),
        # Only a redemption looks at what came before: a card earns as fast on the thousandth basket as on the first.
        own=tx.own_since_counted(subject.programme, subject.instrument) if isinstance(case.command, Redeem) else (),
        never_sent=isinstance(case.command, Void) and not tx.is_sent(case.command.target),
    )


def ask_for(case: Case, facts: Facts, records: Records) -> Ask | None:
    """What to ask central; None where the command can't be, and the decision alone says why."""
    match case.command:
        case Redeem(code=code):
            wanted_minor = _redeemed_minor(case.command, facts.rules, facts.entry)
            if wanted_minor is None:
                return None
            return Ask(
                authorisation=case.event_id,
                programme=code.programme,
                instrument=code.instrument,
                operation=AskedOperation.REDEEM,
                amount_minor=wanted_minor,
                shop=facts.counter.shop,
            )
        case Void(target=target):
            operation = open_operation(records, target)
            if operation is None or operation.voided:
                return None
            return Ask(
                authorisation=case.event_id,
                programme=operation.programme,
                instrument=operation.instrument,
                operation=AskedOperation.VOID,
                amount_minor=operation.amount_minor,
                shop=facts.counter.shop,
                target=target,
            )
    return None


def _redeemed_minor(command: Redeem, rules: RuleSet, entry: RegistryEntry | None) -> int | None:
    return voucher_face(command.code, entry) if rules.voucher is not None else command.amount_minor
