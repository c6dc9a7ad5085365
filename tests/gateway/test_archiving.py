"""The box keeps its disk small by itself, and remembers what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from edge_config.settings import JournalSettings
from gateway.archiving import Archivist
from gateway.errors import CounterError
from gateway.lookup import Stage
from gateway.outcomes import Outcome
from gateway.words import Problem
from programme.decide import Earn
from sync.errors import ArchiveDamaged
from sync.wire import Head
from tests.gateway.playing import until
from tests.gateway.world import CARD, NOON, VOUCHER, Box

HEADS = {programme: Head(generation=1, version=1) for programme in (CARD, VOUCHER)}


@pytest.fixture
def busy(box: Box) -> Box:
    """A box with five booked earns and one that central lacks."""
    box.knows_card(1, 0)
    for _ in range(5):
        earn(box, uuid7())
    box.acknowledge_all(heads=HEADS)
    earn(box, uuid7())
    return box


def earn(box: Box, key: UUID, basket_minor: int = 2_000) -> Outcome:
    command = Earn(code=box.desk.resolve(box.central.card(1)), basket_minor=basket_minor)
    return asyncio.run(box.counter.operate(command, key))


def archivist(box: Box, *, reserve_mib: int = 0) -> Archivist:
    return Archivist(box.journal, JournalSettings(reserve_mib=reserve_mib), rows_in_file=2)


def files(box: Box) -> int:
    return len(list((box.folder / "archive").glob("*.zst")))


def archive_all(box: Box) -> None:
    box.journal.archive(before=NOON + timedelta(days=1), rows_in_file=2)


def go_to(box: Box, at: datetime) -> None:
    """Central says what time it is."""
    box.clock.go_to(at)
    box.journal.signed_time(at)


def test_rows_move_once_they_are_old(busy: Box) -> None:
    assert not archivist(busy).tidy()
    assert files(busy) == 0

    go_to(busy, NOON + timedelta(days=39))
    archivist(busy).tidy()
    assert files(busy) == 0

    go_to(busy, NOON + timedelta(days=41))
    archivist(busy).tidy()
    assert files(busy) == 3


def test_on_a_short_disk_all_but_the_last_day_moves_at_once(busy: Box) -> None:
    assert archivist(busy, reserve_mib=1_000_000).tidy()
    assert files(busy) == 0

    go_to(busy, NOON + timedelta(days=2))
    assert archivist(busy, reserve_mib=1_000_000).tidy()

    assert files(busy) == 3
    assert busy.journal.queue().unbooked_rows == 1


def test_a_request_of_long_ago_gets_the_same_answer(busy: Box) -> None:
    key = uuid7()
    first = earn(busy, key)
    busy.acknowledge_all(heads=HEADS)
    earn(busy, uuid7())
    archive_all(busy)

    again = earn(busy, key)

    assert again.repeated
    assert again.event == first.event
    tracked = busy.lookup.find(key)
    assert tracked is not None
    assert tracked.stage is Stage.BOOKED
    with pytest.raises(CounterError) as caught:
        earn(busy, key, basket_minor=4_000)
    assert caught.value.problem is Problem.KEY_REUSED


def test_a_request_whose_archive_is_lost_does_not_count_again(busy: Box) -> None:
    key = uuid7()
    earn(busy, key)
    busy.acknowledge_all(heads=HEADS)
    earn(busy, uuid7())
    archive_all(busy)
    before = busy.rows()
    for path in (busy.folder / "archive").iterdir():
        path.rename(path.with_suffix(".lost"))
    busy.lookup.close()
    busy._open()

    with pytest.raises(ArchiveDamaged, match="put the file back"):
        earn(busy, key)

    for path in (busy.folder / "archive").iterdir():
        path.rename(path.with_suffix(".zst"))
    assert busy.rows() == before


def test_archives_go_after_their_term_and_never_by_a_time_that_may_be_wrong(busy: Box) -> None:
    archive_all(busy)
    busy.clock.go_to(NOON + timedelta(days=20 * 365))
    busy.clock.boot = "another boot"
    busy.restart()

    archivist(busy).tidy()
    assert files(busy) == 3

    go_to(busy, NOON + timedelta(days=5 * 365))
    archivist(busy).tidy()
    assert files(busy) == 3

    go_to(busy, NOON + timedelta(days=7 * 365))
    archivist(busy).tidy()
    assert files(busy) == 0


def test_tills_are_told_of_what_is_archived_as_of_the_rest(busy: Box) -> None:
    before = busy.lookup.told_after(0, 99)
    archive_all(busy)

    assert busy.lookup.told_after(0, 99) == before
    for count in range(1, 7):
        found: list[tuple[int, bytes | None]] = []
        while part := busy.lookup.told_after(found[-1][0] if found else 0, count):
            found += part
        assert found == before


def test_of_a_lost_archive_tills_are_told_nothing(busy: Box) -> None:
    before = busy.lookup.told_after(0, 99)
    archive_all(busy)
    next((busy.folder / "archive").glob("000000000003*")).unlink()

    assert busy.lookup.told_after(0, 99) == [told for told in before if told[0] not in (3, 4)]


def test_a_running_archivist_begins_at_once_and_outlives_a_full_disk(busy: Box) -> None:
    go_to(busy, NOON + timedelta(days=41))
    (busy.folder / "archive").touch()  # no folder can be made there

    async def begin(done: Callable[[], bool]) -> None:
        working = asyncio.create_task(archivist(busy).run())
        await until(lambda: done() or working.done())
        assert not working.done()
        working.cancel()

    with capture_logs() as logs:
        asyncio.run(begin(lambda: bool(logs)))
    assert [log["event"] for log in logs] == ["journal not archived"]

    (busy.folder / "archive").unlink()
    asyncio.run(begin(lambda: files(busy) == 3))
