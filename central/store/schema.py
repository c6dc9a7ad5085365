"""The tables. `VERSION` rises with every change of them."""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)

VERSION = 2

METADATA = MetaData()

META = Table("meta", METADATA, Column("name", String(40), primary_key=True), Column("value", Text, nullable=False))

SHOPS = Table(
    "shops",
    METADATA,
    Column("shop", String(40), primary_key=True),
    Column("name", Text, nullable=False),
    Column("time_zone", String(60), nullable=False),
    Column("day_ends_at", String(5), nullable=False),
)

DEVICES = Table(
    "devices",
    METADATA,
    Column("device", String(40), primary_key=True),
    Column("shop", ForeignKey("shops.shop"), nullable=False),
    Column("till", String(40), nullable=False),
    Column("shard", String(2), nullable=False),
    Column("journal_key", String(60), nullable=False),
    Column("snapshot_secret_hash", String(64), nullable=False),
    Column("enrolled_at_us", BigInteger, nullable=False),
    # The newest configuration, and the fingerprint of what it was made of, so that a change is noticed.
    Column("config_version", Integer, nullable=False, default=0),
    Column("config_content", String(64), nullable=False, default=""),
)

PRESENCE = Table(
    "presence",
    METADATA,
    Column("device", ForeignKey("devices.device"), primary_key=True),
    Column("online", Boolean, nullable=False),
    Column("boot", BigInteger, nullable=False),
    Column("software", Text, nullable=False, default=""),
    Column("at_us", BigInteger, nullable=False),
    Column("head_epoch", String(60)),
    Column("head_seq", BigInteger),
    Column("config", Integer),
    Column("health", Text),
)

