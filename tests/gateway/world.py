"""A shop's box in a temporary folder, with a real journal, and central's side of the conversation, with real keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid_utils.compat import uuid7

from edge_config.messages import CONFIG_CONTEXT, Configuration, Enrolment, ProgrammeConfiguration
from gateway.changes import Changes
from gateway.configured import Configured, read_configuration
from gateway.counter import CounterService
from gateway.identity import Identity, identify
from gateway.lookup import Lookup
from gateway.orders import Orders
from gateway.presenting import Desk
from gateway.receipts import Ticket, decode_ticket
from gateway.training import Training
from programme.authorisations import Answer, Ask
from programme.cloudevents import decode_event
from programme.codes import reference
from programme.decide import Answered
from programme.events import DayClosed, Event, EventData, GrantReceived
from programme.grants import Allowance, Consignment, Grant
from programme.refusals import Refusal, refusal_to_json
from programme.registry import InstrumentStatus, RegistryEntry
from programme.rules import RuleSet, load_rules
from programme.tokens import Token, TokenKind, sign_token
from sync.chain import GENESIS, b64
from sync.journal import Journal
from sync.wire import Ack, Head, RawRow, RegistrySnapshot, sign_message

NOON = datetime(2026, 5, 4, 10, tzinfo=UTC)  # noon in Paris
DEVICE = "box-a"
CARD, VOUCHER = "albret-card", "albret-voucher"
FILES = Path(__file__).parents[2] / "programme" / "files"
REFERENCE_KEY = b"reference key of the programmes!"
TOKEN_KEY_ID = b"t1"


@dataclass
class FakeClock:
    """A machine's clocks, moved by hand."""

    wall: datetime = NOON
    elapsed: int = 1_000_000
    boot: str = "boot-1"

    def boot_id(self) -> str:
        return self.boot

    def elapsed_us(self) -> int:
        return self.elapsed

    def now(self) -> datetime:
        return self.wall

    def go_to(self, at: datetime) -> None:
        self.elapsed += (at - self.wall) // timedelta(microseconds=1)
        self.wall = at


@dataclass
class FakeCentral:
    """Central as the counter meets it: reachable or not, and what it answers."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    token_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    can_ask: bool = False
    answers: Callable[[Ask], Answer | None] = lambda _: None
    asked: list[Ask] = field(default_factory=list)
    rows: list[tuple[RawRow, ...]] = field(default_factory=list)
    gives_up: list[tuple[UUID, ...]] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None

    async def ask(self, ask: Ask, *, rows: tuple[RawRow, ...], gives_up: tuple[UUID, ...]) -> Answered | None:
        self.asked.append(ask)
        self.rows.append(rows)
        self.gives_up.append(gives_up)
        await asyncio.sleep(0)
        self.before_answer()
        answer = self.answers(ask)
        return None if answer is None else Answered(answer=answer, signed=self.sign(answer, "answer"))

    def sign(self, message: object, context: str) -> str:
        return sign_message(message, context=context, key_id="central-1", key=self.key).decode()

    def approve(self, balance_minor: int = 5_000) -> None:
        self.can_ask = True
        self.answers = lambda ask: Answer(
            device=DEVICE, ask=ask, approved=True, balance_minor=balance_minor, answered_at=NOON
        )

    def refuse(self, refusal: Refusal) -> None:
        self.can_ask = True
        self.answers = lambda ask: Answer(
            device=DEVICE,
            ask=ask,
            approved=False,
            balance_minor=0,
            answered_at=NOON,
            refusal=refusal_to_json(refusal),
        )

    def stay_silent(self) -> None:
        self.can_ask = True
        self.answers = lambda _: None

    def token(
        self,
        serial: int,
        *,
        programme_number: int = 2,
        kind: TokenKind = TokenKind.VOUCHER,
        face_minor: int = 2_000,
        expires_at: datetime | None = NOON + timedelta(days=365),
        activation_required: bool = True,
        key_id: bytes = TOKEN_KEY_ID,
        key: Ed25519PrivateKey | None = None,
    ) -> str:
        token = Token(
            kind=kind,
            programme_number=programme_number,
            serial=serial.to_bytes(8, "big"),
            face_minor=face_minor,
            activation_required=activation_required,
            expires_at=expires_at,
        )
        return sign_token(token, key_id=key_id, key=key or self.token_key)

    def card(self, serial: int) -> str:
        return self.token(
            serial, programme_number=1, kind=TokenKind.CARD, face_minor=0, expires_at=None, activation_required=False
        )


def instrument(serial: int) -> str:
    """The reference of a token's serial."""
    return reference(REFERENCE_KEY, serial.to_bytes(8, "big"))


def rule_sets() -> dict[str, RuleSet]:
    return {name: load_rules((FILES / f"{name}.toml").read_text(encoding="utf-8")) for name in (CARD, VOUCHER)}


def configuration(central: FakeCentral, *, version: int = 1, time_zone: str = "Europe/Paris") -> Configuration:
    return Configuration(
        device=DEVICE,
        version=version,
        shop="librairie",
        shop_name="Librairie des Halles",
        till="1",
        time_zone=time_zone,
        day_ends_at="03:00",
        token_keys={TOKEN_KEY_ID.decode(): b64(central.token_key.public_key().public_bytes_raw())},
        programmes={
            name: ProgrammeConfiguration(rules=msgspec.to_builtins(rules), reference_key=b64(REFERENCE_KEY))
            for name, rules in rule_sets().items()
        },
    )


