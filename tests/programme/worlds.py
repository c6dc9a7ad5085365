"""Small builders of events and boxes for the domain's tests: what happened, without ceremony."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from programme.canonical import canonical_bytes
from programme.codes import Code
from programme.decide import Accepted, Answered, Command, Decision, Facts, Refused, decide
from programme.events import (
    CENTRAL,
    AskedOperation,
    AuthorisationAnswered,
    ClockState,
    CodeTrust,
    Counter,
    Earned,
    EpochOpened,
    EpochReason,
    Event,
    EventData,
    Evidence,
    GrantIssued,
    GrantReceived,
    InstrumentIssued,
    Redeemed,
    Sold,
    Voided,
)
from programme.grants import Allowance, Consignment, Grant
from programme.refusals import Refusal
from programme.registry import RegistryEntry
from programme.rules import RuleSet
from programme.state import Record, evolve
from programme.tokens import Token, TokenKind

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY = date(2026, 11, 24)
CARD = "albret-card"
VOUCHER = "albret-voucher"
K1 = "c1" * 16
V0 = "e0" * 16
EPOCH = "1-0123456789abcdef"
GRANT_ID = f"{EPOCH}/1"


def event_id(number: int) -> UUID:
    """A readable id."""
    return UUID(int=number)


def counter(shop: str = "a", *, training: bool = False, day: date = TODAY) -> Counter:
    return Counter(shop=shop, till="1", business_day=day, training=training)


def evidence(*, grant: str | None = GRANT_ID) -> Evidence:
    return Evidence(rules_version=1, trust=CodeTrust.SIGNED, grant=grant)


def event(number: int, data: EventData, *, source: str = "box-a", minute: int | None = None) -> Event:
    """An event; by default its order is its number."""
    at = NOON + timedelta(minutes=number if minute is None else minute)
    return Event(
        event_id=event_id(number), source=source, occurred_at=at, ordered_at=at, clock=ClockState.SYNCED, data=data
    )


def card_issued(instrument: str = K1) -> EventData:
    return InstrumentIssued(
        programme=CARD, instrument=instrument, currency="EUR", face_minor=0, activation_required=False
    )


def voucher_issued(instrument: str = V0, face_minor: int = 2_000, expires_at: datetime | None = None) -> EventData:
    return InstrumentIssued(
        programme=VOUCHER,
        instrument=instrument,
        currency="EUR",
        face_minor=face_minor,
        activation_required=True,
        expires_at=expires_at,
    )


def earned(amount_minor: int, *, instrument: str = K1, shop: str = "a", training: bool = False) -> EventData:
    return Earned(
        programme=CARD,
        instrument=instrument,
        currency="EUR",
        basket_minor=amount_minor * 20,
        amount_minor=amount_minor,
        counter=counter(shop, training=training),
        evidence=evidence(grant=None),
    )


def spent(
    amount_minor: int, *, instrument: str = K1, shop: str = "a", grant: str | None = GRANT_ID, training: bool = False
) -> EventData:
    return Redeemed(
        programme=CARD,
        instrument=instrument,
        currency="EUR",
        amount_minor=amount_minor,
        counter=counter(shop, training=training),
        evidence=evidence(grant=grant),
    )


def taken(
    *, instrument: str = V0, shop: str = "a", amount_minor: int = 2_000, grant: str | None = GRANT_ID
) -> EventData:
    """A voucher redeemed."""
    return Redeemed(
        programme=VOUCHER,
        instrument=instrument,
        currency="EUR",
        amount_minor=amount_minor,
        counter=counter(shop),
        evidence=evidence(grant=grant),
    )


def sold(*, instrument: str = V0, shop: str = "a", amount_minor: int = 2_000) -> EventData:
    return Sold(
        programme=VOUCHER,
        instrument=instrument,
        currency="EUR",
        amount_minor=amount_minor,
        counter=counter(shop),
        evidence=evidence(),
    )


def voided(
    target: int, amount_minor: int, *, programme: str = CARD, instrument: str = K1, day: date = TODAY
) -> EventData:
    return Voided(
        programme=programme,
        instrument=instrument,
        currency="EUR",
        target=event_id(target),
        amount_minor=amount_minor,
        counter=counter(day=day),
        evidence=evidence(grant=None),
    )


def grant(
    *,
    device: str = "box-a",
    ceiling_minor: int = 10_000,
    floor_limit_minor: int = 2_000,
    consigned: tuple[Consignment, ...] = (),
    ends_at: datetime = NOON + timedelta(days=30),
    number: int = 1,
    epoch: str = EPOCH,
) -> Grant:
    allowance = Allowance(ceiling_minor=ceiling_minor, floor_limit_minor=floor_limit_minor, consigned=consigned)
    return Grant(
        device=device,
        epoch=epoch,
        number=number,
        issued_at=NOON,
        ends_at=ends_at,
        allowances={CARD: allowance, VOUCHER: allowance},
    )


def as_signed(held: Grant) -> str:
    """The envelope; the domain leaves checking its signature to the wire."""
    return json.dumps({"key": "central", "payload": canonical_bytes(held).decode(), "signature": ""})


def grant_issued(held: Grant) -> EventData:
    return GrantIssued(device=held.device, epoch=held.epoch, number=held.number, signed=as_signed(held))


def approved(
    authorisation: int,
    amount_minor: int,
    *,
    device: str = "box-a",
    instrument: str = K1,
    operation: AskedOperation = AskedOperation.REDEEM,
) -> EventData:
    return AuthorisationAnswered(
        device=device,
        authorisation=event_id(authorisation),
        programme=CARD,
        instrument=instrument,
        operation=operation,
        approved=True,
        amount_minor=amount_minor,
        signed="",
    )


def central_event(number: int, data: EventData, *, minute: int | None = None) -> Event:
    return event(number, data, source=CENTRAL, minute=minute)


def card_code(instrument: str = K1, *, signed: bool = True) -> Code:
    token = Token(kind=TokenKind.CARD, programme_number=1, serial=b"k1") if signed else None
    trust = CodeTrust.SIGNED if signed else CodeTrust.LEGACY
    return Code(programme=CARD, instrument=instrument, trust=trust, token=token)


def voucher_code(instrument: str = V0, *, expires_at: datetime | None = None) -> Code:
    token = Token(
        kind=TokenKind.VOUCHER,
        programme_number=2,
        serial=b"v0",
        face_minor=2_000,
        activation_required=True,
        expires_at=expires_at,
    )
    return Code(programme=VOUCHER, instrument=instrument, trust=CodeTrust.SIGNED, token=token)


@dataclass(slots=True, kw_only=True)
class Box:
    """A box reduced to its decisions: records, own events, and a replica that the test fills by hand."""

    rules: RuleSet
    minute: int = 0
    training: bool = False
    day: date = TODAY
    records: dict[str, Record] = field(default_factory=dict)
    own: list[Event] = field(default_factory=list)
    replica: dict[str, RegistryEntry] = field(default_factory=dict)
    sent: bool = True
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    def happened(self, data: EventData) -> Event:
        """Record an event."""
        number = next(self._numbers)
        self.minute += 1
        recorded = event(number, data, minute=self.minute)
        for key, record in evolve(self.records, recorded).items():
            if record is None:
                self.records.pop(key, None)
            else:
                self.records[key] = record
        self.own.append(recorded)
        return recorded

    def open_with(self, held: Grant) -> None:
        """Enrol, and take a grant."""
        self.happened(EpochOpened(epoch=EPOCH, reason=EpochReason.ENROLMENT))
        self.happened(GrantReceived(number=held.number, signed=as_signed(held)))

    def decide(self, command: Command, *, instrument: str = K1, answered: Answered | None = None) -> Decision:
        """Decide without recording."""
        facts = Facts(
            rules=self.rules,
            counter=counter(training=self.training, day=self.day),
            now=NOON + timedelta(minutes=self.minute + 1),
            entry=self.replica.get(instrument),
            replica_version=7,
            own=tuple(past for past in self.own if getattr(past.data, "instrument", None) == instrument),
            never_sent=not self.sent,
            answered=answered,
        )
        return decide(command, facts, self.records)

    def do(self, command: Command, *, instrument: str = K1, answered: Answered | None = None) -> Event:
        """Decide, expect a yes, record."""
        decision = self.decide(command, instrument=instrument, answered=answered)
        assert isinstance(decision, Accepted), decision
        return self.happened(decision.operation)

    def refusal(self, command: Command, *, instrument: str = K1, answered: Answered | None = None) -> Refusal:
        """Decide, expect a no."""
        decision = self.decide(command, instrument=instrument, answered=answered)
        assert isinstance(decision, Refused), decision
        return decision.refusal
