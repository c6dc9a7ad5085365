"""Taking a box's event in: understood, stored once, and what it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from central.keys import SIGNING_KEY_ID
from central.store import authorisations, desk, events, grants
from central.store.devices import Device
from central.store.schema import NUL
from central.work import Work
from programme.cloudevents import decode_event
from programme.errors import NotUnderstood
from programme.events import (
    AuthorisationAbandoned,
    AuthorisationAnswered,
    DayClosed,
    Decided,
    Earned,
    EpochOpened,
    Event,
    GrantIssued,
    GrantReceived,
    InstrumentIssued,
    Operation,
    Redeemed,
    Sold,
)
from programme.fold.books import newest
from programme.grants import Grant, read_signed_grant
from sync.errors import WireError
from sync.wire import CONTEXTS, open_message

MAX_AHEAD = timedelta(minutes=5)
"""A row further ahead of the wall clock than this is quarantined: it would push everybody's time.

The wall clock, and not central's signed time: that one follows the rows booked, so a box could push its own limit row
by row. Where the wall clock was set back, the latest one that a time was signed by counts: boxes go on from there.
"""

MAX_REFERENCE_CHARACTERS = 64
MAX_GRANT_ID_CHARACTERS = 80
"""No longer ones are ours."""


class Taken(Enum):
    """What became of an event."""

    STORED = "stored"
    REPEATED = "repeated"
    CONFLICTING = "conflicting"
    """Other bytes under a known id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Whose events are taken in.

    Attributes:
        latest_at: No event may be later.
        asked: Its open authorisations, which its events end.
    """

    device: Device
    latest_at: datetime
    asked: frozenset[UUID]


def sender_of(work: Work, device: Device) -> Sender:
    """A box whose message has just come."""
    return Sender(
        device=device,
        latest_at=work.wall_time() + MAX_AHEAD,
        asked=frozenset(authorisations.open_of_device(work.db, device.device)),
    )


def understand(work: Work, sender: Sender, raw: bytes) -> Event:
    """Read an event and check that a box may say this.

    Raises:
        NotUnderstood: It waits for a person in quarantine; the message says why.
    """
    if NUL in raw:
        raise NotUnderstood("holds a NUL character")
    event = decode_event(raw)
    if event.source != sender.device.device:
        raise NotUnderstood(f"names another source, {event.source[:40]!r}")
    if event.ordered_at > sender.latest_at:
        raise NotUnderstood(f"more than five minutes ahead of central's time: {event.ordered_at.isoformat()}")
    match event.data:
        case InstrumentIssued() | GrantIssued() | AuthorisationAnswered() | Decided():
            raise NotUnderstood(f"only central writes {event.type}")
        case GrantReceived() as received:
            _check_grant(work, sender.device, received)
        case AuthorisationAbandoned() | EpochOpened() | DayClosed():
            pass
        case operation:
            _check_operation(work, sender.device, operation)
    return event


def take(work: Work, sender: Sender, event: Event, raw: bytes) -> Taken:
    """Store an understood event, once, let it end what it ends, and take its rows out of quarantine."""
    device = sender.device
    known = events.raw(work.db, event.event_id)
    if known is not None:
        return Taken.REPEATED if known == raw else Taken.CONFLICTING
    work.store(event, raw)
    desk.release(work.db, event, raw)
    if event.event_id in sender.asked:
        authorisations.end(work.db, device.device, event.event_id)
    match event.data:
        case AuthorisationAbandoned(authorisation=authorisation):
            authorisations.abandon(work.db, device.device, authorisation)
        case GrantReceived() as received:
            _receive_grant(work, device, received)
    return Taken.STORED


def _check_operation(work: Work, device: Device, operation: Operation) -> None:
    grant = operation.evidence.grant or ""
    if len(operation.instrument) > MAX_REFERENCE_CHARACTERS or len(grant) > MAX_GRANT_ID_CHARACTERS:
        raise NotUnderstood("a reference longer than any of ours")
    versions = [version for programme, version in work.rulebook if programme == operation.programme]
    if not versions:
        raise NotUnderstood(f"unknown programme {operation.programme[:40]!r}")
    if operation.evidence.rules_version not in versions:
        raise NotUnderstood(f"unknown version {operation.evidence.rules_version} of {operation.programme}")
    if operation.counter.shop != device.shop:
        raise NotUnderstood(f"names another shop, {operation.counter.shop[:40]!r}")
    rules = newest(work.rulebook, operation.programme)
    if operation.currency != rules.currency_code:
        raise NotUnderstood(f"another currency than the programme's, {operation.currency[:10]!r}")
    needs = rules.loyalty if isinstance(operation, Earned) else rules.voucher if isinstance(operation, Sold) else rules
    if needs is None:
        raise NotUnderstood(f"{operation.programme} has no such operation")
    if isinstance(operation, Redeemed | Sold) and rules.voucher is not None:
        issued = events.issue_of(work.db, (operation.programme, operation.instrument))
        if issued is not None and issued.face_minor != operation.amount_minor:
            raise NotUnderstood(f"a voucher of {issued.face_minor} taken for {operation.amount_minor}")


def _check_grant(work: Work, device: Device, received: GrantReceived) -> None:
    """Whatever ends a grant must be a later one that central signed, for this box."""
    keys = {SIGNING_KEY_ID: work.keys.signing.public_key()}
    try:
        grant = open_message(received.signed, Grant, context=CONTEXTS[Grant], keys=keys)
    except WireError as error:
        raise NotUnderstood(f"a grant that isn't central's ({error})") from None
    if (grant.device, grant.number) != (device.device, received.number):
        raise NotUnderstood(f"names grant {received.number}, and holds {grant.grant_id} of {grant.device}")


def _receive_grant(work: Work, device: Device, received: GrantReceived) -> None:
    """Note that the box holds a grant; a row that isn't about one of ours changes nothing."""
    grant = read_signed_grant(received.signed)
    ours = grants.find(work.db, device.device, grant.grant_id)
    if ours == grant:
        grants.receive(work.db, device.device, epoch=grant.epoch, number=grant.number)
