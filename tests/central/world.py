"""A centre with two shops on a real database, and a minimal box that signs rows and messages by hand."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import make_url

from central import issue, office
from central.audit import Audit, audit
from central.handler import Handler
from central.ports import Outgoing
from central.store.database import open_store
from central.store.devices import Shop
from central.work import Workshop
from edge_config.messages import CONFIG_CONTEXT, Configuration, Enrolment, EnrolmentRequest
from edge_config.settings import CentralSettings, load_central_settings
from programme.authorisations import Answer, Ask
from programme.canonical import canonical_bytes, from_bytes
from programme.cloudevents import encode_event
from programme.events import (
    AbandonReason,
    AskedOperation,
    AuthorisationAbandoned,
    ClockState,
    CodeTrust,
    Counter,
    Earned,
    EpochOpened,
    EpochReason,
    Event,
    EventData,
    Evidence,
    GrantReceived,
    Redeemed,
    RowLink,
    Sold,
    Voided,
)
from programme.grants import Grant
from sync.chain import GENESIS, Row, b64, make_row, unb64
from sync.topics import BoxAddress, Up
from sync.wire import (
    CONTEXTS,
    Ack,
    AskMessage,
    Birth,
    Command,
    Death,
    RawRow,
    RegistryDelta,
    Resend,
    Signed,
    encode_batch,
    open_message,
    sign_message,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY = date(2026, 11, 24)
CARD = "albret-card"
VOUCHER = "albret-voucher"
FILES = Path(__file__).parents[2] / "programme" / "files"
M = TypeVar("M")


@dataclass(slots=True)
class ManualClock:
    """Time that passes when the test says so."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


