"""Ask and answer: a round trip box → broker → central → PostgreSQL and back, idle and during another box's drain.

Beside it, a bare echo: one client publishes, another one publishes it back, over the same broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from uuid_utils.compat import uuid7

from benchmarks.agent import BOX_PYTHON
from benchmarks.drain import fill_journal, when
from benchmarks.figures import Figure, Goal, percentile_99, ratio_of_medians, spread
from gateway.asking import Asking
from gateway.identity import Identity, load_identity
from hardware_sim.postgres import Postgres, binaries
from hardware_sim.town import CARD, VirtualTown
from programme.authorisations import Ask
from programme.events import AskedOperation
from sync.mqtt import MqttLink
from sync.topics import Down

CARDS = 200
ASKS = 1_000
WARM_UP = 50
BACK_LOG = 60_000
DEADLINE_MS = 30_000
"""None is given up: a slow answer is to be seen."""
_WATERMARK_OF_B = "SELECT max(watermark_seq) FROM epochs WHERE device = 'box-b'"


def asking_figures(folder: Path) -> list[Figure]:
    """Measure it, where there is a PostgreSQL."""
    programs = binaries()
    if programs is None:
        return [Figure(name="ask and answer", detail="not measured: PostgreSQL isn't installed")]
    with Postgres(programs, durable=True) as postgres:
        database = postgres.new()
        with VirtualTown(folder, database=database) as town:
            echo, idle, busy = _measure(town, database)
    return [
        Goal(
            name="ask and answer, idle / a bare echo: median",
            measured=ratio_of_medians(idle, echo),
            at_most=3,
            unit="×",
            detail=f"ask {spread(idle)}; echo {spread(echo)}",
        ),
        Goal(
            name="ask and answer, during a drain / idle: p99",
            measured=percentile_99(busy) / percentile_99(idle),
            at_most=5,
            unit="×",
            detail=f"during the drain {spread(busy)}",
        ),
    ]


def _measure(town: VirtualTown, database: str) -> tuple[list[float], list[float], list[float]]:
    """Seconds of echoes, of asks while nothing else happens, and of asks during a drain."""
    asker = town.found_shop("a", "Librairie des Halles", has_camera=False)
    other = town.found_shop("b", "Épicerie du Port", has_camera=False)
    other.use_python(BOX_PYTHON)
    cards = [card.instrument for card in town.issue(CARD, CARDS)]
    data_dir = town.folder / "a" / "box"
    last = fill_journal(data_dir, cards, 5 * CARDS)[-1].seq
    fill_journal(town.folder / "b" / "box", cards, BACK_LOG, shop="b")
    town.start_central()
    with psycopg.connect(database, autocommit=True) as connection:
        asker.open()
        when(connection, "SELECT max(watermark_seq) FROM epochs", at_least=last)
        asker.gateway.stop()  # from here on, this process asks in its name
        identity = load_identity(data_dir)
        echo = asyncio.run(_echoes(town.broker.port))
        idle = asyncio.run(_asks(identity, town.broker.port, cards, ASKS))
        other.gateway.start()
        when(connection, _WATERMARK_OF_B, at_least=1)
        busy = asyncio.run(_asks(identity, town.broker.port, cards, ASKS, is_over=lambda: _is_drained(connection)))
    return echo, idle, busy


def _is_drained(connection: psycopg.Connection) -> bool:
    found = connection.execute(_WATERMARK_OF_B.encode()).fetchone()
    return found is not None and found[0] >= BACK_LOG


async def _asks(
    identity: Identity, port: int, cards: list[str], count: int, *, is_over: Callable[[], bool] = lambda: False
) -> list[float]:
    """Seconds of one ask after the other, for as long as something else goes on; each is given up by the next."""
    loop = asyncio.get_running_loop()
    link = MqttLink(
        host="127.0.0.1",
        port=port,
        client_id="benchmark-asks",
        subscriptions=(identity.address.down(Down.ANSWER),),
    )
    asking = Asking(identity=identity, link=link, deadline_ms=DEADLINE_MS, now=lambda: datetime.now(UTC))
    before = uuid7()

    async def ask(number: int) -> None:
        nonlocal before
        wanted = Ask(
            authorisation=uuid7(),
            programme=CARD,
            instrument=cards[number % CARDS],
            operation=AskedOperation.REDEEM,
            amount_minor=1,
            shop="a",
        )
        answered = await asking.ask(wanted, rows=(), gives_up=(before,))
        assert answered is not None and answered.answer.approved
        before = wanted.authorisation

    async with _running(link, lambda _topic, payload: loop.call_soon(asking.take_answer, payload)):
        return await _time(ask, count, is_over)


async def _echoes(port: int) -> list[float]:
    """Seconds of a bare message there and back."""
    there, back = (
        MqttLink(host="127.0.0.1", port=port, client_id=f"benchmark-{name}", subscriptions=(f"bare/{name}",))
        for name in ("there", "back")
    )
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def echo(_: int) -> None:
        back.publish("bare/there", bytes(600))
        await heard.get()

    async with (
        _running(there, lambda _topic, payload: there.publish("bare/back", payload)),
        _running(back, lambda _topic, payload: heard.put_nowait(payload)),
    ):
        return await _time(echo, ASKS)


async def _time(
    act: Callable[[int], Awaitable[None]], count: int, is_over: Callable[[], bool] = lambda: False
) -> list[float]:
    taken_s: list[float] = []
    for number in range(count + WARM_UP):
        if is_over():
            break
        started = time.perf_counter()
        await act(number)
        taken_s.append(time.perf_counter() - started)
    return taken_s[WARM_UP:]


@contextlib.asynccontextmanager
async def _running(link: MqttLink, on_message: Callable[[str, bytes], object]) -> AsyncIterator[None]:
    up = asyncio.Event()
    running = asyncio.create_task(link.run(up.set, lambda topic, payload: (on_message(topic, payload), None)[1]))
    try:
        await up.wait()
        yield
    finally:
        running.cancel()
        await asyncio.wait({running})
