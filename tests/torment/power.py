"""Power cuts under the journal: `python -m tests.torment.power [--cuts 100] [--kills 20] [--seed N]`.

On a loop device everywhere; in a virtual machine that is killed outright, where there can be one. The same cuts under
persist-queue's file queue must lose something, or they prove nothing. The last line is a summary; the exit code is 1
where anything acknowledged was lost.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.torment.disks import DiskUnavailable, LoopDisk
from tests.torment.witness import Tally, Witness

ROOT = Path(__file__).parents[2]
_PRODUCERS = (1, 4, 16)
_LONGEST_S = 0.05
_MOST_FIRST = 400
_CUTS_PER_JOURNAL = 10
"""A journal lives through this many, and then another begins: looking at one takes longer the longer it is."""


class Cut(Enum):
    """What the writer does while the power goes."""

    STOPPED = "stopped"
    """It was stopped before: whatever it said is before the cut."""
    WRITING = "writing"
    """It goes on against a device that takes nothing any more, and must not say that it does."""


@contextmanager
def on_a_disk() -> Iterator[tuple[LoopDisk, Path]]:
    """A disk, and the folder beside it for what must outlive it."""
    with tempfile.TemporaryDirectory(prefix="torment-", dir="/var/tmp") as name:
        folder = Path(name)
        with LoopDisk(folder / "image", folder / "disk") as disk:
            yield disk, folder


def cut_under(
    disk: LoopDisk, command: list[str], cut: Cut, *, log: Path, after_lines: int, after_s: float
) -> list[str]:
    """Let a writer work, cut the power, and mount the disk again.

    Returns:
        What the writer said; the last line may be cut.
    """
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=output, text=True
        ) as writer,
    ):
        assert writer.stdout is not None
        said = [writer.stdout.readline() for _ in range(after_lines)]
        time.sleep(after_s)
        if cut is Cut.STOPPED:
            writer.send_signal(signal.SIGSTOP)
            # Until the last thread stands still: one within fsync ends that first.
            os.waitpid(writer.pid, os.WUNTRACED)
        disk.cut_power()
        if cut is Cut.WRITING:
            time.sleep(after_s)
        writer.kill()
        said += writer.stdout.readlines()
    if not all(said[:after_lines]):
        raise RuntimeError(f"the writer ended by itself: {log.read_text(encoding='utf-8')[-500:]}")
    disk.unmount()
    disk.mount()
    return said


def power_cuts(rounds: int, chance: random.Random) -> Tally:
    """Cut the power under the journal.

    Raises:
        DiskUnavailable: Not on this machine.
    """
    tally = Tally()
    for first in range(0, rounds, _CUTS_PER_JOURNAL):
        with on_a_disk() as (disk, folder):
            witness = Witness(path=disk.root / "journal.sqlite")
            witness.create()
            for _ in range(min(_CUTS_PER_JOURNAL, rounds - first)):
                command = ["tests.torment.writer", str(witness.path), witness.key_text, str(chance.choice(_PRODUCERS))]
                said = cut_under(
                    disk,
                    command,
                    chance.choice(list(Cut)),
                    log=folder / "writer.log",
                    after_lines=chance.randrange(1, _MOST_FIRST),
                    after_s=chance.random() * _LONGEST_S,
                )
                tally += witness.judge(said)
    return tally


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerTally:
    """What the same cuts did to a queue that doesn't sync."""

    told: int
    lost: int

    def __str__(self) -> str:
        return f"persist-queue's file queue lost {self.lost} of {self.told}"


def peer_cuts(rounds: int, chance: random.Random) -> PeerTally:
    """Cut the power under persist-queue's file queue, a new one each time."""
    told: set[str] = set()
    found: set[str] = set()
    for _ in range(rounds):
        with on_a_disk() as (disk, folder):
            queue = str(disk.root / "queue")
            said = cut_under(
                disk,
                ["tests.torment.peer", "write", queue],
                Cut.STOPPED,
                log=folder / "writer.log",
                after_lines=chance.randrange(1, _MOST_FIRST),
                after_s=chance.random() * _LONGEST_S,
            )
            told |= {line.strip() for line in said if line.endswith("\n")}
            # A queue that can't be opened any more has lost everything.
            read = [sys.executable, "-m", "tests.torment.peer", "read", queue]
            done = subprocess.run(read, cwd=ROOT, capture_output=True, text=True, check=False)
            found |= set(done.stdout.split())
    return PeerTally(told=len(told), lost=len(told - found))


def main(arguments: list[str]) -> int:
    """Run it all; 1 where something was lost, or where the peer lost nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.torment.power", description="Power cuts under the journal.")
    parser.add_argument("--cuts", type=int, default=100, help="on a loop device")
    parser.add_argument("--peer-cuts", type=int, default=5, help="under persist-queue's file queue")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args(arguments)
    print(f"power-test: seed {options.seed}", flush=True)
    chance = random.Random(options.seed)
    try:
        cuts = power_cuts(options.cuts, chance)
        print(f"power-test: on a loop device: {cuts}", flush=True)
        peer = peer_cuts(options.peer_cuts, chance)
    except DiskUnavailable as error:
        print(f"power-test: nothing was tried: {error}")
        return 2
    print(f"power-test: {cuts}; {peer}")
    return 0 if cuts.holds and peer.lost else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
