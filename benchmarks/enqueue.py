"""Durable enqueue: an event is chained, journalled and synced, then acknowledged; beside the disk's limit and peers.

Every way gets the same event's bytes, as many per round, and its rounds alternate with the others'. What counts is
events a second over the disk's limit: appends of as many bytes, each with an fdatasync, by one producer.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeAlias

import persistqueue
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid_utils.compat import uuid7

from benchmarks.figures import Figure, Goal
from programme.cloudevents import encode_event
from programme.events import ClockState, CodeTrust, Counter, Earned, Event, Evidence
from sync.clock import LinuxClock
from sync.journal import Journal

ROUNDS = 5
EVENTS = {1: 1_000, 16: 4_000, 64: 8_000}
"""Per round, by producers."""
GOALS = {1: 0.8, 16: 4.5, 64: 9.0}
LONE_EVENTS = 2_000
_SYNC = ("fsync", "fdatasync")

Put: TypeAlias = Callable[[], object]
"""Enqueue one event, and return once it is durable."""

EARNED = Earned(
    programme="albret",
    instrument="kq1m3v5x7z9B",
    currency="EUR",
    amount_minor=118,
    basket_minor=2_350,
    counter=Counter(shop="halles", till="1", business_day=date(2026, 11, 24)),
    evidence=Evidence(rules_version=1, trust=CodeTrust.SIGNED, replica_version=4),
)


def enqueue_figures(folder: Path) -> list[Figure]:
    """The journal's rates by producers, each over the disk's limit; then its syncs, counted."""
    return [*(_goal(folder, producers) for producers in EVENTS), _syncs(folder)]


def _goal(folder: Path, producers: int) -> Goal:
    with contextlib.ExitStack() as stack:
        ways = {name: stack.enter_context(way(folder)) for name, way in _WAYS.items()}
        limit = stack.enter_context(_disk(folder))
        rates: dict[str, list[float]] = {name: [] for name in (*ways, "disk")}
        for _ in range(ROUNDS):
            rates["disk"].append(_rate(limit, 1, EVENTS[1]))
            for name, put in ways.items():
                rates[name].append(_rate(put, producers, EVENTS[producers]))
    ratios = {
        name: statistics.median(rate / floor for rate, floor in zip(rates[name], rates["disk"], strict=True))
        for name in ways
    }
    peers = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items() if name != "journal")
    ours = f"journal {min(rates['journal']):,.0f}-{max(rates['journal']):,.0f} events/s"
    disk = f"disk {min(rates['disk']):,.0f}-{max(rates['disk']):,.0f}/s"
    return Goal(
        name=f"durable enqueue, producers: {producers} / the disk's limit",
        measured=ratios["journal"],
        at_least=GOALS[producers],
        unit="×",
        detail=f"{ours}; {disk}; ratio of others: {peers}; {len(_event_bytes())} bytes an event, {ROUNDS} rounds",
    )


def _rate(put: Put, producers: int, events: int) -> float:
    """Events a second of so many producers, each waiting for its event before the next."""

    def produce() -> None:
        for _ in range(events // producers):
            put()

    threads = [threading.Thread(target=produce) for _ in range(producers)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return events / (time.perf_counter() - started)


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[Put]:
    with (_fresh(folder) / "raw").open("ab", buffering=0) as file:
        data = _event_bytes()

        def put() -> None:
            file.write(data)
            os.fdatasync(file.fileno())

        yield put


@contextlib.contextmanager
def _journal(folder: Path) -> Iterator[Put]:
    journal = Journal.create(
        _fresh(folder) / "journal.sqlite",
        device="box-a",
        key=Ed25519PrivateKey.generate(),
        clock=LinuxClock(),
        signed_time=datetime.now(UTC),
    )

    def put() -> None:
        event_id = uuid7()
        journal.submit(lambda tx: tx.append(event_id, EARNED)).result()

    with contextlib.closing(journal):
        yield put


@contextlib.contextmanager
def _plain_sqlite(folder: Path) -> Iterator[Put]:
    """One table, one commit an event: no chain, no meaning."""
    path = _fresh(folder) / "plain.sqlite"
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with contextlib.closing(connection):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE queue (id INTEGER PRIMARY KEY, event BLOB)")
        data, one_at_a_time = _event_bytes(), threading.Lock()

        def put() -> None:
            with one_at_a_time:
                connection.execute("INSERT INTO queue (event) VALUES (?)", (data,))

        yield put


@contextlib.contextmanager
def _ack_queue(folder: Path) -> Iterator[Put]:
    """persist-queue's queue with acknowledgements."""
    queue = persistqueue.SQLiteAckQueue(str(_fresh(folder)), auto_commit=True, multithreading=True)
    data = _event_bytes()
    with contextlib.closing(queue):
        yield lambda: queue.put(data)


@contextlib.contextmanager
def _fifo_queue(folder: Path) -> Iterator[Put]:
    """persist-queue's plain queue."""
    queue = persistqueue.FIFOSQLiteQueue(str(_fresh(folder)), auto_commit=True, multithreading=True)
    data = _event_bytes()
    with contextlib.closing(queue):
        yield lambda: queue.put(data)


_WAYS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Put]]] = {
    "journal": _journal,
    "plain SQLite": _plain_sqlite,
    "persist-queue SQLiteAckQueue": _ack_queue,
    "persist-queue FIFOSQLiteQueue": _fifo_queue,
}


def _syncs(folder: Path) -> Figure:
    """Syncs for a lone event, counted by strace in a process of its own; opening and closing aside."""
    if shutil.which("strace") is None:
        return Figure(name="syncs for a lone event", detail="not counted: strace isn't installed")
    counts = [_count_syncs(_fresh(folder), events) for events in (1, LONE_EVENTS + 1)]
    return Goal(
        name="syncs for a lone event",
        measured=(counts[1] - counts[0]) / LONE_EVENTS,
        at_most=1.02,
        unit="",
        detail=f"{counts[1] - counts[0]} for {LONE_EVENTS} events, checkpoints included",
    )


def _count_syncs(folder: Path, events: int) -> int:
    trace = folder / "trace"
    command = ["strace", "-f", "-c", "-o", str(trace), "-e", f"trace={','.join(_SYNC)}"]
    subprocess.run([*command, sys.executable, "-m", "benchmarks.enqueue", str(folder), str(events)], check=True)
    # Columns of `strace -c`: % time, seconds, usecs/call, calls, [errors,] syscall.
    lines = [line.split() for line in trace.read_text(encoding="utf-8").splitlines()]
    return sum(int(line[3]) for line in lines if line and line[-1] in _SYNC)


def _fresh(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=folder))


def _event_bytes() -> bytes:
    now = datetime.now(UTC)
    event = Event(
        event_id=uuid7(), source="box-a", occurred_at=now, ordered_at=now, clock=ClockState.SYNCED, data=EARNED
    )
    return encode_event(event)


if __name__ == "__main__":
    with _journal(Path(sys.argv[1])) as enqueue:
        for _ in range(int(sys.argv[2])):
            enqueue()
