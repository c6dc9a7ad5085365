"""The floor of a drain: a queue in SQLite, zstd, a broker, a commit in PostgreSQL, an acknowledgement, a deletion.

Run as `python -m benchmarks.bare_drain centre PORT DATABASE` beside `… box PORT QUEUE BATCH`, which prints the seconds
that it took.
"""

from __future__ import annotations

import queue
import socket
import sqlite3
import sys
import threading
import time
from pathlib import Path

import msgspec
import paho.mqtt.client as paho
import psycopg
import zstandard
from paho.mqtt.enums import CallbackAPIVersion

WINDOW_BATCHES = 4
ZSTD_LEVEL = 3
UP, ACK = "bare/up", "bare/ack"


def fill(path: Path, events: list[bytes]) -> None:
    """Make a queue."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE queue (id INTEGER PRIMARY KEY, event BLOB NOT NULL)")
    connection.executemany("INSERT INTO queue (event) VALUES (?)", [(event,) for event in events])
    connection.commit()
    connection.close()


def connect(port: int, topic: str, received: queue.SimpleQueue[bytes]) -> paho.Client:
    """A connected client that puts what comes on a topic into a queue."""
    subscribed = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(20)
    client.on_socket_open = _send_at_once
    client.on_message = lambda _client, _data, message: received.put(bytes(message.payload))
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", port)
    client.subscribe(topic, qos=1)
    client.loop_start()
    subscribed.wait()
    return client


def _send_at_once(_client: paho.Client, _data: object, opened: object) -> None:
    assert isinstance(opened, socket.socket)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def run_centre(port: int, database: str) -> None:
    """Commit each batch, and acknowledge it."""
    received: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bare (id bigint PRIMARY KEY, event bytea NOT NULL)")
        connection.execute("TRUNCATE bare")
        connection.commit()
        client = connect(port, UP, received)
        print("ready", flush=True)
        decompressor = zstandard.ZstdDecompressor()
        while True:
            first, events = msgspec.json.decode(decompressor.decompress(received.get()), type=tuple[int, list[str]])
            with connection.cursor() as cursor, cursor.copy("COPY bare (id, event) FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(["int8", "bytea"])
                for number, event in enumerate(events, start=first):
                    copy.write_row((number, event.encode()))
            connection.commit()
            client.publish(ACK, str(first + len(events) - 1), qos=1)


def run_box(port: int, path: Path, batch: int) -> None:
    """Send all, a few batches at a time, and delete what is acknowledged."""
    received: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    (last,) = connection.execute("SELECT max(id) FROM queue").fetchone()
    client = connect(port, ACK, received)
    started = time.perf_counter()
    sent = acknowledged = 0
    while acknowledged < last:
        while sent < last and sent - acknowledged < WINDOW_BATCHES * batch:
            query = "SELECT event FROM queue WHERE id > ? ORDER BY id LIMIT ?"
            events = [event.decode() for (event,) in connection.execute(query, (sent, batch))]
            client.publish(UP, zstandard.compress(msgspec.json.encode((sent + 1, events)), ZSTD_LEVEL), qos=1)
            sent += len(events)
        acknowledged = int(received.get())
        connection.execute("DELETE FROM queue WHERE id <= ?", (acknowledged,))
    print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "centre":
        run_centre(int(sys.argv[2]), sys.argv[3])
    else:
        run_box(int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
