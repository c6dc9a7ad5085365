"""Published rule sets."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select

from central.store.schema import RULE_SETS
from programme.instants import to_us
from programme.rules import RuleSet


def add(db: Connection, rules: RuleSet, toml: str, *, at: datetime) -> None:
    """Publish a version, for good."""
    db.execute(insert(RULE_SETS).values(programme=rules.id, version=rules.version, toml=toml, loaded_at_us=to_us(at)))


def versions(db: Connection) -> list[tuple[str, int]]:
    """Every programme and version."""
    query = select(RULE_SETS.c.programme, RULE_SETS.c.version).order_by(RULE_SETS.c.programme, RULE_SETS.c.version)
    return [(row.programme, row.version) for row in db.execute(query)]


def text(db: Connection, programme: str, version: int) -> str:
    """A version's file, as it was loaded."""
    same = (RULE_SETS.c.programme == programme) & (RULE_SETS.c.version == version)
    toml: str = db.execute(select(RULE_SETS.c.toml).where(same)).scalar_one()
    return toml