class Ids:
    """Ids that count; shared by central and the boxes of one test."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new_id(self) -> UUID:
        return UUID(int=next(self._numbers))


@dataclass(slots=True, kw_only=True)
class Box:
    """A box reduced to its journal: whatever the test says happened, chained and signed."""

    enrolment: Enrolment
    shop: str
    key: Ed25519PrivateKey
    clock: ManualClock
    ids: Ids
    epoch: str = "1-0123456789abcdef"
    rows: list[Row] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    last_at: datetime = NOON

    @property
    def device(self) -> str:
        return self.enrolment.device

    @property
    def address(self) -> BoxAddress:
        return BoxAddress(tenant=self.enrolment.tenant, shard=self.enrolment.shard, device=self.device)

    @property
    def counter(self) -> Counter:
        return Counter(shop=self.shop, till="1", business_day=TODAY)

    def append(self, event: Event) -> Row:
        return self.append_bytes(encode_event(event))

    def append_bytes(self, raw: bytes) -> Row:
        """A row with whatever content."""
        previous = self.rows[-1].hash if self.rows else GENESIS
        row = make_row(epoch=self.epoch, seq=len(self.rows) + 1, previous=previous, event=raw)
        self.rows.append(row)
        return row

    def event(self, data: EventData, *, event_id: UUID | None = None, at: datetime | None = None) -> Event:
        """An event, in order, that isn't journalled."""
        self.last_at = at or max(self.last_at + timedelta(microseconds=1), self.clock.now())
        return Event(
            event_id=event_id or self.ids.new_id(),
            source=self.device,
            occurred_at=self.clock.now(),
            ordered_at=self.last_at,
            clock=ClockState.SYNCED,
            data=data,
        )

    def happened(self, data: EventData, *, event_id: UUID | None = None, at: datetime | None = None) -> Event:
        """An event with its row."""
        event = self.event(data, event_id=event_id, at=at)
        self.append(event)
        self.events.append(event)
        return event

    def open_epoch(self, epoch: str, parent: RowLink | None, reason: EpochReason = EpochReason.FORK) -> None:
        self.epoch, self.rows = epoch, []
        self.happened(EpochOpened(epoch=epoch, reason=reason, parent=parent))

    def earned(self, instrument: str, amount_minor: int) -> Event:
        return self.happened(
            Earned(
                programme=CARD,
                instrument=instrument,
                currency="EUR",
                basket_minor=amount_minor * 20,
                amount_minor=amount_minor,
                counter=self.counter,
                evidence=Evidence(rules_version=1, trust=CodeTrust.SIGNED),
            )
        )

    def redemption(
        self, programme: str, instrument: str, amount_minor: int, *, grant: str | None = None, answer: str | None = None
    ) -> Redeemed:
        return Redeemed(
            programme=programme,
            instrument=instrument,
            currency="EUR",
            amount_minor=amount_minor,
            counter=self.counter,
            evidence=Evidence(rules_version=1, trust=CodeTrust.SIGNED, grant=grant, answer=answer),
        )

    def redeemed(
        self,
        programme: str,
        instrument: str,
        amount_minor: int,
        *,
        event_id: UUID | None = None,
        grant: str | None = None,
    ) -> Event:
        data = self.redemption(programme, instrument, amount_minor, grant=grant)
        return self.happened(data, event_id=event_id)

    def sold(self, instrument: str, amount_minor: int = 2_000) -> Event:
        return self.happened(
            Sold(
                programme=VOUCHER,
                instrument=instrument,
                currency="EUR",
                amount_minor=amount_minor,
                counter=self.counter,
                evidence=Evidence(rules_version=1),
            )
        )

    def voided(self, target: Event) -> Event:
        data = target.data
        assert isinstance(data, Earned | Redeemed | Sold)
        return self.happened(
            Voided(
                programme=data.programme,
                instrument=data.instrument,
                currency="EUR",
                target=target.event_id,
                amount_minor=data.amount_minor,
                counter=self.counter,
                evidence=Evidence(rules_version=1),
            )
        )

    def abandoned(self, authorisation: UUID) -> Event:
        return self.happened(AuthorisationAbandoned(authorisation=authorisation, reason=AbandonReason.GIVEN_UP))

    def took_grant(self, signed: str) -> Grant:
        """Journal a grant that came."""
        grant = from_bytes(from_bytes(signed, Signed).payload, Grant)
        self.happened(GrantReceived(number=grant.number, signed=signed))
        return grant

    def batch(self, first_seq: int = 1, last_seq: int | None = None) -> bytes:
        return encode_batch(self.device, self.rows[first_seq - 1 : last_seq or len(self.rows)], self.key)

    def signed(self, message: object, *, key: Ed25519PrivateKey | None = None) -> bytes:
        return sign_message(message, context=CONTEXTS[type(message)], key_id=self.device, key=key or self.key)

    def birth(self, *, grant: str | None = None, config: int = 1, boot: int = 1) -> Birth:
        return Birth(
            device=self.device,
            boot=boot,
            software="test",
            head=self.rows[-1].link if self.rows else None,
            heads={},
            config=config,
            at=self.clock.now(),
            grant=grant,
        )

    def ask(
        self,
        programme: str,
        instrument: str,
        amount_minor: int,
        *,
        authorisation: UUID | None = None,
        target: UUID | None = None,
        rows: tuple[Row, ...] = (),
        gives_up: tuple[UUID, ...] = (),
    ) -> AskMessage:
        return AskMessage(
            ask=Ask(
                authorisation=authorisation or self.ids.new_id(),
                programme=programme,
                instrument=instrument,
                operation=AskedOperation.REDEEM if target is None else AskedOperation.VOID,
                amount_minor=amount_minor,
                shop=self.shop,
                target=target,
            ),
            sent_at=self.clock.now(),
            deadline_ms=1_500,
            rows=tuple(RawRow(epoch=row.epoch, seq=row.seq, event=row.event.decode()) for row in rows),
            gives_up=gives_up,
        )


