"""The counter's decision: a command and what is known, to an event or a refusal. Pure.

Central was asked first when it could be. With its answer the decision is central's; without, the box stands in within
its grant. Earns and sales of consigned vouchers need no answer: the fold limits the first, the grant the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from programme import refusals
from programme.authorisations import Answer
from programme.codes import Code
from programme.events import Counter, Earned, Event, Evidence, Operation, Redeemed, Sold, Voided
from programme.grants import Consignment
from programme.money import share_minor
from programme.refusals import Refusal, refusal_from_json
from programme.registry import InstrumentStatus, RegistryEntry
from programme.rules import RuleSet
from programme.state import SOLD, HeldGrant, OpenOperation, Records, held_grant, open_operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Earn:
    """Credit a basket to a card."""

    code: Code
    basket_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem:
    """Spend from a card, or use a voucher.

    Attributes:
        amount_minor: From a card; None for a voucher, which is spent whole.
    """

    code: Code
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sell:
    """Sell a consigned voucher of a value."""

    programme: str
    face_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Void:
    """Reverse an operation of this box and day."""

    target: UUID


Command: TypeAlias = Earn | Redeem | Sell | Void


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Central's answer, in time.

    Attributes:
        signed: Verbatim, to keep as evidence.
    """

    answer: Answer
    signed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known when deciding.

    Attributes:
        rules: Of the instrument's programme.
        now: The order time the event would have.
        entry: The replica's entry; None where it has none.
        replica_version: None without a replica.
        own: This box's operations on the instrument that the replica doesn't have yet, in order.
        never_sent: For a void: the target has not left the box.
        answered: None when central wasn't asked or didn't answer in time.
    """

    rules: RuleSet
    counter: Counter
    now: datetime
    entry: RegistryEntry | None = None
    replica_version: int | None = None
    own: tuple[Event, ...] = ()
    never_sent: bool = False
    answered: Answered | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Do it: this is the event's content.

    Attributes:
        consignment: For a sale: the voucher to hand over.
    """

    operation: Operation
    consignment: Consignment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Don't, and say why."""

    refusal: Refusal


Decision: TypeAlias = Accepted | Refused


def must_ask(command: Command, facts: Facts, records: Records) -> bool:
    """Whether central is to be asked before deciding, when it can be reached."""
    if facts.counter.training:
        return False
    match command:
        case Redeem():
            return True
        case Void(target=target):
            operation = open_operation(records, target)
            return operation is not None and operation.type_name != Redeemed.__name__ and not facts.never_sent
    return False


def decide(command: Command, facts: Facts, records: Records) -> Decision:
    """Decide; the same arguments always give the same decision."""
    if facts.answered is not None and not facts.answered.answer.approved:
        return Refused(refusal=refusal_from_json(facts.answered.answer.refusal or {}))
    match command:
        case Earn():
            return _earn(command, facts)
        case Redeem():
            return _redeem_voucher(command, facts, records) if facts.rules.voucher else _spend(command, facts, records)
        case Sell():
            return _sell(command, facts, records)
        case Void():
            return _void(command, facts, records)


def _earn(command: Earn, facts: Facts) -> Decision:
    loyalty = facts.rules.loyalty
    if loyalty is None:
        return Refused(refusal=refusals.WrongOperation())
    if command.basket_minor > loyalty.max_basket_minor:
        return Refused(refusal=refusals.BasketTooLarge(limit_minor=loyalty.max_basket_minor))
    if command.code.token is None and facts.entry is None:
        return Refused(refusal=refusals.UnknownInstrument())
    amount_minor = share_minor(command.basket_minor, loyalty.earn_rate_bp)
    if amount_minor == 0:
        return Refused(refusal=refusals.NothingEarned())
    return Accepted(
        operation=Earned(
            programme=facts.rules.id,
            instrument=command.code.instrument,
            currency=facts.rules.currency_code,
            basket_minor=command.basket_minor,
            amount_minor=amount_minor,
            counter=facts.counter,
            evidence=_evidence(facts, code=command.code),
        )
    )


def _redeem_voucher(command: Redeem, facts: Facts, records: Records) -> Decision:
    face_minor = voucher_face(command.code, facts.entry)
    if face_minor is None:
        return Refused(refusal=refusals.UnknownInstrument())
    evidence = _evidence(facts, code=command.code, balance_minor=face_minor)
    if facts.answered is None and not facts.counter.training:
        refusal = _voucher_unfit(command.code, facts, records) or _beyond_grant(facts, records, face_minor)
        if refusal is not None:
            return Refused(refusal=refusal)
        evidence = _stand_in(evidence, records)
    return _redeemed(command, facts, face_minor, evidence)


