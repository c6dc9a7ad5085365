"""A box's journal, its machine's clocks, central's side of it, and short ways to write operations."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid_utils.compat import uuid7

from programme.events import (
    Counter,
    DayClosed,
    Earned,
    Event,
    EventData,
    Evidence,
    GrantReceived,
    ProgrammeTotals,
    Redeemed,
    Sold,
    Voided,
)
from programme.grants import Allowance, Consignment, Grant
from programme.registry import RegistryEntry
from programme.state import DAY as DAY_RECORD
from programme.state import PERPETUAL, totals
from sync.chain import GENESIS
from sync.closures import sign_closure
from sync.journal import AckOutcome, Journal, Transaction
from sync.wire import Ack, Head, RegistrySnapshot, RowVerdict, sign_message

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DAY = NOON.date()
BOX = "box-a"
CENTRAL_KEY_ID = "central-1"


@dataclass
class FakeClock:
    """A machine's clocks, moved by hand."""

    boot: str = "boot-1"
    elapsed: int = 1_000_000
    wall: datetime = NOON

    def boot_id(self) -> str:
        return self.boot

    def elapsed_us(self) -> int:
        return self.elapsed

    def now(self) -> datetime:
        return self.wall

    def pass_s(self, seconds: float) -> None:
        self.elapsed += round(seconds * 1_000_000)
        self.wall += timedelta(seconds=seconds)

    def reboot(self, boot: str, wall: datetime) -> None:
        self.boot, self.elapsed, self.wall = boot, 5_000_000, wall


@dataclass
class Shop:
    """One box: its journal, keys and clock; it can be closed and opened again."""

    path: Path
    clock: FakeClock = field(default_factory=FakeClock)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    central_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    generation: int = 1
    _journal: Journal | None = None

    @property
    def journal(self) -> Journal:
        assert self._journal is not None
        return self._journal

    def create(self) -> Journal:
        self._journal = Journal.create(self.path, device=BOX, key=self.key, clock=self.clock, signed_time=NOON)
        return self._journal

    def open(self) -> Journal:
        self._journal = Journal.open(self.path, device=BOX, key=self.key, clock=self.clock)
        return self._journal

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def append(self, data: EventData, *, event_id: UUID | None = None, closes: UUID | None = None) -> Event:
        chosen = event_id or uuid7()
        return self.journal.submit(lambda tx: tx.append(chosen, data, closes=closes)).result()

    def close_day(self, day: date = DAY) -> Event:
        """As the counter does; returns the day's closure."""
        return self.close_periods(day)[-1]

    def close_periods(self, day: date) -> list[Event]:
        """The same; returns the closures of the months and years before the day, too."""

        def work(tx: Transaction) -> list[Event]:
            closed = [tx.append(uuid7(), sign_closure(over, self.key)) for over in tx.periods_to_close(before=day)]
            sums, perpetual = totals(tx.records, f"{DAY_RECORD}{day}"), totals(tx.records, PERPETUAL)
            closure = DayClosed(business_day=day, totals=sums.programmes, perpetual=perpetual.programmes, signature="")
            return [*closed, tx.append(uuid7(), sign_closure(closure, self.key))]

        return self.journal.submit(work).result()

    def ack(
        self,
        seq: int,
        *,
        hash: str | None = None,
        epoch: str | None = None,
        at: datetime = NOON,
        heads: dict[str, Head] | None = None,
        generation: int | None = None,
        device: str = BOX,
        verdicts: tuple[RowVerdict, ...] = (),
        perpetual: dict[str, ProgrammeTotals] | None = None,
    ) -> Ack:
        """What central would say of a row, by default of this journal's own row."""
        if hash is None:
            hash = self.journal.rows(seq, seq, 1)[0].hash.hex() if seq else GENESIS.hex()
        return Ack(
            device=device,
            generation=generation or self.generation,
            epoch=epoch or self.journal.epoch,
            seq=seq,
            hash=hash,
            time=at,
            heads=heads or {},
            verdicts=verdicts,
            perpetual=perpetual or {},
        )

    def take(self, ack: Ack) -> AckOutcome:
        signed = sign_message(ack, context="ack", key_id=CENTRAL_KEY_ID, key=self.central_key)
        return self.journal.acknowledge(ack, signed.decode())

    def load_replica(self, programme: str, version: int, *entries: RegistryEntry, generation: int = 1) -> bool:
        snapshot = RegistrySnapshot(programme=programme, generation=generation, version=version, entries=entries)
        return self.journal.replace_replica(snapshot)

    def run_sql(self, *statements: str) -> None:
        """Change the closed file behind the journal's back."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    def give_grant(self, number: int = 1, *, ceiling_minor: int = 10_000) -> Event:
        grant = Grant(
            device=BOX,
            epoch=self.journal.epoch,
            number=number,
            issued_at=NOON,
            ends_at=NOON + timedelta(days=7),
            allowances={
                "card": Allowance(ceiling_minor=ceiling_minor, floor_limit_minor=2_000),
                "voucher": Allowance(
                    ceiling_minor=ceiling_minor,
                    floor_limit_minor=5_000,
                    consigned=(Consignment(instrument="v0", token="CPT1:V0", face_minor=2_000),),
                ),
            },
        )
        signed = sign_message(grant, context="grant", key_id=CENTRAL_KEY_ID, key=self.central_key)
        return self.append(GrantReceived(number=number, signed=signed.decode()))


def counter(*, training: bool = False, day: date = DAY) -> Counter:
    return Counter(shop="librairie", till="1", business_day=day, training=training)


def earned(amount_minor: int = 118, instrument: str = "k1", *, training: bool = False, day: date = DAY) -> Earned:
    return Earned(
        programme="card",
        instrument=instrument,
        currency="EUR",
        basket_minor=amount_minor * 20,
        amount_minor=amount_minor,
        counter=counter(training=training, day=day),
        evidence=Evidence(rules_version=1),
    )


def redeemed(amount_minor: int = 50, instrument: str = "k1", *, grant: str | None = None) -> Redeemed:
    return Redeemed(
        programme="card",
        instrument=instrument,
        currency="EUR",
        amount_minor=amount_minor,
        counter=counter(),
        evidence=Evidence(rules_version=1, grant=grant),
    )


def sold(amount_minor: int = 2_000, instrument: str = "v0") -> Sold:
    return Sold(
        programme="voucher",
        instrument=instrument,
        currency="EUR",
        amount_minor=amount_minor,
        counter=counter(),
        evidence=Evidence(rules_version=1),
    )


def voided(target: Event) -> Voided:
    assert isinstance(target.data, Earned | Redeemed | Sold)
    return Voided(
        programme=target.data.programme,
        instrument=target.data.instrument,
        currency=target.data.currency,
        target=target.event_id,
        amount_minor=target.data.amount_minor,
        counter=counter(),
        evidence=Evidence(rules_version=1),
    )
