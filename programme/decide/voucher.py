"""Selling a consigned voucher, and taking one."""

from __future__ import annotations

from programme import refusals
from programme.codes import Code
from programme.decide.case import Accepted, Decision, Facts, Redeem, Refused, Sell, make_evidence
from programme.decide.own import standing, voids_of_booked, was
from programme.decide.stand_in import beyond_grant, redeemed, stand_in
from programme.events import Evidence, Redeemed, Sold
from programme.grants import Consignment
from programme.refusals import Refusal
from programme.registry import InstrumentStatus, RegistryEntry
from programme.state import SOLD, HeldGrant, OperationKind, Records, held_grant


def sell(command: Sell, facts: Facts, records: Records) -> Decision:
    """Hand over the next consigned voucher of a value."""
    if facts.rules.voucher is None:
        return Refused(refusal=refusals.WrongOperation())
    if facts.counter.training:
        return Refused(refusal=refusals.NotInTraining())
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


def redeem_voucher(command: Redeem, facts: Facts, records: Records) -> Decision:
    """Take a voucher, whole."""
    face_minor = voucher_face(command.code, facts.entry)
    if face_minor is None:
        return Refused(refusal=refusals.UnknownInstrument())
    evidence = make_evidence(facts, code=command.code, balance_minor=face_minor)
    if facts.answered is None and not facts.counter.training:
        refusal = _voucher_unfit(command.code, facts, records) or beyond_grant(facts, records, face_minor)
        if refusal is not None:
            return Refused(refusal=refusal)
        evidence = stand_in(evidence, records)
    return redeemed(command, facts, face_minor, evidence)


def voucher_face(code: Code, entry: RegistryEntry | None) -> int | None:
    """A voucher's value: signed in the token, else as the registry knows it."""
    if code.token is not None:
        return code.token.face_minor
    return entry.face_minor if entry is not None else None


def _voucher_unfit(code: Code, facts: Facts, records: Records) -> Refusal | None:
    entry, own = facts.entry, standing(facts.own)
    expires_at = code.token.expires_at if code.token is not None else entry.expires_at if entry else None
    if expires_at is not None and facts.now > expires_at:
        return refusals.Expired(at=expires_at)
    for event in own:
        if isinstance(event.data, Redeemed):
            return refusals.AlreadyRedeemed(at=event.ordered_at, shop=None)
    if entry is not None and entry.status is InstrumentStatus.REDEEMED:
        return refusals.AlreadyRedeemed(at=entry.used_at, shop=entry.used_in)
    sale_voided = any(not was(OperationKind.REDEEMED, void.target, records) for void in voids_of_booked(facts.own))
    if sale_voided or (entry is not None and entry.status is InstrumentStatus.CANCELLED):
        return refusals.Cancelled()
    active = entry is not None and entry.status is InstrumentStatus.ACTIVE
    sold_here = any(isinstance(event.data, Sold) for event in own)
    needs_no_sale = code.token is not None and not code.token.activation_required
    return None if active or sold_here or needs_no_sale else refusals.NotActivated()