def voucher_face(code: Code, entry: RegistryEntry | None) -> int | None:
    """A voucher's value: signed in the token, else as the registry knows it."""
    if code.token is not None:
        return code.token.face_minor
    return entry.face_minor if entry is not None else None


def _voucher_unfit(code: Code, facts: Facts, records: Records) -> Refusal | None:
    entry, own = facts.entry, _standing(facts.own)
    expires_at = code.token.expires_at if code.token is not None else entry.expires_at if entry else None
    if expires_at is not None and facts.now > expires_at:
        return refusals.Expired(at=expires_at)
    for event in own:
        if isinstance(event.data, Redeemed):
            return refusals.AlreadyRedeemed(at=event.ordered_at, shop=None)
    if entry is not None and entry.status is InstrumentStatus.REDEEMED:
        return refusals.AlreadyRedeemed(at=entry.used_at, shop=entry.used_in)
    sale_voided = any(not _was(Redeemed, void.target, records) for void in _voids_of_booked(facts.own))
    if sale_voided or (entry is not None and entry.status is InstrumentStatus.CANCELLED):
        return refusals.Cancelled()
    active = entry is not None and entry.status is InstrumentStatus.ACTIVE
    sold_here = any(isinstance(event.data, Sold) for event in own)
    needs_no_sale = code.token is not None and not code.token.activation_required
    return None if active or sold_here or needs_no_sale else refusals.NotActivated()


def _spend(command: Redeem, facts: Facts, records: Records) -> Decision:
    amount_minor = command.amount_minor
    if amount_minor is None:
        return Refused(refusal=refusals.WrongOperation())
    balance_minor = spendable_minor(facts, records)
    evidence = _evidence(facts, code=command.code, balance_minor=balance_minor)
    if facts.answered is None and not facts.counter.training:
        refusal = _card_unfit(amount_minor, facts, records) or _beyond_grant(facts, records, amount_minor)
        if refusal is not None:
            return Refused(refusal=refusal)
        evidence = _stand_in(evidence, records)
    return _redeemed(command, facts, amount_minor, evidence)


def _card_unfit(amount_minor: int, facts: Facts, records: Records) -> Refusal | None:
    own = _standing(facts.own)
    if facts.entry is None and not own:
        return refusals.UnknownInstrument()
    if any(isinstance(event.data, Redeemed) for event in own):
        return refusals.SpentOffline()
    available_minor = spendable_minor(facts, records)
    if amount_minor > available_minor:
        return refusals.InsufficientBalance(available_minor=available_minor, pending_minor=pending_minor(facts))
    return None


def spendable_minor(facts: Facts, records: Records) -> int:
    """Booked balance less this box's own spends, and voids of booked earns, that the replica doesn't have yet.

    Its own earns don't count before they are booked.
    """
    if facts.answered is not None:
        return facts.answered.answer.balance_minor
    booked_minor = facts.entry.balance_minor if facts.entry is not None else 0
    spent_minor = sum(event.data.amount_minor for event in _standing(facts.own) if isinstance(event.data, Redeemed))
    taken_back_minor = sum(
        void.amount_minor for void in _voids_of_booked(facts.own) if not _was(Redeemed, void.target, records)
    )
    return max(0, booked_minor - spent_minor - taken_back_minor)


def pending_minor(facts: Facts) -> int:
    """Earned at this box and not booked yet."""
    return sum(event.data.amount_minor for event in _standing(facts.own) if isinstance(event.data, Earned))


def _standing(own: tuple[Event, ...]) -> list[Event]:
    """Own operations that weren't voided, without the voids themselves and without exercises."""
    voided = {event.data.target for event in own if isinstance(event.data, Voided) and not event.data.counter.training}
    return [
        event
        for event in own
        if isinstance(event.data, Earned | Redeemed | Sold)
        and event.event_id not in voided
        and not event.data.counter.training
    ]


def _voids_of_booked(own: tuple[Event, ...]) -> list[Voided]:
    """Own voids that the replica doesn't have, of operations that it has."""
    uncounted = {event.event_id for event in own}
    return [
        event.data
        for event in own
        if isinstance(event.data, Voided) and event.data.target not in uncounted and not event.data.counter.training
    ]


