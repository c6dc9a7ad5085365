"""What a transaction means, on either database; and that an error tells nothing that is nobody's business."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import DBAPIError, NoResultFound

from central.errors import StoreError
from central.store import meta
from central.store.database import Store, create_store, migrate_store, open_store
from central.store.engines import name_of
from central.store.schema import CONSIGNMENTS, META
from hardware_sim.postgres import Postgres

WRITERS, TIMES = 4, 10
SECRET = "s3cret"


def test_writers_wait_for_each_other_and_see_what_was_written(store: Store) -> None:
    """Each reads before it writes: on an older view, it would undo what another has just written."""
    with store.write() as db:
        meta.write(db, "count", "0")

    def count(_: int) -> None:
        for _ in range(TIMES):
            with store.write() as db:
                db.execute(
                    update(META).where(META.c.name == "count").values(value=str(int(meta.read(db, "count")) + 1))
                )

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(count, range(WRITERS)))

    with store.read() as db:
        assert meta.read(db, "count") == str(WRITERS * TIMES)


def test_a_reader_keeps_its_view_and_holds_nobody_up(store: Store) -> None:
    with store.read() as before:
        assert meta.read(before, meta.GENERATION) == "1"
        with store.write() as db:
            db.execute(update(META).where(META.c.name == meta.GENERATION).values(value="2"))

        assert meta.read(before, meta.GENERATION) == "1"

    with store.read() as after:
        assert meta.read(after, meta.GENERATION) == "2"


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as db:
        meta.write(db, "test", "written")
        raise ZeroDivisionError

    with store.read() as db, pytest.raises(NoResultFound):
        meta.read(db, "test")


def test_an_error_tells_no_row(store: Store) -> None:
    with pytest.raises(DBAPIError) as caught, store.write() as db:
        db.execute(insert(CONSIGNMENTS).values(programme="p", instrument="i", token=SECRET, face_minor=1))

    assert "device" in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    """The URL of a new centre's database on PostgreSQL."""
    url = postgres.new()
    create_store(url, tenant="albret").close()
    yield url
    postgres.drop(url)


def test_postgresql_commits_to_the_disk_whatever_the_server_s_default(url: str) -> None:
    lax = f"{url}&options=-csynchronous_commit%3Doff"
    for given, kept in ((lax, "on"), (lax.replace("off", "remote_write"), "remote_write")):
        with closing(open_store(given)) as store, store.read() as db:
            assert db.execute(text("SHOW synchronous_commit")).scalar_one() == kept


def test_postgresql_lets_readers_write_nothing(url: str) -> None:
    with closing(open_store(url)) as store, pytest.raises(DBAPIError, match="read-only"), store.read() as db:
        meta.write(db, "test", "written")


def test_postgresql_may_be_restarted(url: str, postgres: Postgres) -> None:
    with closing(open_store(url)) as store:
        postgres.by_hand(
            url, ["SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"]
        )

        with store.write() as db:
            meta.write(db, "test", "written")
        with store.read() as db:
            assert meta.read(db, "test") == "written"


@pytest.mark.parametrize("table", ["events", "ledger_entries", "postings", "rule_sets"])
def test_postgresql_removes_not_even_all_rows_at_once(url: str, table: str) -> None:
    with closing(open_store(url)) as store, pytest.raises(DBAPIError, match="append-only"), store.write() as db:
        db.execute(text(f"TRUNCATE {table} CASCADE"))


UNUSABLE = [
    f"postgresql://somebody:{SECRET}@127.0.0.1:1/central",
    f"postgresql://127.0.0.1:1/central?user=somebody&password={SECRET}",
    f"postgresql://somebody:{SECRET}@127.0.0.1:1/central?no_such_option=1",
    f"postgresql://somebody:{SECRET}@127.0.0.1:port/central",
    f"postgresql+nosuchdriver://somebody:{SECRET}@host/central",
    f"mysql://somebody:{SECRET}@host/central",
    f"somebody:{SECRET}@host/central",
    f"sqlite://{SECRET}@host/central",
]


@pytest.mark.parametrize("url", UNUSABLE, ids=range(len(UNUSABLE)))
def test_no_error_tells_a_password(url: str) -> None:
    for use in (open_store, migrate_store, lambda url: create_store(url, tenant="albret")):
        with pytest.raises(StoreError) as caught:
            use(url)

        assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_database_is_named_as_people_know_it() -> None:
    assert name_of("sqlite:////srv/central.sqlite") == "/srv/central.sqlite"
    assert name_of(f"postgresql://office:{SECRET}@db.example/central?sslmode=require") == (
        "postgresql://office:***@db.example/central"
    )
