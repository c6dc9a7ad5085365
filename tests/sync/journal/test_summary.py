"""A journal in figures."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sync.errors import JournalMissing
from sync.journal.summary import summarise
from sync.wire import Head
from tests.sync.boxes import NOON, Shop, earned


def test_it_counts_what_is_where(shop: Shop) -> None:
    shop.load_replica("card", 1)
    for _ in range(5):
        shop.append(earned())
    shop.close_day()
    shop.append(earned())
    shop.take(shop.ack(6, heads={"card": Head(generation=1, version=1)}))
    shop.journal.archive(before=NOON + timedelta(days=1), rows_in_file=2)

    told = summarise(shop.path)

    assert (told.rows, told.archived_rows, told.unbooked_rows, told.archives) == (8, 6, 2, 3)
    assert told.last_closed == "2026-05-04"
    assert told.oldest_at_hand_at is not None
    assert told.oldest_at_hand_at > NOON
    assert told.archive_bytes == sum(path.stat().st_size for path in shop.path.parent.glob("archive/*"))
    assert told.database_bytes > 0
    assert told.free_bytes > 0


def test_where_there_is_none_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalMissing, match="enrol this box"):
        summarise(tmp_path / "journal.sqlite")
