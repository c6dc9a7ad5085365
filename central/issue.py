"""Putting instruments into the registry: cards, vouchers to sell, vouchers given away, codes printed long ago."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from central.books import book
from central.errors import CommandError
from central.keys import TOKEN_KEY_ID
from central.store import devices, events, grants
from central.work import Work, Workshop
from programme.codes import legacy_serial, reference
from programme.events import InstrumentIssued
from programme.fold.books import newest
from programme.rules import RuleSet
from programme.tokens import SERIAL_BYTES, Token, TokenKind, sign_token

PER_TRANSACTION = 200
"""Short transactions, so that a running server is never kept waiting, and deltas stay small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to issue.

    Attributes:
        face_minor: Of each voucher; None for cards.
        consign_to: The box that will sell the vouchers.
        is_gift: Vouchers that are worth their value at once, paid by the issuer.
    """

    programme: str
    count: int
    face_minor: int | None = None
    consign_to: str | None = None
    is_gift: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A new instrument.

    Attributes:
        token: The code to print; None for a code printed before.
    """

    instrument: str
    token: str | None


def issue(workshop: Workshop, order: Order) -> Generator[Issued, None, None]:
    """Issue instruments; each is yielded before its transaction's commit, so that none is of value and unknown.

    Write each down at once: what isn't written can't be handed out, but is owed. What was yielded of a transaction that
    failed is worthless: it isn't in the registry. The database is locked meanwhile, so don't use it in between.

    Raises:
        CommandError: The order doesn't fit the programme.
    """
    with workshop.read() as work:
        _check(work, order)
    for start in range(0, order.count, PER_TRANSACTION):
        with workshop.write() as work:
            made = [_make(work, order) for _ in range(min(PER_TRANSACTION, order.count - start))]
            book(work)
            yield from made


def adopt(workshop: Workshop, programme: str, codes: Sequence[str]) -> Generator[Issued, None, None]:
    """Take cards into the registry that were printed before; those that are known stay as they are.

    Each is yielded before its transaction's commit, as by `issue`.

    Raises:
        CommandError: The programme is unknown or no card, or a code matches none of its identifiers; nothing was done.
    """
    with workshop.read() as work:
        rules = _rules(work, programme)
        if rules.loyalty is None:
            raise CommandError(f"{programme} is a voucher programme; only cards can be taken over by their codes")
    serials = [legacy_serial(rules, code.strip()) for code in codes]
    foreign = [code for code, serial in zip(codes, serials, strict=True) if serial is None]
    if foreign:
        raise CommandError(f"{len(foreign)} codes match no identifier of {programme}, first {foreign[0][:40]!r}")
    known = [serial for serial in serials if serial is not None]
    for start in range(0, len(known), PER_TRANSACTION):
        with workshop.write() as work:
            made = [_register(work, rules, serial) for serial in known[start : start + PER_TRANSACTION]]
            book(work)
            yield from made


def _rules(work: Work, programme: str) -> RuleSet:
    if not any(programme == name for name, _ in work.rulebook):
        raise CommandError(f"no programme {programme}; load it first: comptoir-central programme load FILE.toml")
    return newest(work.rulebook, programme)


def _check(work: Work, order: Order) -> None:
    rules = _rules(work, order.programme)
    if not 0 < order.count <= 100_000:
        raise CommandError("--count must be between 1 and 100000")
    if rules.voucher is None:
        if order.face_minor is not None or order.consign_to is not None or order.is_gift:
            raise CommandError(f"{order.programme} is a card programme: cards have no face value and aren't consigned")
        return
    if order.face_minor not in rules.voucher.faces_minor:
        faces = ", ".join(f"{face // 100},{face % 100:02}" for face in rules.voucher.faces_minor)
        raise CommandError(f"--face must be one of {order.programme}'s values: {faces}")
    if (order.consign_to is None) == (not order.is_gift):
        raise CommandError("say who sells the vouchers, --consign DEVICE, or that they are given away, --gift")
    if order.consign_to is not None and devices.find(work.db, order.consign_to) is None:
        raise CommandError(f"no box {order.consign_to}; comptoir-central devices lists them")


def _make(work: Work, order: Order) -> Issued:
    rules = newest(work.rulebook, order.programme)
    serial = secrets.token_bytes(SERIAL_BYTES)
    face_minor = order.face_minor or 0
    expires_at = _expiry(work.now, rules)
    issued = _record(work, rules, serial, face_minor=face_minor, to_sell=order.consign_to is not None)
    token = Token(
        kind=TokenKind.CARD if rules.voucher is None else TokenKind.VOUCHER,
        programme_number=rules.number,
        serial=serial,
        face_minor=face_minor,
        activation_required=order.consign_to is not None,
        expires_at=expires_at,
    )
    text = sign_token(token, key_id=TOKEN_KEY_ID.encode(), key=work.keys.token)
    if order.consign_to is not None:
        key = (rules.id, issued)
        grants.consign(work.db, key, device=order.consign_to, token=text, face_minor=face_minor)
    return Issued(instrument=issued, token=text)


def _register(work: Work, rules: RuleSet, serial: bytes) -> Issued:
    instrument = reference(work.keys.references[rules.id], serial)
    if not events.issues_of(work.db, [(rules.id, instrument)]):
        _record(work, rules, serial, face_minor=0, to_sell=False)
    return Issued(instrument=instrument, token=None)


def _record(work: Work, rules: RuleSet, serial: bytes, *, face_minor: int, to_sell: bool) -> str:
    instrument = reference(work.keys.references[rules.id], serial)
    work.record(
        InstrumentIssued(
            programme=rules.id,
            instrument=instrument,
            currency=rules.currency_code,
            face_minor=face_minor,
            activation_required=to_sell,
            expires_at=_expiry(work.now, rules),
        )
    )
    return instrument


def _expiry(now: datetime, rules: RuleSet) -> datetime | None:
    """Whole seconds, as tokens carry them."""
    if rules.voucher is None:
        return None
    return now.replace(microsecond=0) + timedelta(days=rules.voucher.valid_days)
