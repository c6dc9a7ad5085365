"""Opening a journal of a million rows, beside opening the same file and reading its last row."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.figures import Goal, spread
from sync.clock import LinuxClock
from sync.journal import Journal
from tests.sync.grown import DEVICE, grown_journal

ROWS = 1_000_250
ROUNDS = 9


def opening_goal(folder: Path) -> Goal:
    """Open it again and again; its last day has 250 rows, which are verified."""
    folder.mkdir(parents=True, exist_ok=True)
    path, key = folder / "journal.sqlite", Ed25519PrivateKey.generate()
    grown_journal(path, key, ROWS)
    opened, floor = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        Journal.open(path, device=DEVICE, key=key, clock=LinuxClock()).close()
        opened.append(time.perf_counter() - started)
        started = time.perf_counter()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("SELECT * FROM rows ORDER BY position DESC LIMIT 1").fetchall()
        floor.append(time.perf_counter() - started)
    return Goal(
        name=f"opening a journal of {ROWS:,} rows, worst of {ROUNDS}",
        measured=max(opened),
        at_most=1.0,
        unit="s",
        detail=f"open, verify and close {spread(opened)}; open the file and read its last row {spread(floor)}; "
        f"{path.stat().st_size / 1e6:.0f} MB",
    )