def enrolment(
    central: FakeCentral, *, broker: str = "mqtt://127.0.0.1:1", url: str = "http://127.0.0.1:1"
) -> Enrolment:
    return Enrolment(
        tenant="albret",
        shard="3f",
        device=DEVICE,
        broker=broker,
        central=url,
        central_key_id="central-1",
        central_key=b64(central.key.public_key().public_bytes_raw()),
        snapshot_secret="secret",
        time=NOON,
        configuration=central.sign(configuration(central), CONFIG_CONTEXT),
    )


class Box:
    """One enrolled box with its counter; it can be stopped and started again."""

    def __init__(self, folder: Path, *, prints: bool = False) -> None:
        self.folder = folder
        self.path = folder / "journal.sqlite"
        self.clock = FakeClock()
        self.central = FakeCentral()
        self.key = Ed25519PrivateKey.generate()
        self.identity: Identity = identify(enrolment(self.central), self.key)
        self.configured: Configured = read_configuration(self.identity.enrolment.configuration, self.identity)
        self.recorded = 0
        self._prints = prints
        self.journal = Journal.create(
            self.path, device=DEVICE, key=self.key, clock=self.clock, signed_time=self.clock.wall
        )
        self._open()

    def restart(self) -> None:
        self.stop()
        self.journal = Journal.open(self.path, device=DEVICE, key=self.key, clock=self.clock)
        self._open()

    def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        self.lookup.close()
        self.journal.close()

    def append(self, data: EventData) -> Event:
        return self.journal.submit(lambda tx: tx.append(uuid7(), data)).result()

    def rows(self) -> list[str]:
        """Types of the events recorded, in order."""
        rows = self.journal.rows(1, self._head_seq(), 1 << 30)
        return [msgspec.json.decode(row.event)["type"].split(".")[1] for row in rows]

    def closures(self) -> list[DayClosed]:
        """The closures recorded, in order."""
        events = [decode_event(row.event) for row in self.journal.rows(1, self._head_seq(), 1 << 30)]
        return [event.data for event in events if isinstance(event.data, DayClosed)]

    def tickets(self) -> list[Ticket]:
        """The tickets of all print jobs, in order."""
        return [decode_ticket(job.payload) for job in self.journal.jobs()]

    def acknowledge_all(self, *, heads: dict[str, Head] | None = None) -> None:
        """Central has committed every row."""
        head = self.journal.head
        assert head is not None
        ack = Ack(
            device=DEVICE,
            generation=1,
            epoch=head.epoch,
            seq=head.seq,
            hash=head.hash,
            time=self.clock.wall,
            heads=heads or {},
        )
        self.journal.acknowledge(ack, self.central.sign(ack, "ack"))

    def central_is_put_back(self) -> None:
        """Central comes from a backup that knows nothing of this box."""
        ack = Ack(
            device=DEVICE,
            generation=2,
            epoch=self.journal.epoch,
            seq=0,
            hash=GENESIS.hex(),
            time=self.clock.wall,
            heads={},
        )
        self.journal.acknowledge(ack, self.central.sign(ack, "ack"))

    def give_grant(self, *vouchers: int, number: int = 1, ceiling_minor: int = 20_000) -> None:
        """Offline rights, and vouchers to sell."""
        consigned = tuple(
            Consignment(instrument=instrument(serial), token=self.central.token(serial), face_minor=2_000)
            for serial in vouchers
        )
        grant = Grant(
            device=DEVICE,
            epoch=self.journal.epoch,
            number=number,
            issued_at=NOON,
            ends_at=NOON + timedelta(days=30),
            allowances={
                CARD: Allowance(ceiling_minor=ceiling_minor, floor_limit_minor=2_000),
                VOUCHER: Allowance(ceiling_minor=ceiling_minor, floor_limit_minor=5_000, consigned=consigned),
            },
        )
        self.append(GrantReceived(number=number, signed=self.central.sign(grant, "grant")))

    def knows_card(self, serial: int, balance_minor: int, *, version: int = 1) -> None:
        """The replica's only card."""
        self._load(
            CARD,
            version,
            RegistryEntry(instrument=instrument(serial), status=InstrumentStatus.ACTIVE, balance_minor=balance_minor),
        )

    def knows_voucher(self, serial: int, status: InstrumentStatus, *, used_in: str | None = None) -> None:
        """The replica's only voucher."""
        self._load(
            VOUCHER,
            1,
            RegistryEntry(
                instrument=instrument(serial),
                status=status,
                face_minor=2_000,
                used_at=NOON if used_in else None,
                used_in=used_in,
            ),
        )

    def _load(self, programme: str, version: int, *entries: RegistryEntry) -> None:
        self.journal.replace_replica(
            RegistrySnapshot(programme=programme, generation=1, version=version, entries=entries)
        )

    def make_counter(self, *, reserve_bytes: int = 0) -> CounterService:
        """Another counter over the same journal."""
        return CounterService(
            journal=self.journal,
            lookup=self.lookup,
            configured=self.configured,
            asker=self.central,
            now=self.clock.now,
            new_id=uuid7,
            training=Training(self.folder / "training"),
            prints=self._prints,
            recorded=self._count,
            reserve_bytes=reserve_bytes,
        )

    def _open(self) -> None:
        self.lookup = Lookup.open(self.path)
        self.counter = self.make_counter()
        self.changes = Changes()
        self.desk = Desk(counter=self.counter, now=self.clock.now, new_id=uuid7, changed=self.changes.announce)
        self.orders = Orders(counter=self.counter, desk=self.desk, lookup=self.lookup)

    def _head_seq(self) -> int:
        head = self.journal.head
        assert head is not None
        return head.seq

    def _count(self) -> None:
        self.recorded += 1