@dataclass(slots=True, kw_only=True)
class Replies:
    """What central published, opened with its key."""

    raw: list[Outgoing]
    key: Ed25519PublicKey

    def of(self, kind: type[M], channel: str, *, context: str | None = None) -> list[M]:
        keys = {"central-1": self.key}
        return [
            open_message(message.payload, kind, context=context or CONTEXTS[kind], keys=keys)
            for message in self.raw
            if message.topic.endswith(f"/{channel}")
        ]

    @property
    def acks(self) -> list[Ack]:
        return self.of(Ack, "ack")

    @property
    def ack(self) -> Ack:
        (ack,) = self.acks
        return ack

    @property
    def resends(self) -> list[Resend]:
        return self.of(Resend, "resend")

    @property
    def answer(self) -> Answer:
        (answer,) = self.of(Answer, "answer")
        return answer

    @property
    def grants(self) -> list[Grant]:
        return self.of(Grant, "grant")

    @property
    def signed_grants(self) -> list[str]:
        return [message.payload.decode() for message in self.raw if message.topic.endswith("/grant")]

    @property
    def configurations(self) -> list[Configuration]:
        return self.of(Configuration, "config", context=CONFIG_CONTEXT)

    @property
    def commands(self) -> list[Command]:
        return self.of(Command, "command")

    @property
    def deltas(self) -> list[RegistryDelta]:
        return self.of(RegistryDelta, "registry")


class Databases(Protocol):
    """Where the databases of tests are."""

    def new(self) -> str | None:
        """The URL of an empty one; None is SQLite in the centre's folder."""
        ...

    def copy(self, url: str) -> str:
        """The URL of one with the same content; nobody is connected to the first."""
        ...

    def drop(self, url: str) -> None:
        """Forget one."""
        ...

    def by_hand(self, url: str, statements: Sequence[str]) -> None:
        """Write past triggers and foreign keys."""
        ...


class InFolder:
    """SQLite: the database is made, copied and removed with its centre's folder."""

    def new(self) -> str | None:
        return None

    def copy(self, url: str) -> str:
        return url

    def drop(self, url: str) -> None:
        pass

    def by_hand(self, url: str, statements: Sequence[str]) -> None:
        with closing(sqlite3.connect(str(make_url(url).database))) as database, database:
            for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f'DROP TRIGGER "{trigger}"')
            for statement in statements:
                database.execute(statement)


