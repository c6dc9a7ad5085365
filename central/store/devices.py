"""Shops, boxes, and what boxes say of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.engine import Row

from central.store.schema import COMMANDS, DEVICES, PRESENCE, REPORTS, SHOPS
from programme.instants import from_us, to_us
from sync.chain import unb64
from sync.topics import BoxAddress
from sync.wire import Birth, Command, Report

_NOON = time(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A partner shop.

    Attributes:
        time_zone: IANA name.
        day_ends_at: Local time "HH:MM" at which its business day turns.
    """

    shop: str
    name: str
    time_zone: str
    day_ends_at: str

    def business_day(self, at: datetime) -> date:
        """The business day of a moment, reckoned as its boxes do.

        A day that ends before noon gives the small hours to the day before; one that ends later gives the rest of the
        evening to the next day.
        """
        local, ends = at.astimezone(ZoneInfo(self.time_zone)), time.fromisoformat(self.day_ends_at)
        if ends < _NOON:
            return local.date() - timedelta(days=1) if local.time() < ends else local.date()
        return local.date() + timedelta(days=1) if local.time() >= ends else local.date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """An enrolled box.

    Attributes:
        journal_key: Ed25519 public key, base64url.
        snapshot_secret_hash: SHA-256 of its bearer secret, in hex.
        config_version: Of the newest configuration made for it.
        config_content: Fingerprint of what that was made of.
    """

    device: str
    shop: str
    till: str
    shard: str
    journal_key: str
    snapshot_secret_hash: str
    config_version: int = 0
    config_content: str = ""

    @property
    def key(self) -> Ed25519PublicKey:
        """What verifies its batches and messages."""
        return Ed25519PublicKey.from_public_bytes(unb64(self.journal_key))

    def address(self, tenant: str) -> BoxAddress:
        """Where it lives on the wire."""
        return BoxAddress(tenant=tenant, shard=self.shard, device=self.device)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What a box last said of itself.

    Attributes:
        head_seq: Of its journal's last row at its birth.
        config: The configuration version it had at its birth.
        health: Its last health message, as JSON.
    """

    device: str
    online: bool
    boot: int
    software: str
    at: datetime
    head_epoch: str | None
    head_seq: int | None
    config: int | None
    health: str | None


def add_shop(db: Connection, shop: Shop) -> None:
    """Add a shop that isn't there."""
    db.execute(
        insert(SHOPS).values(shop=shop.shop, name=shop.name, time_zone=shop.time_zone, day_ends_at=shop.day_ends_at)
    )


def find_shop(db: Connection, shop: str) -> Shop | None:
    """One shop."""
    row = db.execute(select(SHOPS).where(SHOPS.c.shop == shop)).one_or_none()
    return None if row is None else _shop(row)


def shops(db: Connection) -> dict[str, Shop]:
    """Every shop by id."""
    return {row.shop: _shop(row) for row in db.execute(select(SHOPS).order_by(SHOPS.c.shop))}


def _shop(row: Row[tuple[object, ...]]) -> Shop:
    return Shop(shop=row.shop, name=row.name, time_zone=row.time_zone, day_ends_at=row.day_ends_at)


def add_device(db: Connection, device: Device, *, at: datetime) -> None:
    """Enrol a box that isn't there."""
    db.execute(
        insert(DEVICES).values(
            device=device.device,
            shop=device.shop,
            till=device.till,
            shard=device.shard,
            journal_key=device.journal_key,
            snapshot_secret_hash=device.snapshot_secret_hash,
            enrolled_at_us=to_us(at),
        )
    )


def find(db: Connection, device: str) -> Device | None:
    """One box."""
    row = db.execute(select(DEVICES).where(DEVICES.c.device == device)).one_or_none()
    return None if row is None else _device(row)


def devices(db: Connection) -> list[Device]:
    """Every box."""
    return [_device(row) for row in db.execute(select(DEVICES).order_by(DEVICES.c.device))]


def _device(row: Row[tuple[object, ...]]) -> Device:
    return Device(
        device=row.device,
        shop=row.shop,
        till=row.till,
        shard=row.shard,
        journal_key=row.journal_key,
        snapshot_secret_hash=row.snapshot_secret_hash,
        config_version=row.config_version,
        config_content=row.config_content,
    )


def set_configuration(db: Connection, device: str, *, version: int, content: str) -> None:
    """Note the newest configuration made for a box."""
    values = {"config_version": version, "config_content": content}
    db.execute(update(DEVICES).where(DEVICES.c.device == device).values(**values))


