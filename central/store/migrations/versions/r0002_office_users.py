"""Who may sign in to the office pages."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey

from central.store.schema import TEXT

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the users and their sessions."""
    op.create_table(
        "office_users",
        Column("name", TEXT, primary_key=True),
        Column("passphrase", TEXT, nullable=False),
        Column("added_at_us", BigInteger, nullable=False),
    )
    op.create_table(
        "office_sessions",
        Column("cookie_hash", TEXT, primary_key=True),
        Column("name", TEXT, ForeignKey("office_users.name"), nullable=False),
        Column("ends_at_us", BigInteger, nullable=False),
    )
