"""Ready-made batches into central's handler on PostgreSQL, beside a plain COPY of the same rows into the same tables.

The floor checks nothing: no signature, no chain, nothing known before. Batches are as large as the outbox makes them,
and queue up, as in a drain; the floor commits each.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from uuid_utils.compat import uuid7

from benchmarks.figures import Figure, Goal, spread
from central import issue, office
from central.app import open_workshop
from central.handler import Handler
from central.service import FOLLOWING
from central.store import devices
from central.store.devices import Shop
from central.work import Workshop
from edge_config.messages import EnrolmentRequest
from edge_config.settings import load_central_settings
from hardware_sim.postgres import Postgres, binaries
from programme.cloudevents import decode_event, encode_event
from programme.events import (
    ClockState,
    CodeTrust,
    Counter,
    Earned,
    EpochOpened,
    EpochReason,
    Event,
    EventData,
    Evidence,
    Redeemed,
)
from programme.instants import to_us
from sync.chain import GENESIS, Row, b64, make_row
from sync.outbox import BATCH_BYTES
from sync.topics import Up
from sync.wire import encode_batch

CARD, SHOP, DEVICE, EPOCH = "albret-card", "a", "box-a", "1-0123456789abcdef"
PROGRAMME = Path(__file__).parents[1] / "programme" / "files" / f"{CARD}.toml"
EVENTS, CARDS, WARM_UP = 40_000, 5_000, 5
TOGETHER = 1 + FOLLOWING
"""As central takes batches that queue up."""


def ingest_figures(folder: Path) -> list[Figure]:
    """Measure it, where there is a PostgreSQL."""
    programs = binaries()
    if programs is None:
        return [Figure(name="ingest alone", detail="not measured: PostgreSQL isn't installed")]
    key = Ed25519PrivateKey.generate()
    with Postgres(programs, durable=True) as postgres:
        floor_url = postgres.new()
        with _centre(folder / "floor", floor_url, key), _centre(folder / "ours", postgres.new(), key) as workshop:
            order = issue.Order(programme=CARD, count=CARDS)
            batches = list(_batches([issued.instrument for issued in issue.issue(workshop, order)]))
            received, floor, booked_s = _measure(workshop, key, batches, floor_url)
    count = TOGETHER * len(batches[0])
    rate, copied = count / statistics.median(received), count / statistics.median(floor)
    return [
        Goal(
            name="ingest alone / COPY of the same rows",
            measured=statistics.median(floor) / statistics.median(received),
            at_least=0.5,
            unit="×",
            detail=f"{rate:,.0f} events/s received, {EVENTS / booked_s:,.0f} booked; COPY {copied:,.0f}; batches of "
            f"{len(batches[0])}, {TOGETHER} at a time: received {spread(received)}; COPY {spread(floor)}",
        )
    ]


def _measure(
    workshop: Workshop, key: Ed25519PrivateKey, batches: list[list[Row]], floor_url: str
) -> tuple[list[float], list[float], float]:
    """Seconds for a few batches, by the handler and by COPY, in turns; and until all that was received was booked."""
    log = structlog.wrap_logger(structlog.ReturnLogger(), processors=[structlog.processors.JSONRenderer()])
    handler = Handler(workshop, log)
    with workshop.read() as work:
        device = devices.find(work.db, DEVICE)
        assert device is not None
        topic = device.address(work.tenant).up(Up.JOURNAL)
    received, floor = [], []
    with psycopg.connect(floor_url) as connection:
        connection.execute(_EPOCH, [DEVICE, EPOCH])
        for first in range(0, len(batches), TOGETHER):
            together = batches[first : first + TOGETHER]
            payloads = [encode_batch(DEVICE, rows, key) for rows in together]
            stored = [_as_stored(rows) for rows in together]
            started = time.perf_counter()
            handler.handle(topic, payloads[0], following=payloads[1:], may_put_off=True)
            received.append(time.perf_counter() - started)
            started = time.perf_counter()
            for events, places in stored:
                _copy(connection, "events", _EVENT_TYPES, events)
                _copy(connection, "rows", _ROW_TYPES, places)
                connection.commit()
            floor.append(time.perf_counter() - started)
    started = time.perf_counter()
    while handler.unbooked:
        handler.book_some()
    return received[WARM_UP:-1], floor[WARM_UP:-1], time.perf_counter() - started


_EPOCH = "INSERT INTO epochs (device, epoch, watermark_seq, watermark_hash) VALUES (%s, %s, 0, '')"
_EVENT_TYPES = ["text", "bytea", "text", "int8", "text", "text", "text", "text", "text"]
_ROW_TYPES = ["text", "text", "int8", "text", "text", "text"]


def _as_stored(rows: list[Row]) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """What central stores of rows: the events, and their places."""
    events: list[tuple[object, ...]] = []
    places: list[tuple[object, ...]] = []
    for row in rows:
        event = decode_event(row.event)
        named = (getattr(event.data, "programme", None), getattr(event.data, "instrument", None))
        at_us = to_us(event.ordered_at)
        events.append((str(event.event_id), row.event, event.source, at_us, event.type, *named, None, None))
        places.append((DEVICE, row.epoch, row.seq, row.hash.hex(), row.previous.hex(), str(event.event_id)))
    return events, places


def _copy(connection: psycopg.Connection, table: str, types: list[str], rows: list[tuple[object, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)".encode()) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


@contextmanager
def _centre(folder: Path, database: str, key: Ed25519PrivateKey) -> Iterator[Workshop]:
    """A new centre with a shop, a card programme and a box."""
    office.initialise(
        folder, tenant="t", broker="mqtt://127.0.0.1:1883", http_host="127.0.0.1", http_port=80, database=database
    )
    settings = load_central_settings(folder / "central.toml", {})
    with open_workshop(settings) as workshop:
        office.add_shop(workshop, Shop(shop=SHOP, name="Halles", time_zone="Europe/Paris", day_ends_at="03:00"))
        office.load_programme(workshop, PROGRAMME)
        public = b64(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        request = EnrolmentRequest(journal_key=public, software="benchmark")
        office.enrol(workshop, settings, request, device=DEVICE, shop=SHOP, till="1")
        yield workshop


def _batches(cards: list[str]) -> Iterator[list[Row]]:
    """A journal of earns and, one in four, redemptions, in parts as the outbox sends them."""
    rows: list[Row] = []
    size_bytes, previous = 0, GENESIS
    at = datetime.now(UTC) - timedelta(hours=1)
    for seq, data in enumerate(_operations(cards), start=1):
        at += timedelta(milliseconds=1)
        event = Event(
            event_id=uuid7(), source=DEVICE, occurred_at=at, ordered_at=at, clock=ClockState.SYNCED, data=data
        )
        row = make_row(epoch=EPOCH, seq=seq, previous=previous, event=encode_event(event))
        previous = row.hash
        size_bytes += len(row.event)
        if size_bytes > BATCH_BYTES:
            yield rows
            rows, size_bytes = [], len(row.event)
        rows.append(row)
    yield rows


def _operations(cards: list[str]) -> Iterator[EventData]:
    yield EpochOpened(epoch=EPOCH, reason=EpochReason.ENROLMENT)
    counter = Counter(shop=SHOP, till="1", business_day=datetime.now(UTC).date())
    evidence = Evidence(rules_version=1, trust=CodeTrust.SIGNED, replica_version=CARDS)
    for number in range(EVENTS - 1):
        card = cards[number * 7_919 % CARDS]
        if number % 4 == 3:
            yield Redeemed(
                programme=CARD, instrument=card, currency="EUR", amount_minor=50, counter=counter, evidence=evidence
            )
            continue
        yield Earned(
            programme=CARD,
            instrument=card,
            currency="EUR",
            amount_minor=100,
            basket_minor=2_000,
            counter=counter,
            evidence=evidence,
        )
