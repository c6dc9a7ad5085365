"""A box asks before it accepts: central counts what the box has done, decides, and reserves what it approves.

A reservation ends when its event or its abandonment arrives, never by time.
"""

from __future__ import annotations

from dataclasses import dataclass

from central.books import book, book_instrument
from central.intake import Intake
from central.store import authorisations, desk, devices, events, instruments, ledger
from central.store.authorisations import Authorisation
from central.store.devices import Device
from central.work import Work
from programme import refusals
from programme.authorisations import Answer, Ask
from programme.canonical import canonical_bytes
from programme.errors import NotUnderstood
from programme.events import AskedOperation, AuthorisationAnswered, Earned, Event, Operation, Redeemed, Sold, Voided
from programme.fold.books import newest
from programme.fold.effects import HOLDERS
from programme.refusals import Refusal, refusal_to_json
from programme.registry import InstrumentStatus, RegistryEntry
from sync.wire import AskMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    """The answer's content.

    Attributes:
        balance_minor: Spendable before the operation.
        reserve_minor: To keep free while the ask is open, when approved.
    """

    balance_minor: int = 0
    reserve_minor: int = 0
    refusal: Refusal | None = None


def authorise(work: Work, device: Device, message: AskMessage) -> bytes:
    """Answer an ask whose signature holds.

    Returns:
        The signed answer; a repeat gets the same bytes.
    """
    ask = message.ask
    # The box names all that central hasn't acknowledged, hundreds after an outage: a query for each of them would take
    # longer than the next ask takes to come, and no batch would ever have its turn.
    given_up = authorisations.not_abandoned(work.db, device.device, message.gives_up)
    for authorisation in given_up - events.raws(work.db, given_up).keys():
        authorisations.abandon(work.db, device.device, authorisation)
    asked = canonical_bytes(ask)
    before = authorisations.find(work.db, ask.authorisation)
    if before is not None:
        if before.device == device.device and before.ask == asked:
            return before.answer
        return work.keys.sign(_answer(work, device, ask, _Decision(refusal=refusals.ContentChanged())))
    _book_spends(work, device, message)
    book_instrument(work, (ask.programme, ask.instrument))
    decision = _decide(work, device, ask)
    return _record(work, device, ask, asked, decision)


def _record(work: Work, device: Device, ask: Ask, asked: bytes, decision: _Decision) -> bytes:
    approved = decision.refusal is None
    answer = work.keys.sign(_answer(work, device, ask, decision))
    work.record(
        AuthorisationAnswered(
            device=device.device,
            authorisation=ask.authorisation,
            programme=ask.programme,
            instrument=ask.instrument,
            operation=ask.operation,
            approved=approved,
            amount_minor=ask.amount_minor,
            signed=answer.decode(),
        )
    )
    authorisations.add(
        work.db,
        Authorisation(
            authorisation=ask.authorisation,
            device=device.device,
            key=(ask.programme, ask.instrument),
            target=ask.target,
            ask=asked,
            answer=answer,
            approved=approved,
            reserved_minor=decision.reserve_minor if approved else 0,
            ended=not approved,
        ),
    )
    book(work)
    return answer


def _answer(work: Work, device: Device, ask: Ask, decision: _Decision) -> Answer:
    return Answer(
        device=device.device,
        ask=ask,
        approved=decision.refusal is None,
        balance_minor=decision.balance_minor,
        answered_at=work.signed_time(),
        refusal=None if decision.refusal is None else refusal_to_json(decision.refusal),
    )


def _book_spends(work: Work, device: Device, message: AskMessage) -> None:
    """Count the spends that the box has journalled and central doesn't have yet, and voids of what central knows.

    So no value is approved that the same ask says is gone; and an earn that isn't booked adds none.

    The rows are authentic by the ask's signature; they come again in their batch, and are duplicates then. Whatever
    else is among them, or isn't understood, waits for its batch.
    """
    intake = Intake(work, device, [row.event.encode() for row in message.rows])
    understood = [found for row in message.rows if (found := _understood(intake, row.event.encode()))]
    for event, raw in sorted(understood, key=lambda found: found[0].order):
        if isinstance(event.data, Redeemed) or (isinstance(event.data, Voided) and _is_known(work, intake, event.data)):
            intake.take(event, raw, intake.known(event.event_id))
    intake.store()
    intake.release()
    book(work)


def _understood(intake: Intake, raw: bytes) -> tuple[Event, bytes] | None:
    try:
        return intake.understand(raw), raw
    except NotUnderstood:
        return None


def _is_known(work: Work, intake: Intake, void: Voided) -> bool:
    return (intake.known(void.target) or events.raw(work.db, void.target)) is not None


