"""What was acknowledged to the caller is on disk: after SIGKILL, and when the disk is full."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from programme.cloudevents import decode_event
from programme.events import Event
from sync.errors import JournalError, JournalFull
from sync.journal import AckOutcome, Transaction
from sync.journal.verify import verify
from tests.sync.boxes import CENTRAL_KEY_ID, Shop, earned

ROOT = Path(__file__).parents[3]

WRITER = """
import sys
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid_utils.compat import uuid7
from sync.clock import LinuxClock
from sync.journal import Journal
from tests.sync.boxes import BOX, earned

key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(sys.argv[2]))
journal = Journal.open(Path(sys.argv[1]), device=BOX, key=key, clock=LinuxClock())

def write(event_id):
    def work(tx):
        tx.append(event_id, earned())
        tx.add_job("print", event_id, b"receipt")
    return journal.submit(work)

while True:
    group = [uuid7() for _ in range(3)]
    for event_id, future in [(event_id, write(event_id)) for event_id in group]:
        future.result()
        print(event_id, flush=True)
"""


@pytest.mark.parametrize("after", [1, 10, 97])
def test_what_was_acknowledged_survives_sigkill(shop: Shop, after: int) -> None:
    for _ in range(2):
        shop.close()
        written = killed_after(shop, after)
        shop.open()

        events = [decode_event(row.event) for row in shop.journal.rows(2, 10**6, 10**9)]
        assert written <= {event.event_id for event in events}
        assert {job.event_id for job in shop.journal.jobs()} == {event.event_id for event in events}
        assert verify(shop.path, keys={CENTRAL_KEY_ID: shop.central_key.public_key()}).rows == len(events) + 1
        times = [event.ordered_at for event in events]
        assert times == sorted(set(times))


def killed_after(shop: Shop, lines: int) -> set[UUID]:
    """Write in another process, kill it in the middle, and return what it was told is written."""
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(shop.path), shop.key.private_bytes_raw().hex()]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        read = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        read += process.stdout.readlines()
    whole = [line.strip() for line in read if line.endswith("\n")]
    assert len(whole) >= lines
    return {UUID(line) for line in whole}


@dataclass
class SmallDisk:
    """A journal that has room for little, until someone makes more."""

    shop: Shop
    make_room: Callable[[], None]


@pytest.fixture(params=["small file system", "page limit"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallDisk]:
    """A journal on a disk that is nearly full."""
    if request.param == "page limit":
        with closing_shop(tmp_path) as shop:
            limit_pages(shop, 60)
            yield SmallDisk(shop, lambda: limit_pages(shop, 100_000))
        return
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)], check=True)
    try:
        ballast = tmp_path / "ballast"
        ballast.write_bytes(bytes(1_500_000))
        with closing_shop(tmp_path) as shop:
            yield SmallDisk(shop, ballast.unlink)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@contextmanager
def closing_shop(folder: Path) -> Iterator[Shop]:
    shop = Shop(folder / "journal.sqlite")
    shop.create()
    try:
        yield shop
    finally:
        shop.close()


def limit_pages(shop: Shop, pages: int) -> None:
    """SQLite says the same at its own limit as on a full disk; only the writing connection can set it."""
    shop.journal.submit(
        lambda tx: tx._session.connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    ).result()


def append_one(tx: Transaction) -> Event:
    return tx.append(uuid7(), earned())


def fill(shop: Shop) -> list[Event]:
    """Write, three at a time, until there is no room; return what was recorded."""
    recorded: list[Event] = []
    while True:
        group = [shop.journal.submit(append_one) for _ in range(3)]
        errors = [future.exception() for future in group]
        recorded += [future.result() for future, error in zip(group, errors, strict=True) if error is None]
        if any(errors):
            assert {type(error) for error in errors if error} == {JournalFull}
            return recorded


def test_a_full_disk_refuses_loses_nothing_and_goes_on_when_there_is_room(disk: SmallDisk) -> None:
    shop = disk.shop
    recorded = fill(shop)
    with pytest.raises(JournalFull, match="free disk space"):
        # A last small row may still find a place where a larger group didn't.
        for _ in range(100):
            recorded.append(shop.append(earned()))
    assert shop.journal.queue().unbooked_rows == len(recorded) + 1

    disk.make_room()
    recorded += [shop.append(earned()) for _ in range(3)]

    assert [decode_event(row.event) for row in shop.journal.rows(2, 10**6, 10**9)] == recorded
    assert verify(shop.path, keys={}).rows == len(recorded) + 1
    shop.close()
    shop.open()
    assert shop.journal.head is not None
    assert shop.journal.head.seq == len(recorded) + 1


def test_acks_can_be_taken_again_after_a_full_disk(disk: SmallDisk) -> None:
    fill(disk.shop)
    disk.make_room()

    assert disk.shop.take(disk.shop.ack(2)) is AckOutcome.ADVANCED


@contextmanager
def files_bounded(limit_bytes: int) -> Iterator[None]:
    """Writes beyond a file size fail, and not as they do on a full disk (setrlimit(2): EFBIG)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_error_is_said_and_overcome(shop: Shop) -> None:
    recorded = [shop.append(earned())]
    log = shop.path.with_name("journal.sqlite-wal")

    with files_bounded(log.stat().st_size), pytest.raises(JournalError, match="check the disk"):
        shop.append(earned())
    recorded.append(shop.append(earned()))

    assert [decode_event(row.event) for row in shop.journal.rows(2, 99, 10**9)] == recorded
    assert verify(shop.path, keys={}).rows == 3
