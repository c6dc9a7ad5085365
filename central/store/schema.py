"""The tables, as the last migration leaves them (`central.store.migrations`).

Whatever the database, it holds the same and sorts it alike: texts have no length and integers 64 bits (SQLite enforces
neither), and texts are compared by code point.
"""

from __future__ import annotations

from typing import Any

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
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

REVISION = "0003"
"""The migration that these tables are the outcome of; a database is at one, and only at this one can it be used."""

METADATA = MetaData(
    # Migrations can only change what has a name, and the same one in every database.
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""Counted up by the database; SQLite does so for INTEGER PRIMARY KEY only (https://www.sqlite.org/autoinc.html)."""

TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""PostgreSQL would sort by the server's locale otherwise."""
NUL = rb"\u0000"
"""As JSON writes the one character that PostgreSQL keeps in no text; no text of ours holds it."""


def where(condition: str) -> dict[str, Any]:
    """An index of the rows alone for which something holds, in either database."""
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


META = Table("meta", METADATA, Column("name", TEXT, primary_key=True), Column("value", TEXT, nullable=False))

SHOPS = Table(
    "shops",
    METADATA,
    Column("shop", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("time_zone", TEXT, nullable=False),
    Column("day_ends_at", TEXT, nullable=False),
)

DEVICES = Table(
    "devices",
    METADATA,
    Column("device", TEXT, primary_key=True),
    Column("shop", ForeignKey("shops.shop"), nullable=False),
    Column("till", TEXT, nullable=False),
    Column("shard", TEXT, nullable=False),
    Column("journal_key", TEXT, nullable=False),
    Column("snapshot_secret_hash", TEXT, nullable=False),
    Column("enrolled_at_us", BigInteger, nullable=False),
    # The newest configuration, and the fingerprint of what it was made of, so that a change is noticed.
    Column("config_version", BigInteger, nullable=False, default=0),
    Column("config_content", TEXT, nullable=False, default=""),
)

PRESENCE = Table(
    "presence",
    METADATA,
    Column("device", ForeignKey("devices.device"), primary_key=True),
    Column("online", Boolean, nullable=False),
    Column("boot", BigInteger, nullable=False),
    Column("software", TEXT, nullable=False, default=""),
    Column("at_us", BigInteger, nullable=False),
    Column("head_epoch", TEXT),
    Column("head_seq", BigInteger),
    Column("config", BigInteger),
    Column("health", TEXT),
)

REPORTS = Table(
    "reports",
    METADATA,
    Column("device", ForeignKey("devices.device"), primary_key=True),
    Column("subject", TEXT, primary_key=True),
    Column("ok", Boolean, nullable=False),
    Column("detail", TEXT, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)

COMMANDS = Table(
    "commands",
    METADATA,
    Column("command_id", TEXT, primary_key=True),
    Column("device", ForeignKey("devices.device"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("sent", Boolean, nullable=False),
)

RULE_SETS = Table(
    "rule_sets",
    METADATA,
    Column("programme", TEXT, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("toml", TEXT, nullable=False),
    Column("loaded_at_us", BigInteger, nullable=False),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("event_id", TEXT, primary_key=True),
    Column("bytes", LargeBinary, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("ordered_at_us", BigInteger, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("programme", TEXT),
    Column("instrument", TEXT),
    # Of a redemption that stood in, or of a row that takes a grant: the grant it names.
    Column("grant_id", TEXT),
    # What a void reverses, or the authorisation that an answer or an abandonment is about.
    Column("target", TEXT),
    Index("events_by_instrument", "programme", "instrument"),
    # Few events have these two: the others would make both indexes as large as the table's own.
    Index("events_by_grant", "source", "grant_id", **where("grant_id IS NOT NULL")),
    Index("events_by_target", "target", **where("target IS NOT NULL")),
    Index("events_by_time", "ordered_at_us"),
    Index("events_by_kind", "source", "type", "ordered_at_us"),
)

UNBOOKED = Table(
    # Events that are received and not folded into the books yet; gone before a reference would be worth its check.
    "unbooked",
    METADATA,
    Column("source", TEXT, primary_key=True),
    Column("event_id", TEXT, primary_key=True),
)

EPOCHS = Table(
    "epochs",
    METADATA,
    Column("number", NUMBER, Identity(), primary_key=True),
    Column("device", ForeignKey("devices.device"), nullable=False),
    Column("epoch", TEXT, nullable=False),
    Column("watermark_seq", BigInteger, nullable=False),
    Column("watermark_hash", TEXT, nullable=False),
    UniqueConstraint("device", "epoch"),
)

ROWS = Table(
    "rows",
    METADATA,
    Column("device", TEXT, primary_key=True),
    Column("epoch", TEXT, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("hash", TEXT, nullable=False),
    Column("previous", TEXT, nullable=False),
    # None for a row in quarantine.
    Column("event_id", ForeignKey("events.event_id")),
    ForeignKeyConstraint(["device", "epoch"], ["epochs.device", "epochs.epoch"]),
)

FORKS = Table(
    "forks",
    METADATA,
    Column("device", ForeignKey("devices.device"), primary_key=True),
    Column("epoch", TEXT, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("hash", TEXT, primary_key=True),
    Column("previous", TEXT, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
    Column("received_at_us", BigInteger, nullable=False),
)

QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("device", ForeignKey("devices.device"), primary_key=True),
    Column("epoch", TEXT, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("hash", TEXT, primary_key=True),
    Column("bytes", LargeBinary, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("received_at_us", BigInteger, nullable=False),
    # As far as it could be read, and of a spend what it took.
    Column("event_id", TEXT),
    Column("programme", TEXT),
    Column("instrument", TEXT),
    Column("amount_minor", BigInteger),
    Index("quarantine_by_instrument", "programme", "instrument"),
)

CONFLICTS = Table(
    "conflicts",
    METADATA,
    Column("device", ForeignKey("devices.device"), primary_key=True),
    Column("epoch", TEXT, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("hash", TEXT, primary_key=True),
    Column("event_id", ForeignKey("events.event_id"), nullable=False),
    Column("bytes", LargeBinary, nullable=False),
    Column("received_at_us", BigInteger, nullable=False),
)

AUTHORISATIONS = Table(
    "authorisations",
    METADATA,
    Column("authorisation", TEXT, primary_key=True),
    Column("device", ForeignKey("devices.device"), nullable=False),
    Column("programme", TEXT, nullable=False),
    Column("instrument", TEXT, nullable=False),
    Column("target", TEXT),
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
    Column("authorisation", TEXT, primary_key=True),
)

GRANTS = Table(
    "grants",
    METADATA,
    Column("device", ForeignKey("devices.device"), primary_key=True),
    Column("epoch", TEXT, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("grant_id", TEXT, nullable=False),
    Column("signed", TEXT, nullable=False),
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
    Column("programme", TEXT, primary_key=True),
    Column("instrument", TEXT, primary_key=True),
    Column("entry", TEXT, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("instruments_by_version", "programme", "version"),
)

CONSIGNMENTS = Table(
    "consignments",
    METADATA,
    Column("number", NUMBER, Identity(), primary_key=True),
    Column("programme", TEXT, nullable=False),
    Column("instrument", TEXT, nullable=False),
    Column("device", ForeignKey("devices.device"), nullable=False),
    Column("token", TEXT, nullable=False),
    Column("face_minor", BigInteger, nullable=False),
    # As the registry says: nobody has sold it, nor used it.
    Column("to_sell", Boolean, nullable=False),
    UniqueConstraint("programme", "instrument"),
    Index("consignments_to_sell", "device", "programme", "to_sell", "number"),
)

REGISTRY_HEADS = Table(
    "registry_heads",
    METADATA,
    Column("programme", TEXT, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

LEDGER_ENTRIES = Table(
    "ledger_entries",
    METADATA,
    Column("entry", NUMBER, Identity(), primary_key=True),
    Column("event_id", ForeignKey("events.event_id"), nullable=False),
    Column("programme", TEXT, nullable=False),
    Column("currency", TEXT, nullable=False),
    Column("booked_at_us", BigInteger, nullable=False),
    Index("ledger_entries_by_event", "event_id"),
)

POSTINGS = Table(
    "postings",
    METADATA,
    Column("entry", ForeignKey("ledger_entries.entry"), primary_key=True),
    Column("account", TEXT, primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
)

FINDINGS = Table(
    "findings",
    METADATA,
    Column("programme", TEXT, primary_key=True),
    Column("instrument", TEXT, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("finding", TEXT, nullable=False),
    Index("findings_by_kind", "kind"),
)

OFFICE_USERS = Table(
    "office_users",
    METADATA,
    Column("name", TEXT, primary_key=True),
    # scrypt, with its salt before it, in hex.
    Column("passphrase", TEXT, nullable=False),
    Column("added_at_us", BigInteger, nullable=False),
)

OFFICE_SESSIONS = Table(
    "office_sessions",
    METADATA,
    # SHA-256 of the cookie, in hex: the cookie itself is kept nowhere.
    Column("cookie_hash", TEXT, primary_key=True),
    Column("name", ForeignKey("office_users.name"), nullable=False),
    Column("ends_at_us", BigInteger, nullable=False),
)
