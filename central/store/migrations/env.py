"""What Alembic runs to migrate: the steps, on the connection that `upgrade` handed over."""

from __future__ import annotations

from alembic import context

from central.store.schema import METADATA

# The tables are given for their naming convention: steps name their constraints by it.
context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
