"""A damaged journal is kept aside, and the box goes on with what is sound."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from gateway.recovery import open_journal
from programme.decide import Earn
from sync.errors import JournalBroken
from tests.gateway.world import Box


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


def test_where_nothing_is_left_the_message_says_what_to_do(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.stop()
    box.path.write_bytes(b"no database at all" * 500)

    with pytest.raises(JournalBroken, match="keep the file"):
        open_journal(box.path, box.identity, box.clock)