def note_birth(db: Connection, birth: Birth, *, at: datetime) -> None:
    """A box is there."""
    health = db.execute(select(PRESENCE.c.health).where(PRESENCE.c.device == birth.device)).scalar_one_or_none()
    db.execute(delete(PRESENCE).where(PRESENCE.c.device == birth.device))
    db.execute(
        insert(PRESENCE).values(
            device=birth.device,
            online=True,
            boot=birth.boot,
            software=birth.software[:100],
            at_us=to_us(at),
            head_epoch=birth.head.epoch if birth.head else None,
            head_seq=birth.head.seq if birth.head else None,
            config=birth.config,
            health=health,
        )
    )


def note_death(db: Connection, device: str, *, boot: int, at: datetime) -> None:
    """A box is gone, unless it was born again since."""
    same = (PRESENCE.c.device == device) & (PRESENCE.c.boot <= boot)
    db.execute(update(PRESENCE).where(same).values(online=False, at_us=to_us(at)))


def note_health(db: Connection, device: str, health: str, *, at: datetime) -> None:
    """Keep a box's last health message; who sends one is there, even if a will came late."""
    values = {"health": health, "at_us": to_us(at), "online": True}
    db.execute(update(PRESENCE).where(PRESENCE.c.device == device).values(**values))


def note_configuration(db: Connection, device: str, version: int) -> None:
    """A box has applied a configuration."""
    db.execute(update(PRESENCE).where(PRESENCE.c.device == device).values(config=version))


def presence(db: Connection, device: str) -> Presence | None:
    """What a box last said of itself."""
    row = db.execute(select(PRESENCE).where(PRESENCE.c.device == device)).one_or_none()
    if row is None:
        return None
    return Presence(
        device=row.device,
        online=row.online,
        boot=row.boot,
        software=row.software,
        at=from_us(row.at_us),
        head_epoch=row.head_epoch,
        head_seq=row.head_seq,
        config=row.config,
        health=row.health,
    )


def online(db: Connection) -> list[Device]:
    """The boxes that are there."""
    query = select(DEVICES).join(PRESENCE).where(PRESENCE.c.online).order_by(DEVICES.c.device)
    return [_device(row) for row in db.execute(query)]


def note_report(db: Connection, report: Report, *, detail: str, at: datetime) -> None:
    """Keep the last report on a subject."""
    same = (REPORTS.c.device == report.device) & (REPORTS.c.subject == report.subject)
    db.execute(delete(REPORTS).where(same))
    db.execute(
        insert(REPORTS).values(
            device=report.device, subject=report.subject, ok=report.ok, detail=detail, at_us=to_us(at)
        )
    )


def reports(db: Connection, device: str) -> list[tuple[str, bool, str]]:
    """Subject, success and detail of a box's reports."""
    query = select(REPORTS).where(REPORTS.c.device == device).order_by(REPORTS.c.at_us)
    return [(row.subject, row.ok, row.detail) for row in db.execute(query)]


def add_command(db: Connection, *, command_id: UUID, device: str, name: str) -> None:
    """Queue a command to a box."""
    db.execute(insert(COMMANDS).values(command_id=str(command_id), device=device, name=name, sent=False))


def waiting_commands(db: Connection) -> list[Command]:
    """Commands that weren't sent."""
    return [
        Command(command_id=UUID(row.command_id), device=row.device, name=row.name)
        for row in db.execute(select(COMMANDS).where(~COMMANDS.c.sent).order_by(COMMANDS.c.command_id))
    ]


def take_commands(db: Connection) -> list[Command]:
    """Commands that weren't sent; they count as sent, and as done only by their report."""
    waiting = waiting_commands(db)
    if waiting:
        db.execute(update(COMMANDS).where(~COMMANDS.c.sent).values(sent=True))
    return waiting


def unreported_commands(db: Connection, device: str) -> list[Command]:
    """A box's commands that were sent, and may have been lost: it hasn't reported on them."""
    done = {subject for subject, _, _ in reports(db, device)}
    query = select(COMMANDS).where(COMMANDS.c.device == device, COMMANDS.c.sent).order_by(COMMANDS.c.command_id)
    return [
        Command(command_id=UUID(row.command_id), device=row.device, name=row.name)
        for row in db.execute(query)
        if f"command/{row.command_id}" not in done
    ]


def was_sent(db: Connection, device: str, command_id: str) -> bool:
    """Whether a box was sent a command of this id."""
    query = select(COMMANDS.c.name).where(
        COMMANDS.c.command_id == command_id, COMMANDS.c.device == device, COMMANDS.c.sent
    )
    return db.execute(query).one_or_none() is not None
