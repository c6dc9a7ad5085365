"""From a scanned code to a durable record, beside one append and fdatasync of as many bytes on the same disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from uuid_utils.compat import uuid7

from benchmarks.figures import Goal, ratio_of_medians, spread
from gateway.configured import load_configuration
from gateway.counter import CounterService
from gateway.identity import load_identity
from gateway.lookup import Lookup
from gateway.paths import journal_path
from gateway.presenting import Desk
from gateway.training import Training
from hardware_sim.town import CARD, VirtualTown
from programme.authorisations import Ask
from programme.decide import Answered, Earn
from sync.clock import LinuxClock
from sync.errors import LinkError
from sync.journal import Journal

ROUNDS = 400
WARM_UP = 50
CARDS = 100


class _Offline:
    """No way to central: the box decides alone."""

    can_ask = False

    async def ask(self, ask: Ask, **_: object) -> Answered | None:
        """Nobody can be asked."""
        raise LinkError(f"no way to central for {ask.authorisation}")


def record_goal(folder: Path) -> Goal:
    """Measure one lone operation at a time, each beside a raw append."""
    with VirtualTown(folder) as town:
        shop = town.found_shop("a", "Librairie des Halles")
        cards = town.issue(CARD, CARDS)
        data_dir = shop.journal.parent
    with _counter(data_dir) as (counter, desk, journal):
        tokens = [card.token for card in cards]
        recorded, floor = asyncio.run(_measure(counter, desk, journal, tokens, data_dir / "floor"))
        rows = journal.rows(1, ROUNDS, 10_000_000)
    row_bytes = sum(len(row.event) for row in rows) // len(rows)
    return Goal(
        name="scan → durable record / one append + fdatasync",
        measured=ratio_of_medians(recorded, floor),
        at_most=2.0,
        unit="×",
        detail=f"record {spread(recorded)}; append {spread(floor)}; {row_bytes} bytes an event",
    )


async def _measure(
    counter: CounterService, desk: Desk, journal: Journal, tokens: list[str], floor_file: Path
) -> tuple[list[float], list[float]]:
    recorded, floor = [], []
    with floor_file.open("ab", buffering=0) as file:
        for number in range(ROUNDS + WARM_UP):
            started = time.perf_counter()
            code = desk.place(tokens[number % CARDS], device="douchette").code
            assert code is not None
            outcome = await counter.operate(Earn(code=code, basket_minor=2_350), uuid7())
            recorded.append(time.perf_counter() - started)
            assert outcome.event is not None
            row_bytes = _last_row_bytes(journal)
            started = time.perf_counter()
            file.write(bytes(row_bytes))
            os.fdatasync(file.fileno())
            floor.append(time.perf_counter() - started)
    return recorded[WARM_UP:], floor[WARM_UP:]


def _last_row_bytes(journal: Journal) -> int:
    assert journal.head is not None
    (row,) = journal.rows(journal.head.seq, journal.head.seq, 1)
    return len(row.event)


@contextlib.contextmanager
def _counter(data_dir: Path) -> Iterator[tuple[CounterService, Desk, Journal]]:
    identity = load_identity(data_dir)
    path = journal_path(data_dir)
    journal = Journal.open(path, device=identity.device, key=identity.journal_key, clock=LinuxClock())
    with contextlib.closing(journal), contextlib.closing(Lookup.open(path)) as lookup:
        counter = CounterService(
            journal=journal,
            lookup=lookup,
            configured=load_configuration(data_dir, identity),
            asker=_Offline(),
            now=_now,
            new_id=uuid7,
            training=Training(data_dir / "training"),
            prints=False,
            recorded=lambda: None,
        )
        yield counter, Desk(counter=counter, now=_now, new_id=uuid7, changed=lambda: None), journal


def _now() -> datetime:
    return datetime.now(UTC)
