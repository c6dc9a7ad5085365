"""Writes a journal for ever: `python -m tests.torment.writer JOURNAL KEY CENTRAL_KEY PRODUCERS`.

Each producer submits an event, waits for its future, and only then says its id on standard output, a line in one write.
Beside them all is booked again and again, as far as it goes, and moves to archives.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid_utils.compat import uuid7

from programme.events import Earned, Event
from sync.clock import LinuxClock
from sync.journal import Journal, Transaction
from sync.wire import Ack, Head, sign_message
from tests.sync.boxes import BOX, CENTRAL_KEY_ID, NOON, earned

HEADS = {"card": Head(generation=1, version=1)}
"""What the box's replica is, and central's registry."""
_CARDS = 50
_LATER = NOON + timedelta(days=40)
_ROWS_IN_FILE = 40
_BOOKS_EVERY_S = 0.02
_TOLD_BY = 1
"""File descriptor."""


def operation(event_id: UUID, data: Earned, tx: Transaction) -> Event:
    """An operation with a receipt to print, as the counter records it."""
    event = tx.append(event_id, data)
    tx.add_job("print", event_id, b"receipt")
    return event


def produce(journal: Journal, producer: int) -> None:
    """Write for ever, one event after the other."""
    for number in itertools.count():
        event_id, data = uuid7(), earned(instrument=f"k{(producer + number) % _CARDS}")
        journal.submit(lambda tx, event_id=event_id, data=data: operation(event_id, data, tx)).result()  # type: ignore[misc]
        os.write(_TOLD_BY, f"{event_id}\n".encode())


def book(journal: Journal, central_key: Ed25519PrivateKey) -> None:
    """Acknowledge what is there, as central does, and archive it, for ever."""
    while True:
        head = journal.head
        assert head is not None
        ack = Ack(device=BOX, generation=1, epoch=head.epoch, seq=head.seq, hash=head.hash, time=NOON, heads=HEADS)
        signed = sign_message(ack, context="ack", key_id=CENTRAL_KEY_ID, key=central_key)
        journal.acknowledge(ack, signed.decode())
        journal.archive(before=_LATER, rows_in_file=_ROWS_IN_FILE)
        time.sleep(_BOOKS_EVERY_S)


def main(arguments: list[str]) -> int:
    """Write until killed, or until the disk fails."""
    path, *keys, producers = arguments
    key, central_key = (Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text)) for text in keys)
    journal = Journal.open(Path(path), device=BOX, key=key, clock=LinuxClock())
    threads = [threading.Thread(target=produce, args=(journal, number)) for number in range(int(producers))]
    threads.append(threading.Thread(target=book, args=(journal, central_key)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
