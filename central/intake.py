"""Taking a box's events in: understood, stored once, and what they end.

All that the events of a message are checked by is read at once, and they are stored at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
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
    PeriodClosed,
    Redeemed,
    Sold,
)
from programme.fold.books import InstrumentKey
from programme.grants import Grant, read_signed_grant
from sync.chain import Row
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


class Intake:
    """Takes in the events of one message.

    What was taken counts here at once, and in the database after `store`.
    """

    def __init__(self, work: Work, device: Device, raws: Iterable[bytes]) -> None:
        """Read the events, and what they are checked by.

        Args:
            raws: The bytes of every event that will be asked about.
        """
        self._work = work
        self._device = device
        self._rules = work.newest_rules()
        self._latest_at = work.wall_time() + MAX_AHEAD
        self._asked = frozenset(authorisations.open_of_device(work.db, device.device))
        self._read = {raw: _read(raw) for raw in raws}
        readable = [event for event in self._read.values() if isinstance(event, Event)]
        self._known = events.raws(work.db, {event.event_id for event in readable})
        self._issued = events.issues_of(work.db, {key for event in readable if (key := self._face_of(event))})
        self._set_aside = desk.waiting_events(work.db, device.device)
        self._taken: list[tuple[Event, bytes]] = []
        self._released: list[tuple[Event, bytes]] = []

    def understand(self, raw: bytes) -> Event:
        """Read an event and check that the box may say this.

        Raises:
            NotUnderstood: It waits for a person in quarantine; the message says why.
        """
        event = self._read[raw]
        if isinstance(event, NotUnderstood):
            raise event
        if event.source != self._device.device:
            raise NotUnderstood(f"names another source, {event.source[:40]!r}")
        if event.ordered_at > self._latest_at:
            raise NotUnderstood(f"more than five minutes ahead of central's time: {event.ordered_at.isoformat()}")
        match event.data:
            case InstrumentIssued() | GrantIssued() | AuthorisationAnswered() | Decided():
                raise NotUnderstood(f"only central writes {event.type}")
            case GrantReceived() as received:
                _check_grant(self._work, self._device, received)
            case AuthorisationAbandoned() | EpochOpened() | DayClosed() | PeriodClosed():
                pass
            case operation:
                self._check_operation(operation)
                self._check_face(operation)
        return event

    def known(self, event_id: UUID) -> bytes | None:
        """The bytes of an event that came before."""
        return self._known.get(event_id)

    def take(self, event: Event, raw: bytes, known: bytes | None) -> Taken:
        """Take an understood event, once, and let it end what it ends.

        Args:
            known: Its bytes if it came before.
        """
        if known is not None:
            return Taken.REPEATED if known == raw else Taken.CONFLICTING
        self._known[event.event_id] = raw
        self._taken.append((event, raw))
        if self._set_aside and event.event_id in self._set_aside:
            self._released.append((event, raw))
        device = self._device.device
        if self._asked and event.event_id in self._asked:
            authorisations.end(self._work.db, device, event.event_id)
        match event.data:
            case AuthorisationAbandoned(authorisation=authorisation):
                authorisations.abandon(self._work.db, device, authorisation)
            case GrantReceived() as received:
                _receive_grant(self._work, self._device, received)
        return Taken.STORED

    def set_aside(self, row: Row, reason: str) -> None:
        """Keep a row that isn't understood, or not at its place."""
        read = self._read[row.event]
        event = read if isinstance(read, Event) else None
        desk.quarantine(
            self._work.db, self._device.device, row, event, reason=reason, at=self._work.now, find=self._find
        )
        if event is not None and event.source == self._device.device:
            self._set_aside.add(event.event_id)

    @property
    def must_release(self) -> bool:
        """Whether something taken waits in quarantine, too: no later row must come between."""
        return bool(self._released)

    def store(self) -> None:
        """Store what was taken."""
        taken, self._taken = self._taken, []
        self._work.store(taken)

    def release(self) -> None:
        """Take rows out of quarantine whose events are stored now."""
        released, self._released = self._released, []
        for event, raw in released:
            desk.release(self._work.db, event, raw)

    def _find(self, event_id: UUID) -> Event | None:
        known = self._known.get(event_id)
        return decode_event(known) if known is not None else events.find(self._work.db, event_id)

    def _face_of(self, event: Event) -> InstrumentKey | None:
        """The voucher whose face the amount must be, if it is about one."""
        data = event.data
        if not isinstance(data, Redeemed | Sold):
            return None
        rules = self._rules.get(data.programme)
        return (data.programme, data.instrument) if rules is not None and rules.voucher is not None else None

    def _check_operation(self, operation: Operation) -> None:
        grant = operation.evidence.grant or ""
        if len(operation.instrument) > MAX_REFERENCE_CHARACTERS or len(grant) > MAX_GRANT_ID_CHARACTERS:
            raise NotUnderstood("a reference longer than any of ours")
        rules = self._rules.get(operation.programme)
        if rules is None:
            raise NotUnderstood(f"unknown programme {operation.programme[:40]!r}")
        if (operation.programme, operation.evidence.rules_version) not in self._work.rulebook:
            raise NotUnderstood(f"unknown version {operation.evidence.rules_version} of {operation.programme}")
        if operation.counter.shop != self._device.shop:
            raise NotUnderstood(f"names another shop, {operation.counter.shop[:40]!r}")
        if operation.currency != rules.currency_code:
            raise NotUnderstood(f"another currency than the programme's, {operation.currency[:10]!r}")
        kind = type(operation)
        if (kind is Earned and rules.loyalty is None) or (kind is Sold and rules.voucher is None):
            raise NotUnderstood(f"{operation.programme} has no such operation")

    def _check_face(self, operation: Operation) -> None:
        issued = self._issued.get((operation.programme, operation.instrument))
        if (
            issued is not None
            and isinstance(operation, Redeemed | Sold)
            and issued.face_minor != operation.amount_minor
        ):
            raise NotUnderstood(f"a voucher of {issued.face_minor} taken for {operation.amount_minor}")


def _read(raw: bytes) -> Event | NotUnderstood:
    if NUL in raw:
        return NotUnderstood("holds a NUL character")
    try:
        return decode_event(raw)
    except NotUnderstood as error:
        return error


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
