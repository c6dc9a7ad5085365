"""A back-log of 100,000 events, from a box through a broker and central into PostgreSQL, acknowledged end to end.

Beside it, a bare pipeline sends the same events' bytes in batches of as many, and then one by one. All on one machine.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from uuid_utils.compat import uuid7

from benchmarks.agent import BOX_PYTHON
from benchmarks.bare_drain import fill
from benchmarks.figures import Figure, Goal
from gateway.identity import load_identity
from gateway.paths import journal_path
from hardware_sim.broker import Broker
from hardware_sim.postgres import Postgres, binaries
from hardware_sim.programs import until
from hardware_sim.town import CARD, VirtualTown
from programme.events import CodeTrust, Counter, Earned, Evidence
from sync.chain import Row
from sync.clock import LinuxClock
from sync.journal import Journal
from sync.outbox import BATCH_BYTES
from sync.wire import encode_batch

EVENTS = 100_000
CARDS = 2_000
ONE_BY_ONE = 3_000
"""Enough for a rate, one event a message."""
WITHIN_S = 300.0


def drain_figures(folder: Path) -> list[Figure]:
    """Measure it, where there is a PostgreSQL."""
    programs = binaries()
    if programs is None:
        return [Figure(name="drain of a back-log", detail="not measured: PostgreSQL isn't installed")]
    with Postgres(programs, durable=True) as postgres:
        acknowledged, booked, rows = _drain(folder / "town", postgres.new())
        batch, packed = _batches(rows, folder / "town" / "a" / "box")
        events = [row.event for row in rows]
        with Broker(folder=folder / "bare") as broker:
            database = postgres.new()
            bare = _bare(broker.port, database, folder / "bare" / "queue", events, batch)
            one = _bare(broker.port, database, folder / "bare" / "singly", events[:ONE_BY_ONE], 1)
    return [
        Goal(
            name="drain of a back-log / a bare pipeline",
            measured=acknowledged / bare,
            at_least=0.35,
            unit="×",
            detail=f"{acknowledged:,.0f} events/s acknowledged, {booked:,.0f} booked; bare {bare:,.0f}; "
            f"{EVENTS:,} events of {len(events[-1])} bytes on {CARDS:,} cards, {batch} a batch",
        ),
        Goal(
            name="drain of a back-log / one acknowledged event a message",
            measured=acknowledged / one,
            at_least=20,
            unit="×",
            detail=f"bare, one by one: {one:,.0f} events/s",
        ),
        Goal(
            name="bytes on the wire / the events' JSON",
            measured=packed / sum(map(len, events)),
            at_most=0.25,
            unit="×",
            detail=f"{packed / len(events):.0f} bytes an event, batches as they are sent, place and signature included",
        ),
    ]


def _drain(folder: Path, database: str) -> tuple[float, float, list[Row]]:
    """Events a second that were acknowledged and that were booked, and the rows."""
    with VirtualTown(folder, database=database) as town:
        shop = town.found_shop("a", "Librairie des Halles", has_camera=False)
        shop.use_python(BOX_PYTHON)
        cards = [card.instrument for card in town.issue(CARD, CARDS)]
        rows = fill_journal(folder / "a" / "box", cards, EVENTS)
        town.start_central()
        with psycopg.connect(database, autocommit=True) as connection:
            shop.gateway.start()
            first, started = when(connection, "SELECT max(watermark_seq) FROM epochs", at_least=1)
            _, acknowledged_at = when(connection, "SELECT max(watermark_seq) FROM epochs", at_least=rows[-1].seq)
            earned = "SELECT count(*) FROM ledger_entries"
            _, booked_at = when(connection, earned, at_least=EVENTS)
    count = rows[-1].seq - first
    return count / (acknowledged_at - started), count / (booked_at - started), rows


def when(connection: psycopg.Connection, query: str, *, at_least: int) -> tuple[int, float]:
    """A number of central's database once it is high enough, and when that was."""

    def enough() -> tuple[int, float] | None:
        found = connection.execute(query.encode()).fetchone()
        assert found is not None
        return (found[0], time.perf_counter()) if (found[0] or 0) >= at_least else None

    return until(enough, what=query, within_s=WITHIN_S)


def fill_journal(data_dir: Path, cards: list[str], events: int, *, shop: str = "a") -> list[Row]:
    """Have a box earn on card after card while there is no connection."""
    with _open_journal(data_dir) as journal:
        today = datetime.now(UTC).date()
        counter = Counter(shop=shop, till="1", business_day=today)
        evidence = Evidence(rules_version=1, trust=CodeTrust.SIGNED, replica_version=len(cards))
        done = []
        for number in range(events):
            amount_minor = 1 + number * 7 % 97  # all baskets together stay below each card's cap
            data = Earned(
                programme=CARD,
                instrument=cards[number % len(cards)],
                currency="EUR",
                amount_minor=amount_minor,
                basket_minor=20 * amount_minor,
                counter=counter,
                evidence=evidence,
            )
            done.append(journal.submit(lambda tx, data=data: tx.append(uuid7(), data)))  # type: ignore[misc]
        for future in done:
            future.result()
        assert journal.head is not None
        rows: list[Row] = []
        last = journal.head.seq
        while len(rows) < last:
            rows += journal.rows(len(rows) + 1, last, BATCH_BYTES)
    return rows


def _batches(rows: list[Row], data_dir: Path) -> tuple[int, int]:
    """How many rows the outbox puts into a batch, and how many bytes all batches take."""
    key = load_identity(data_dir).journal_key
    sizes, packed_bytes, start = [], 0, 0
    while start < len(rows):
        end, size_bytes = start, 0
        while end < len(rows) and (end == start or size_bytes + len(rows[end].event) <= BATCH_BYTES):
            size_bytes += len(rows[end].event)
            end += 1
        sizes.append(end - start)
        packed_bytes += len(encode_batch("box-a", rows[start:end], key))
        start = end
    return round(statistics.median(sizes)), packed_bytes


@contextlib.contextmanager
def _open_journal(data_dir: Path) -> Iterator[Journal]:
    identity = load_identity(data_dir)
    path = journal_path(data_dir)
    journal = Journal.open(path, device=identity.device, key=identity.journal_key, clock=LinuxClock())
    with contextlib.closing(journal):
        yield journal


def _bare(port: int, database: str, path: Path, events: list[bytes], batch: int) -> float:
    """Events a second of the bare pipeline."""
    fill(path, events)
    command = [sys.executable, "-m", "benchmarks.bare_drain"]
    centre = subprocess.Popen([*command, "centre", str(port), database], stdout=subprocess.PIPE)
    try:
        assert centre.stdout is not None
        centre.stdout.readline()
        box = [*command, "box", str(port), str(path), str(batch)]
        taken_s = float(subprocess.run(box, check=True, capture_output=True).stdout)
    finally:
        centre.kill()  # it has nothing to tidy up
        centre.communicate()
    return len(events) / taken_s
