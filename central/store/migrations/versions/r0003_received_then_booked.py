"""Events are received, then booked; what is asked of every batch is found without reading all that ever was."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, true

from central.store.schema import TEXT, where

revision = "0003"
down_revision = "0002"

_STILL_CONSIGNED = """
UPDATE consignments SET to_sell = EXISTS (
    SELECT 1 FROM instruments WHERE instruments.programme = consignments.programme
    AND instruments.instrument = consignments.instrument AND instruments.entry LIKE '%"status":"consigned"%'
)
"""


def upgrade() -> None:
    """Add the list of what isn't booked, and the indexes that a fast centre needs."""
    op.create_table(
        "unbooked",
        Column("source", TEXT, primary_key=True),
        Column("event_id", TEXT, primary_key=True),
    )
    for name, columns, condition in (
        ("events_by_grant", ["source", "grant_id"], "grant_id IS NOT NULL"),
        ("events_by_target", ["target"], "target IS NOT NULL"),
    ):
        op.drop_index(name, "events")
        op.create_index(name, "events", columns, **where(condition))
    # Nobody looks a row up by its event, and events are never deleted.
    op.drop_index("rows_by_event", "rows")
    op.create_index("events_by_kind", "events", ["source", "type", "ordered_at_us"])
    op.add_column("consignments", Column("to_sell", Boolean, nullable=False, server_default=true()))
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("consignments", "to_sell", server_default=None)
    op.execute(_STILL_CONSIGNED)
    op.drop_index("consignments_by_device", "consignments")
    op.create_index("consignments_to_sell", "consignments", ["device", "programme", "to_sell", "number"])
