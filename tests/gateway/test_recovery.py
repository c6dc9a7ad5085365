"""A damaged journal is kept aside, and the box goes on with what is sound."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from gateway.errors import CounterError
from gateway.recovery import open_journal
from programme.decide import Earn
from sync.errors import JournalBroken
from sync.journal import Journal
from sync.journal.verify import verify
from tests.gateway.agent_process import AgentProcess
from tests.gateway.world import DEVICE, NOON, Box, FakeCentral


def test_a_damaged_row_is_named_kept_aside_and_left_out(tmp_path: Path) -> None:
    box = Box(tmp_path)
    for serial in (1, 2):
        command = Earn(code=box.desk.resolve(box.central.card(serial)), basket_minor=2_000)
        asyncio.run(box.counter.operate(command, uuid7()))
    epoch = box.journal.epoch
    box.stop()
    with closing(sqlite3.connect(box.path, isolation_level=None)) as disk:
        disk.execute("UPDATE rows SET event = x'00ff' WHERE seq = 2")

    with capture_logs() as logs:
        journal = open_journal(box.path, box.identity, box.clock)

    with closing(journal):
        assert journal.epoch.startswith("2-")
        assert [row.seq for row in journal.rows(1, 9, 10**9)] == [1, 2]
    log, left_out = logs
    assert (left_out["epoch"], left_out["seq"]) == (epoch, 2)
    assert f"row {epoch}/2 of the journal is damaged" in log["reason"]
    with closing(sqlite3.connect(log["kept"])) as aside:
        assert aside.execute("SELECT event FROM rows WHERE seq = 2").fetchone() == (b"\x00\xff",)


def overwrite_page_of(path: Path, name: str) -> None:
    """Fill a table's or an index's first page with rubbish."""
    with closing(sqlite3.connect(path)) as disk:
        (page_bytes,) = disk.execute("PRAGMA page_size").fetchone()
        (page,) = disk.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * page_bytes)
        file.write(b"\xa5" * page_bytes)


def work_a_little(box: Box) -> None:
    """Read and write what a day's work does; the box is stopped after it."""
    box.restart()
    try:
        box.journal.jobs()
        box.lookup.open_jobs()
        command = Earn(code=box.desk.resolve(box.central.card(1)), basket_minor=2_000)
        box.acknowledge_all()
        asyncio.run(box.counter.operate(command, uuid7()))
    finally:
        box.stop()


REBUILT = (
    "rows_ends",
    "rows_instrument",
    "sqlite_autoindex_epochs_1",
    "state",
    "jobs",
    "jobs_state",
    "acks",
    "replica",
)


@pytest.mark.parametrize("name", REBUILT)
def test_a_damaged_page_beside_the_rows_is_met_at_work_and_the_box_goes_on(tmp_path: Path, name: str) -> None:
    box = Box(tmp_path)
    box.give_grant(7)
    box.knows_card(1, 5_000)
    command = Earn(code=box.desk.resolve(box.central.card(1)), basket_minor=2_000)
    asyncio.run(box.counter.operate(command, uuid7()))
    totals = box.lookup.day_totals(NOON.date())
    box.stop()
    overwrite_page_of(box.path, name)
    with pytest.raises((JournalBroken, CounterError)):
        work_a_little(box)
    with pytest.raises(JournalBroken, match="is damaged"):
        Journal.open(box.path, device=DEVICE, key=box.key, clock=box.clock)

    open_journal(box.path, box.identity, box.clock).close()
    box.restart()

    assert box.lookup.day_totals(NOON.date()) == totals
    assert box.lookup.grant() is None  # as in every new epoch
    asyncio.run(box.counter.operate(command, uuid7()))
    assert {box.rows()[0], box.rows()[-1]} == {"epoch_opened", "earned"}
    box.stop()
    verify(box.path, keys={**box.identity.central_keys, DEVICE: box.key.public_key()})


def test_each_damage_is_kept_aside(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.stop()

    for _ in range(2):
        overwrite_page_of(box.path, "sqlite_autoindex_epochs_1")
        open_journal(box.path, box.identity, box.clock).close()

    assert len(list(tmp_path.glob("journal-damaged-*.sqlite"))) == 2


def test_rows_beyond_a_damaged_page_are_taken_along(tmp_path: Path) -> None:
    box = Box(tmp_path)
    command = Earn(code=box.desk.resolve(box.central.card(1)), basket_minor=2_000)
    for _ in range(40):
        asyncio.run(box.counter.operate(command, uuid7()))
    last = box.journal.head
    totals = box.lookup.day_totals(NOON.date())
    box.stop()
    pages = box.path.read_bytes()
    leaves = [at for at in range(0, len(pages), 4_096) if pages[at] == 0x0D and b"earned" in pages[at : at + 4_096]]
    with box.path.open("r+b") as file:
        file.seek(leaves[2])
        file.write(b"\xa5" * 4_096)

    open_journal(box.path, box.identity, box.clock).close()
    box.restart()

    with closing(sqlite3.connect(box.path)) as disk:
        positions = [position for (position,) in disk.execute("SELECT position FROM rows WHERE epoch LIKE '1-%'")]
    assert last is not None
    assert 20 < len(positions) < last.seq == positions[-1]
    assert box.lookup.day_totals(NOON.date()) == totals
    box.stop()


def test_where_nothing_is_left_the_message_says_what_to_do(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.stop()
    box.path.write_bytes(b"no database at all" * 500)

    with pytest.raises(JournalBroken, match="keep the file"):
        open_journal(box.path, box.identity, box.clock)


def test_a_running_agent_that_meets_a_damaged_page_goes_on_by_itself(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path)
    central = FakeCentral()
    agent.enrol(central)

    async def new_epoch() -> None:
        while True:
            with contextlib.suppress(AssertionError, httpx.HTTPError):  # it says what it can't read, then begins anew
                if (await agent.get("/v1/status"))["epoch"].startswith("2-"):
                    return
            await asyncio.sleep(0.02)

    async def story() -> None:
        await agent.start()
        earned = await agent.operate(kind="earn", amount="20,00", code=central.card(1))
        assert await agent.stop() == 0
        overwrite_page_of(agent.data_dir / "journal.sqlite", "jobs_state")
        await agent.start()
        try:
            await new_epoch()
            status = await agent.get("/v1/status")
            assert [told["event_id"] for told in status["operations"]] == [earned["event_id"]]
        finally:
            assert await agent.stop() == 0

    asyncio.run(story())
    assert agent.tool("journal", "verify").returncode == 0
