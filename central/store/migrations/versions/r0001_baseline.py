"""The books, the registry, the boxes: every table of a new centre."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
)

from central.store.migrations.append_only import forbid_changes

revision = "0001"
down_revision = None

NUMBER = BigInteger().with_variant(Integer, "sqlite")
TEXT = Text().with_variant(Text(collation="C"), "postgresql")


def upgrade() -> None:
    _centre()
    _boxes()
    _events()
    _desk()
    _rights()
    _registry()
    _ledger()
    for table in ("ledger_entries", "postings", "events", "rule_sets"):
        forbid_changes(table)


def _centre() -> None:
    op.create_table("meta", Column("name", TEXT, primary_key=True), Column("value", TEXT, nullable=False))

    op.create_table(
        "shops",
        Column("shop", TEXT, primary_key=True),
        Column("name", TEXT, nullable=False),
        Column("time_zone", TEXT, nullable=False),
        Column("day_ends_at", TEXT, nullable=False),
    )

    op.create_table(
        "rule_sets",
        Column("programme", TEXT, primary_key=True),
        Column("version", BigInteger, primary_key=True),
        Column("toml", TEXT, nullable=False),
        Column("loaded_at_us", BigInteger, nullable=False),
    )


def _boxes() -> None:
    op.create_table(
        "devices",
        Column("device", TEXT, primary_key=True),
        Column("shop", TEXT, ForeignKey("shops.shop"), nullable=False),
        Column("till", TEXT, nullable=False),
        Column("shard", TEXT, nullable=False),
        Column("journal_key", TEXT, nullable=False),
        Column("snapshot_secret_hash", TEXT, nullable=False),
        Column("enrolled_at_us", BigInteger, nullable=False),
        Column("config_version", BigInteger, nullable=False),
        Column("config_content", TEXT, nullable=False),
    )

    op.create_table(
        "presence",
        Column("device", TEXT, ForeignKey("devices.device"), primary_key=True),
        Column("online", Boolean, nullable=False),
        Column("boot", BigInteger, nullable=False),
        Column("software", TEXT, nullable=False),
        Column("at_us", BigInteger, nullable=False),
        Column("head_epoch", TEXT),
        Column("head_seq", BigInteger),
        Column("config", BigInteger),
        Column("health", TEXT),
    )

    op.create_table(
        "reports",
        Column("device", TEXT, ForeignKey("devices.device"), primary_key=True),
        Column("subject", TEXT, primary_key=True),
        Column("ok", Boolean, nullable=False),
        Column("detail", TEXT, nullable=False),
        Column("at_us", BigInteger, nullable=False),
    )

    op.create_table(
        "commands",
        Column("command_id", TEXT, primary_key=True),
        Column("device", TEXT, ForeignKey("devices.device"), nullable=False),
        Column("name", TEXT, nullable=False),
        Column("sent", Boolean, nullable=False),
    )


def _events() -> None:
    op.create_table(
        "events",
        Column("event_id", TEXT, primary_key=True),
        Column("bytes", LargeBinary, nullable=False),
        Column("source", TEXT, nullable=False),
        Column("ordered_at_us", BigInteger, nullable=False),
        Column("type", TEXT, nullable=False),
        Column("programme", TEXT),
        Column("instrument", TEXT),
        Column("grant_id", TEXT),
        Column("target", TEXT),
        Index("events_by_instrument", "programme", "instrument"),
        Index("events_by_grant", "source", "grant_id"),
        Index("events_by_target", "target"),
        Index("events_by_time", "ordered_at_us"),
    )

    op.create_table(
        "epochs",
        Column("number", NUMBER, Identity(), primary_key=True),
        Column("device", TEXT, ForeignKey("devices.device"), nullable=False),
        Column("epoch", TEXT, nullable=False),
        Column("watermark_seq", BigInteger, nullable=False),
        Column("watermark_hash", TEXT, nullable=False),
        UniqueConstraint("device", "epoch"),
    )

    op.create_table(
        "rows",
        Column("device", TEXT, primary_key=True),
        Column("epoch", TEXT, primary_key=True),
        Column("seq", BigInteger, primary_key=True),
        Column("hash", TEXT, nullable=False),
        Column("previous", TEXT, nullable=False),
        Column("event_id", TEXT, ForeignKey("events.event_id")),
        ForeignKeyConstraint(["device", "epoch"], ["epochs.device", "epochs.epoch"]),
        Index("rows_by_event", "event_id"),
    )


def _desk() -> None:
    op.create_table(
        "forks",
        Column("device", TEXT, ForeignKey("devices.device"), primary_key=True),
        Column("epoch", TEXT, primary_key=True),
        Column("seq", BigInteger, primary_key=True),
        Column("hash", TEXT, primary_key=True),
        Column("previous", TEXT, nullable=False),
        Column("bytes", LargeBinary, nullable=False),
        Column("received_at_us", BigInteger, nullable=False),
    )

    op.create_table(
        "quarantine",
        Column("device", TEXT, ForeignKey("devices.device"), primary_key=True),
        Column("epoch", TEXT, primary_key=True),
        Column("seq", BigInteger, primary_key=True),
        Column("hash", TEXT, primary_key=True),
        Column("bytes", LargeBinary, nullable=False),
        Column("reason", TEXT, nullable=False),
        Column("received_at_us", BigInteger, nullable=False),
        Column("event_id", TEXT),
        Column("programme", TEXT),
        Column("instrument", TEXT),
        Column("amount_minor", BigInteger),
        Index("quarantine_by_instrument", "programme", "instrument"),
    )

    op.create_table(
        "conflicts",
        Column("device", TEXT, ForeignKey("devices.device"), primary_key=True),
        Column("epoch", TEXT, primary_key=True),
        Column("seq", BigInteger, primary_key=True),
        Column("hash", TEXT, primary_key=True),
        Column("event_id", TEXT, ForeignKey("events.event_id"), nullable=False),
        Column("bytes", LargeBinary, nullable=False),
        Column("received_at_us", BigInteger, nullable=False),
    )


def _rights() -> None:
    op.create_table(
        "authorisations",
        Column("authorisation", TEXT, primary_key=True),
        Column("device", TEXT, ForeignKey("devices.device"), nullable=False),
        Column("programme", TEXT, nullable=False),
        Column("instrument", TEXT, nullable=False),
        Column("target", TEXT),
        Column("ask", LargeBinary, nullable=False),
        Column("answer", LargeBinary, nullable=False),
        Column("approved", Boolean, nullable=False),
        Column("reserved_minor", BigInteger, nullable=False),
        Column("ended", Boolean, nullable=False),
        Index("authorisations_by_instrument", "programme", "instrument", "ended"),
        Index("authorisations_by_device", "device", "ended"),
    )

    op.create_table(
        "abandonments",
        Column("device", TEXT, ForeignKey("devices.device"), primary_key=True),
        Column("authorisation", TEXT, primary_key=True),
    )

    op.create_table(
        "grants",
        Column("device", TEXT, ForeignKey("devices.device"), primary_key=True),
        Column("epoch", TEXT, primary_key=True),
        Column("number", BigInteger, primary_key=True),
        Column("grant_id", TEXT, nullable=False),
        Column("signed", TEXT, nullable=False),
        Column("issued_at_us", BigInteger, nullable=False),
        Column("ends_at_us", BigInteger, nullable=False),
        Column("received", Boolean, nullable=False),
        Column("ended", Boolean, nullable=False),
        UniqueConstraint("device", "grant_id"),
    )


def _registry() -> None:
    op.create_table(
        "instruments",
        Column("programme", TEXT, primary_key=True),
        Column("instrument", TEXT, primary_key=True),
        Column("entry", TEXT, nullable=False),
        Column("version", BigInteger, nullable=False),
        Index("instruments_by_version", "programme", "version"),
    )

    op.create_table(
        "consignments",
        Column("number", NUMBER, Identity(), primary_key=True),
        Column("programme", TEXT, nullable=False),
        Column("instrument", TEXT, nullable=False),
        Column("device", TEXT, ForeignKey("devices.device"), nullable=False),
        Column("token", TEXT, nullable=False),
        Column("face_minor", BigInteger, nullable=False),
        UniqueConstraint("programme", "instrument"),
        Index("consignments_by_device", "device"),
    )

    op.create_table(
        "registry_heads",
        Column("programme", TEXT, primary_key=True),
        Column("version", BigInteger, nullable=False),
    )


def _ledger() -> None:
    op.create_table(
        "ledger_entries",
        Column("entry", NUMBER, Identity(), primary_key=True),
        Column("event_id", TEXT, ForeignKey("events.event_id"), nullable=False),
        Column("programme", TEXT, nullable=False),
        Column("currency", TEXT, nullable=False),
        Column("booked_at_us", BigInteger, nullable=False),
        Index("ledger_entries_by_event", "event_id"),
    )

    op.create_table(
        "postings",
        Column("entry", NUMBER, ForeignKey("ledger_entries.entry"), primary_key=True),
        Column("account", TEXT, primary_key=True),
        Column("amount_minor", BigInteger, nullable=False),
    )

    op.create_table(
        "findings",
        Column("programme", TEXT, primary_key=True),
        Column("instrument", TEXT, primary_key=True),
        Column("position", BigInteger, primary_key=True),
        Column("kind", TEXT, nullable=False),
        Column("finding", TEXT, nullable=False),
        Index("findings_by_kind", "kind"),
    )