class Centre:
    """Central's handler on a real database, with its clock in the test's hand."""

    def __init__(self, folder: Path, *, databases: Databases, clock: ManualClock, ids: Ids) -> None:
        self.folder = folder
        self.databases = databases
        self.settings: CentralSettings = load_central_settings(folder / "central.toml", {})
        self.clock = clock
        self.ids = ids
        self.store = open_store(self.settings.database_url)
        self.workshop = Workshop(store=self.store, data_dir=folder, clock=clock, ids=ids)
        self.restart()

    @classmethod
    def create(cls, folder: Path, databases: Databases) -> Centre:
        """A new centre with two shops and two programmes."""
        office.initialise(
            folder,
            tenant="albret",
            broker="mqtt://127.0.0.1:1883",
            http_host="127.0.0.1",
            http_port=80,
            database=databases.new(),
        )
        centre = cls(folder, databases=databases, clock=ManualClock(), ids=Ids())
        for shop, name in (("a", "Librairie des Halles"), ("b", "Chez Maïté")):
            office.add_shop(centre.workshop, Shop(shop=shop, name=name, time_zone="Europe/Paris", day_ends_at="03:00"))
        for programme in (CARD, VOUCHER):
            office.load_programme(centre.workshop, FILES / f"{programme}.toml")
        centre.restart()
        return centre

    def copy(self, folder: Path) -> Centre:
        """The same centre once more, with the same past."""
        return self._copy(folder, clock=self.clock, ids=self.ids)

    def again(self, folder: Path) -> Centre:
        """A centre that begins as this one did, in a time of its own."""
        return self._copy(folder, clock=ManualClock(), ids=Ids())

    def _copy(self, folder: Path, *, clock: ManualClock, ids: Ids) -> Centre:
        self.store.close()
        shutil.copytree(self.folder, folder)
        if self.settings.database is not None:
            settings = folder / "central.toml"
            copied = self.databases.copy(self.settings.database)
            settings.write_text(settings.read_text().replace(self.settings.database, copied))
        return Centre(folder, databases=self.databases, clock=clock, ids=ids)

    def restart(self) -> None:
        """A new process on the same database: what wasn't published is forgotten."""
        log = structlog.wrap_logger(structlog.ReturnLogger(), processors=[structlog.processors.JSONRenderer()])
        self.handler = Handler(self.workshop, log)

    def close(self) -> None:
        self.store.close()
        if self.settings.database is not None:
            self.databases.drop(self.settings.database)

    def by_hand(self, *statements: str) -> None:
        """Write into the database as somebody with all its rights could, past what forbids changes."""
        self.databases.by_hand(self.settings.database_url, statements)

    def box(self, device: str, shop: str, *, opened: bool = True) -> Box:
        """Enrol a box; its journal has its first row."""
        key = Ed25519PrivateKey.generate()
        public = b64(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        request = EnrolmentRequest(journal_key=public, software="test")
        enrolment = office.enrol(self.workshop, self.settings, request, device=device, shop=shop, till="1")
        box = Box(enrolment=enrolment, shop=shop, key=key, clock=self.clock, ids=self.ids)
        if opened:
            box.happened(EpochOpened(epoch=box.epoch, reason=EpochReason.ENROLMENT))
        return box

    def card(self) -> str:
        (issued,) = issue.issue(self.workshop, issue.Order(programme=CARD, count=1))
        return issued.instrument

    def vouchers(self, box: Box, number: int = 1) -> list[str]:
        order = issue.Order(programme=VOUCHER, count=number, face_minor=2_000, consign_to=box.device)
        return [issued.instrument for issued in issue.issue(self.workshop, order)]

    def send(self, box: Box, channel: Up, payload: bytes) -> Replies:
        return self.send_to(box.address.up(channel), payload)

    def send_to(self, topic: str, payload: bytes) -> Replies:
        return self._replies(self.handler.handle(topic, payload))

    def batch(self, box: Box, first_seq: int = 1, last_seq: int | None = None) -> Replies:
        return self.send(box, Up.JOURNAL, box.batch(first_seq, last_seq))

    def receive(self, box: Box, first_seq: int = 1, last_seq: int | None = None) -> Replies:
        """A batch while others wait."""
        payload = box.batch(first_seq, last_seq)
        return self._replies(self.handler.handle(box.address.up(Up.JOURNAL), payload, may_put_off=True))

    def book_some(self) -> Replies:
        return self._replies(self.handler.book_some())

    def send_together(self, topic: str, first: bytes, *following: bytes) -> Replies:
        return self._replies(self.handler.handle(topic, first, following=following))

    def birth(self, box: Box, *, grant: str | None = None, config: int = 1) -> Replies:
        return self.send(box, Up.PRESENCE, box.signed(box.birth(grant=grant, config=config)))

    def death(self, box: Box, *, boot: int = 1) -> Replies:
        return self.send(box, Up.PRESENCE, canonical_bytes(Death(device=box.device, boot=boot)))

    def ask(self, box: Box, message: AskMessage) -> Answer:
        return self.send(box, Up.ASK, box.signed(message)).answer

    def tick(self) -> Replies:
        return self._replies(self.handler.tick())

    def grant(self, box: Box) -> Grant:
        """Book the box's rows so far and let it take the grant it gets for them."""
        (signed,) = self.batch(box).signed_grants
        grant = box.took_grant(signed)
        self.batch(box)
        return grant

    def audit(self) -> Audit:
        with self.workshop.read() as work:
            return audit(work)

    def balances(self) -> dict[str, int]:
        """By account, over both programmes; the books are checked on the way."""
        result = self.audit()
        assert result.holds, result.invariants
        sums: dict[str, int] = {}
        for (_, _, account), balance_minor in result.balances.items():
            sums[account] = sums.get(account, 0) + balance_minor
        return sums

    def _replies(self, raw: list[Outgoing]) -> Replies:
        with self.workshop.read() as work:
            key = Ed25519PublicKey.from_public_bytes(unb64(work.keys.signing_public))
        return Replies(raw=raw, key=key)
