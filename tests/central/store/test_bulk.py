"""Many rows at once, on either database."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import DBAPIError

from central.errors import StoreError
from central.store.bulk import among, insert_rows
from central.store.database import Store, create_store, open_store
from central.store.schema import META, RULE_SETS
from hardware_sim.postgres import Postgres

SECRET = "s3cret"
MANY = 40_000
"""More values than a statement takes parameters."""


def test_many_rows_go_in_and_are_found_by_as_many_names(store: Store) -> None:
    rows = [(f"name {number}", f"value\t\\{number}\n") for number in range(MANY)]
    with store.write() as db:
        insert_rows(db, META, ("name", "value"), rows)
        insert_rows(db, META, ("name", "value"), [])

    with store.write() as db:
        names = [name for name, _ in rows]
        found = db.execute(select(META.c.name, META.c.value).where(among(db, META.c.name, names)))
        assert sorted(map(tuple, found)) == sorted(rows)
        assert db.execute(select(META.c.name).where(among(db, META.c.name, []))).all() == []
        assert db.execute(delete(META).where(among(db, META.c.name, names))).rowcount == MANY


def test_numbers_and_nothing_go_in_as_they_are(store: Store) -> None:
    with store.write() as db:
        insert_rows(db, RULE_SETS, ("programme", "version", "toml", "loaded_at_us"), [("p", 1, "", 2**53)])

    with store.read() as db:
        assert tuple(db.execute(select(RULE_SETS)).one()) == ("p", 1, "", 2**53)


def test_a_row_that_is_there_is_refused_with_all_others_and_not_told(store: Store) -> None:
    with pytest.raises((StoreError, DBAPIError)) as caught, store.write() as db:
        insert_rows(db, META, ("name", "value"), [("new", SECRET), ("tenant", SECRET)])

    assert SECRET not in "".join(traceback.format_exception(caught.value))
    with store.read() as db:
        assert db.execute(select(META.c.name).where(META.c.name == "new")).all() == []


@pytest.fixture
def postgresql(postgres: Postgres) -> Iterator[str]:
    """The URL of a new centre's database on PostgreSQL."""
    url = postgres.new()
    create_store(url, tenant="albret").close()
    yield url
    postgres.drop(url)


def test_a_server_that_goes_away_costs_this_transaction_alone(postgresql: str, postgres: Postgres) -> None:
    row = ("test", "written")
    with closing(open_store(postgresql)) as store:
        with pytest.raises(StoreError, match="check the database server"), store.write() as db:
            postgres.by_hand(
                postgresql,
                ["SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"],
            )
            insert_rows(db, META, ("name", "value"), [row])

        with store.write() as db:
            insert_rows(db, META, ("name", "value"), [row])
            assert tuple(db.execute(select(META).where(META.c.name == "test")).one()) == row
