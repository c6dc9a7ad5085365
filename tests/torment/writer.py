"""Writes a journal for ever and says what is on disk: `python -m tests.torment.writer JOURNAL KEY PRODUCERS`.

Each producer submits an event, waits for its future, and only then says its id on standard output, a line in one write.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid_utils.compat import uuid7

from programme.events import Earned, Event
from sync.clock import LinuxClock
from sync.journal import Journal, Transaction
from tests.sync.boxes import BOX, earned

_CARDS = 50
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


def main(arguments: list[str]) -> int:
    """Write until killed, or until the disk fails."""
    path, key, producers = arguments
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key))
    journal = Journal.open(Path(path), device=BOX, key=private, clock=LinuxClock())
    threads = [threading.Thread(target=produce, args=(journal, number)) for number in range(int(producers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