def _was(kind: type[Operation], event_id: UUID, records: Records) -> bool:
    """Whether an operation is known here to have been of a kind."""
    operation = open_operation(records, event_id)
    return operation is not None and operation.type_name == kind.__name__


def _beyond_grant(facts: Facts, records: Records, amount_minor: int) -> Refusal | None:
    grant = held_grant(records)
    if grant is None or facts.now > grant.ends_at or facts.rules.id not in grant.allowances:
        return refusals.NoGrant()
    allowance = grant.allowances[facts.rules.id]
    if amount_minor > allowance.floor_limit_minor:
        return refusals.AboveFloorLimit(limit_minor=allowance.floor_limit_minor)
    remaining_minor = _remaining_minor(grant, facts.rules.id)
    if amount_minor > remaining_minor:
        return refusals.CeilingReached(remaining_minor=max(0, remaining_minor))
    return None


def _remaining_minor(grant: HeldGrant, programme: str) -> int:
    return grant.allowances[programme].ceiling_minor - grant.spent_minor.get(programme, 0)


def _redeemed(command: Redeem, facts: Facts, amount_minor: int, evidence: Evidence) -> Decision:
    return Accepted(
        operation=Redeemed(
            programme=facts.rules.id,
            instrument=command.code.instrument,
            currency=facts.rules.currency_code,
            amount_minor=amount_minor,
            counter=facts.counter,
            evidence=evidence,
        )
    )


def _sell(command: Sell, facts: Facts, records: Records) -> Decision:
    if facts.rules.voucher is None or facts.counter.training:
        return Refused(refusal=refusals.WrongOperation())
    grant = held_grant(records)
    if grant is None or facts.now > grant.ends_at or facts.rules.id not in grant.allowances:
        return Refused(refusal=refusals.NoGrant())
    for consignment in grant.allowances[facts.rules.id].consigned:
        if consignment.face_minor == command.face_minor and f"{SOLD}{consignment.instrument}" not in records:
            return _sold(consignment, facts, grant)
    return Refused(refusal=refusals.NothingConsigned(face_minor=command.face_minor))


def _sold(consignment: Consignment, facts: Facts, grant: HeldGrant) -> Decision:
    return Accepted(
        operation=Sold(
            programme=facts.rules.id,
            instrument=consignment.instrument,
            currency=facts.rules.currency_code,
            amount_minor=consignment.face_minor,
            counter=facts.counter,
            evidence=Evidence(
                rules_version=facts.rules.version, replica_version=facts.replica_version, grant=grant.grant_id
            ),
        ),
        consignment=consignment,
    )


def _void(command: Void, facts: Facts, records: Records) -> Decision:
    target = open_operation(records, command.target)
    if target is None:
        return Refused(refusal=refusals.UnknownOperation(target=command.target))
    refusal = _void_unfit(target, facts)
    if refusal is not None:
        return Refused(refusal=refusal)
    return Accepted(
        operation=Voided(
            programme=target.programme,
            instrument=target.instrument,
            currency=target.currency,
            target=target.event_id,
            amount_minor=target.amount_minor,
            counter=facts.counter,
            evidence=_evidence(facts, code=None),
        )
    )


def _void_unfit(target: OpenOperation, facts: Facts) -> Refusal | None:
    if target.voided:
        return refusals.AlreadyVoided()
    if target.business_day != facts.counter.business_day:
        return refusals.TooLateToVoid()
    may_decide_alone = target.type_name == Redeemed.__name__ or facts.never_sent
    return None if may_decide_alone or facts.answered is not None else refusals.NeedsConnection()


def _evidence(facts: Facts, *, code: Code | None, balance_minor: int | None = None) -> Evidence:
    return Evidence(
        rules_version=facts.rules.version,
        trust=code.trust if code is not None else None,
        replica_version=facts.replica_version,
        balance_minor=balance_minor,
        answer=facts.answered.signed if facts.answered is not None else None,
    )


def _stand_in(evidence: Evidence, records: Records) -> Evidence:
    grant = held_grant(records)
    return Evidence(
        rules_version=evidence.rules_version,
        trust=evidence.trust,
        replica_version=evidence.replica_version,
        balance_minor=evidence.balance_minor,
        grant=grant.grant_id if grant is not None else None,
    )
