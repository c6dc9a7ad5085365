"""How a database comes to the tables of `central.store.schema`: one step after another, each in its own file.

To change the tables: change `schema.py` and its `REVISION`, and add `versions/rNNNN_what.py` with that `revision` and
the one before as `down_revision`. Steps run on SQLite and on PostgreSQL, in one transaction, and only forward: what was
booked is never taken back. A step that has been released is never edited.
"""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade(db: Connection, *, to: str = "head") -> None:
    """Bring a database, new or older, to the newest tables or to a step before, within its open transaction."""
    config = Config()
    config.set_main_option("script_location", "central.store:migrations")
    config.attributes["connection"] = db
    command.upgrade(config, to)