def _decide(work: Work, device: Device, ask: Ask) -> _Decision:
    recorded = events.raw(work.db, ask.authorisation) is not None
    if recorded or authorisations.is_abandoned(work.db, device.device, ask.authorisation):
        return _Decision(refusal=refusals.Abandoned())
    key = (ask.programme, ask.instrument)
    entry = instruments.entry(work.db, key)
    if entry is None:
        return _Decision(refusal=refusals.UnknownInstrument())
    reserved_minor = authorisations.reserved_minor(work.db, key) + desk.quarantined_spends_minor(work.db, key)
    if ask.operation is AskedOperation.VOID:
        return _void(work, device, ask, entry, reserved_minor)
    if newest(work.rulebook, ask.programme).voucher is not None:
        return _redeem_voucher(work, ask, entry, reserved_minor)
    return _spend(ask, entry, reserved_minor)


def _redeem_voucher(work: Work, ask: Ask, entry: RegistryEntry, reserved_minor: int) -> _Decision:
    refusal = _voucher_unfit(work, entry)
    if refusal is None and reserved_minor:
        refusal = refusals.ReservedElsewhere()
    if refusal is None and ask.amount_minor != entry.face_minor:
        refusal = refusals.WrongOperation()
    return _Decision(balance_minor=entry.balance_minor, reserve_minor=ask.amount_minor, refusal=refusal)


def _voucher_unfit(work: Work, entry: RegistryEntry) -> Refusal | None:
    match entry.status:
        case InstrumentStatus.REDEEMED:
            return _already_redeemed(work, entry)
        case InstrumentStatus.CANCELLED:
            return refusals.Cancelled()
        case InstrumentStatus.CONSIGNED:
            return refusals.NotActivated()
    if entry.expires_at is not None and work.signed_time() > entry.expires_at:
        return refusals.Expired(at=entry.expires_at)
    return None


def _already_redeemed(work: Work, entry: RegistryEntry) -> Refusal:
    shop = devices.find_shop(work.db, entry.used_in) if entry.used_in is not None else None
    return refusals.AlreadyRedeemed(at=entry.used_at, shop=shop.name if shop is not None else entry.used_in)


def _spend(ask: Ask, entry: RegistryEntry, reserved_minor: int) -> _Decision:
    available_minor = max(0, entry.balance_minor - reserved_minor)
    if ask.amount_minor > entry.balance_minor:
        return _Decision(
            balance_minor=available_minor, refusal=refusals.InsufficientBalance(available_minor=available_minor)
        )
    if ask.amount_minor > available_minor:
        return _Decision(balance_minor=available_minor, refusal=refusals.ReservedElsewhere())
    return _Decision(balance_minor=available_minor, reserve_minor=ask.amount_minor)


def _void(work: Work, device: Device, ask: Ask, entry: RegistryEntry, reserved_minor: int) -> _Decision:
    available_minor = max(0, entry.balance_minor - reserved_minor)
    target = events.find(work.db, ask.target) if ask.target is not None else None
    if ask.target is None or target is None or not _is_its_own(device, ask, target):
        refusal: Refusal = refusals.UnknownOperation(target=ask.target or ask.authorisation)
        return _Decision(balance_minor=available_minor, refusal=refusal)
    if events.voided(work.db, [target]):
        return _Decision(balance_minor=available_minor, refusal=refusals.AlreadyVoided())
    if _is_of_another_day(work, device, target):
        return _Decision(balance_minor=available_minor, refusal=refusals.TooLateToVoid())
    if authorisations.is_void_open(work.db, (ask.programme, ask.instrument), ask.target):
        return _Decision(balance_minor=available_minor, refusal=refusals.ReservedElsewhere())
    taken_back_minor = _taken_back_minor(work, target)
    if taken_back_minor > available_minor:
        spent: Refusal = refusals.InsufficientBalance(available_minor=available_minor)
        if reserved_minor and taken_back_minor <= entry.balance_minor:
            spent = refusals.ReservedElsewhere()
        elif entry.status is InstrumentStatus.REDEEMED:
            spent = _already_redeemed(work, entry)
        return _Decision(balance_minor=available_minor, refusal=spent)
    return _Decision(balance_minor=available_minor, reserve_minor=taken_back_minor)


def _is_its_own(device: Device, ask: Ask, target: Event) -> bool:
    data = target.data
    return (
        isinstance(data, Earned | Sold | Redeemed)
        and target.source == device.device
        and (data.programme, data.instrument, data.amount_minor) == (ask.programme, ask.instrument, ask.amount_minor)
    )


def _is_of_another_day(work: Work, device: Device, target: Event) -> bool:
    """Whether its business day is over, by the shop's reckoning and central's time; the ask names no day."""
    shop = devices.find_shop(work.db, device.shop)
    assert shop is not None
    assert isinstance(target.data, Operation)
    return target.data.counter.business_day != shop.business_day(work.signed_time())


def _taken_back_minor(work: Work, target: Event) -> int:
    """What the void takes from the instrument: what the operation effectively gave it."""
    if isinstance(target.data, Redeemed):
        return 0
    return max(0, ledger.booked(work.db, [target.event_id]).get(target.event_id, {}).get(HOLDERS, 0))
