"""The tables that migrations make are those of the schema, on either database."""

from __future__ import annotations

from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from central.errors import StoreError
from central.store import meta
from central.store.database import Store, create_store, migrate_store, open_store
from central.store.engines import make_engine
from central.store.migrations import upgrade
from central.store.schema import METADATA, REVISION
from tests.central.world import Databases

FIRST = "0001"


def differences(db: Connection) -> list[object]:
    """Between the tables that are there and the schema, to the last column and name."""
    # SQLite knows no identity columns: there, they would all be differences.
    options = {"compare_type": True, "compare_server_default": db.dialect.name == "postgresql"}
    return list(compare_metadata(MigrationContext.configure(db, opts=options), METADATA))


def test_they_make_the_schema_s_tables(store: Store) -> None:
    with store.read() as db:
        assert differences(db) == []


def test_the_comparison_sees_what_is_missing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as db:
        db.execute(text("DROP INDEX events_by_time"))
        assert len(differences(db)) == 1
        raise ZeroDivisionError


def test_the_schema_names_the_last_step() -> None:
    config = Config()
    config.set_main_option("script_location", "central.store:migrations")

    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


def test_a_database_of_the_first_step_is_brought_to_the_last(empty: str) -> None:
    with closing(Store(make_engine(empty))) as store, store.write() as db:
        upgrade(db, to=FIRST)

    assert migrate_store(empty) == (FIRST, REVISION)

    with closing(open_store(empty)) as store, store.read() as db:
        assert differences(db) == []


def test_vouchers_consigned_before_are_still_to_sell_or_not(empty: str) -> None:
    with closing(Store(make_engine(empty))) as store, store.write() as db:
        upgrade(db, to="0002")
        for statement in (
            "INSERT INTO shops VALUES ('a', 'A', 'UTC', '03:00')",
            "INSERT INTO devices VALUES ('box', 'a', '1', '00', '', '', 0, 0, '')",
            """INSERT INTO instruments VALUES ('p', 'held', '{"status":"consigned"}', 1)""",
            """INSERT INTO instruments VALUES ('p', 'sold', '{"status":"active"}', 1)""",
            "INSERT INTO consignments VALUES (1, 'p', 'held', 'box', '', 1), (2, 'p', 'sold', 'box', '', 1)",
        ):
            db.exec_driver_sql(statement)

    migrate_store(empty)

    with closing(open_store(empty)) as store, store.read() as db:
        found = db.execute(text("SELECT instrument, to_sell FROM consignments ORDER BY number"))
        assert [(row.instrument, bool(row.to_sell)) for row in found] == [("held", True), ("sold", False)]


def test_migrating_twice_changes_nothing(url: str) -> None:
    assert migrate_store(url) == (REVISION, REVISION)


def test_a_step_that_fails_leaves_nothing(empty: str) -> None:
    """One of its last tables is there already, and isn't ours."""
    with closing(Store(make_engine(empty))) as store:
        with store.write() as db:
            db.execute(text("CREATE TABLE findings (x INTEGER)"))

        with pytest.raises(StoreError, match=r"findings.* already exists"):
            create_store(empty, tenant="albret")

        with store.read() as db:
            assert inspect(db).get_table_names() == ["findings"]


@pytest.mark.parametrize(
    ("revision", "remedy"),
    [("0000", "an older one; run comptoir-central migrate"), ("9999", "a newer program; install the newer program")],
)
def test_a_database_of_another_step_is_told(url: str, databases: Databases, revision: str, remedy: str) -> None:
    databases.by_hand(url, [f"UPDATE alembic_version SET version_num = '{revision}'"])

    with pytest.raises(StoreError, match=remedy):
        open_store(url)


def test_a_newer_database_is_not_migrated(url: str, databases: Databases) -> None:
    databases.by_hand(url, ["UPDATE alembic_version SET version_num = '9999'"])

    with pytest.raises(StoreError, match="install the newer program"):
        migrate_store(url)


def test_what_is_no_database_of_ours_is_told(empty: str) -> None:
    with pytest.raises(StoreError, match="comptoir-central init"):
        open_store(empty)


def test_a_database_is_not_made_over_another(url: str) -> None:
    with pytest.raises(StoreError, match="nothing was changed"):
        create_store(url, tenant="another")

    with closing(open_store(url)) as store, store.read() as db:
        assert meta.read(db, meta.TENANT) == "albret"