REPORTS = Table(
    "reports",
    METADATA,
    Column("device", ForeignKey("devices.device"), primary_key=True),
    Column("subject", String(80), primary_key=True),
    Column("ok", Boolean, nullable=False),
    Column("detail", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)

COMMANDS = Table(
    "commands",
    METADATA,
    Column("command_id", String(36), primary_key=True),
    Column("device", ForeignKey("devices.device"), nullable=False),
    Column("name", String(40), nullable=False),
    Column("sent", Boolean, nullable=False),
)

RULE_SETS = Table(
    "rule_sets",
    METADATA,
    Column("programme", String(40), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("toml", Text, nullable=False),
    Column("loaded_at_us", BigInteger, nullable=False),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("event_id", String(36), primary_key=True),
    Column("bytes", LargeBinary, nullable=False),
    Column("source", String(40), nullable=False),
    Column("ordered_at_us", BigInteger, nullable=False),
    Column("type", String(60), nullable=False),
    Column("programme", String(40)),
    Column("instrument", String(64)),
    # Of a redemption that stood in, or of a row that takes a grant: the grant it names.
    Column("grant_id", String(80)),
    # What a void reverses, or the authorisation that an answer or an abandonment is about.
    Column("target", String(36)),
    Index("events_by_instrument", "programme", "instrument"),
    Index("events_by_grant", "source", "grant_id"),
    Index("events_by_target", "target"),
    Index("events_by_time", "ordered_at_us"),
)

EPOCHS = Table(
    "epochs",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("device", ForeignKey("devices.device"), nullable=False),
    Column("epoch", String(60), nullable=False),
    Column("watermark_seq", BigInteger, nullable=False),
    Column("watermark_hash", String(64), nullable=False),
    UniqueConstraint("device", "epoch"),
)

ROWS = Table(
    "rows",
    METADATA,
    Column("device", String(40), primary_key=True),
    Column("epoch", String(60), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("hash", String(64), nullable=False),
    Column("previous", String(64), nullable=False),
    # None for a row in quarantine.
    Column("event_id", ForeignKey("events.event_id")),
    ForeignKeyConstraint(["device", "epoch"], ["epochs.device", "epochs.epoch"]),
    Index("rows_by_event", "event_id"),
)

FORKS = Table(
    "forks",
    METADATA,
    Column("device", ForeignKey("devices.device"), primary_key=True),
    Column("epoch", String(60), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("hash", String(64), primary_key=True),
    Column("previous", String(64), nullable=False),
    Column("bytes", LargeBinary, nullable=False),
    Column("received_at_us", BigInteger, nullable=False),
)

QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("device", ForeignKey("devices.device"), primary_key=True),
    Column("epoch", String(60), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("hash", String(64), primary_key=True),
    Column("bytes", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("received_at_us", BigInteger, nullable=False),
    # As far as it could be read, and of a spend what it took.
    Column("event_id", String(36)),
    Column("programme", String(40)),
    Column("instrument", String(64)),
    Column("amount_minor", BigInteger),
    Index("quarantine_by_instrument", "programme", "instrument"),
)

CONFLICTS = Table(
    "conflicts",
    METADATA,
    Column("device", ForeignKey("devices.device"), primary_key=True),
    Column("epoch", String(60), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("hash", String(64), primary_key=True),
    Column("event_id", ForeignKey("events.event_id"), nullable=False),
    Column("bytes", LargeBinary, nullable=False),
    Column("received_at_us", BigInteger, nullable=False),
)

AUTHORISATIONS = Table(
    "authorisations",
    METADATA,
    Column("authorisation", String(36), primary_key=True),
    Column("device", ForeignKey("devices.device"), nullable=False),
    Column("programme", String(40), nullable=False),
    Column("instrument", String(64), nullable=False),
    Column("target", String(36)),
    Column("ask", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("approved", Boolean, nullable=False),
    # What is kept free for it on the instrument until it ends.
    Column("reserved_minor", BigInteger, nullable=False),
    Column("ended", Boolean, nullable=False),
    Index("authorisations_by_instrument", "programme", "instrument", "ended"),
    Index("authorisations_by_device", "device", "ended"),
)

ABANDONMENTS = Table(
    "abandonments",
    METADATA,
    Column("device", ForeignKey("devices.device"), primary_key=True),
    Column("authorisation", String(36), primary_key=True),
)

GRANTS = Table(
    "grants",
    METADATA,
    Column("device", ForeignKey("devices.device"), primary_key=True),
    Column("epoch", String(60), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("grant_id", String(80), nullable=False),
    Column("signed", Text, nullable=False),
    Column("issued_at_us", BigInteger, nullable=False),
    Column("ends_at_us", BigInteger, nullable=False),
    Column("received", Boolean, nullable=False),
    # The box named a later one, and can't use it any more.
    Column("ended", Boolean, nullable=False),
    UniqueConstraint("device", "grant_id"),
)

INSTRUMENTS = Table(
    "instruments",
    METADATA,
    Column("programme", String(40), primary_key=True),
    Column("instrument", String(64), primary_key=True),
    Column("entry", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("instruments_by_version", "programme", "version"),
)

CONSIGNMENTS = Table(
    "consignments",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("programme", String(40), nullable=False),
    Column("instrument", String(64), nullable=False),
    Column("device", ForeignKey("devices.device"), nullable=False),
    Column("token", Text, nullable=False),
    Column("face_minor", BigInteger, nullable=False),
    UniqueConstraint("programme", "instrument"),
    Index("consignments_by_device", "device"),
)

REGISTRY_HEADS = Table(
    "registry_heads",
    METADATA,
    Column("programme", String(40), primary_key=True),
    Column("version", BigInteger, nullable=False),
)

LEDGER_ENTRIES = Table(
    "ledger_entries",
    METADATA,
    Column("entry", Integer, primary_key=True, autoincrement=True),
    Column("event_id", ForeignKey("events.event_id"), nullable=False),
    Column("programme", String(40), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("booked_at_us", BigInteger, nullable=False),
    Index("ledger_entries_by_event", "event_id"),
)

POSTINGS = Table(
    "postings",
    METADATA,
    Column("entry", ForeignKey("ledger_entries.entry"), primary_key=True),
    Column("account", String(80), primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
)

FINDINGS = Table(
    "findings",
    METADATA,
    Column("programme", String(40), primary_key=True),
    Column("instrument", String(64), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("finding", Text, nullable=False),
    Index("findings_by_kind", "kind"),
)

APPEND_ONLY = (LEDGER_ENTRIES, POSTINGS, EVENTS, RULE_SETS)
"""What is never changed once written: corrections are new entries."""


def _forbid_changes(table: Table, action: str) -> None:
    trigger = DDL(  # type: ignore[no-untyped-call]
        f"CREATE TRIGGER {table.name}_no_{action.lower()} BEFORE {action} ON {table.name} "
        f"BEGIN SELECT RAISE(ABORT, '{table.name} is append-only'); END"
    )
    event.listen(table, "after_create", trigger.execute_if(dialect="sqlite"))


for _table in APPEND_ONLY:
    for _action in ("UPDATE", "DELETE"):
        _forbid_changes(_table, _action)
