"""Power cuts under the journal: `python -m tests.torment.power [--cuts 100] [--kills 20] [--seed N]`.

On a loop device everywhere; in a virtual machine that is killed outright, where there can be one. The same cuts under
persist-queue's file queue must lose something, or they prove nothing. The last line is a summary; the exit code is 1
where anything acknowledged was lost.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.torment.disks import DiskUnavailable, LoopDisk
from tests.torment.guest import IN_GUEST, Guest, GuestUnavailable, python_in_guest
from tests.torment.witness import Tally, Witness

ROOT = Path(__file__).parents[2]
_PRODUCERS = (1, 4, 16)
_LONGEST_S = 0.05
_SPEAKS_WITHIN_S = 600.0
_MOST_LINES, _MOST_LINES_IN_GUEST = 400, 100
_PEER_CUTS, _PEER_KILLS = 5, 2
_BLOWS_PER_JOURNAL = 10
"""A journal lives through this many, and then another begins: looking at one takes longer the longer it is."""


@contextmanager
def on_a_disk() -> Iterator[tuple[LoopDisk, Path]]:
    """A disk, and the folder beside it for what must outlive it."""
    with tempfile.TemporaryDirectory(prefix="torment-", dir="/var/tmp") as name:
        folder = Path(name)
        with LoopDisk(folder / "image", folder / "disk") as disk:
            yield disk, folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a blow falls.

    Attributes:
        after_lines: The writer has said so many.
        after_s: And so long ago.
    """

    after_lines: int
    after_s: float

    @classmethod
    def by(cls, chance: random.Random, *, most_lines: int) -> Moment:
        """Some moment."""
        return cls(after_lines=chance.randrange(1, most_lines), after_s=chance.random() * _LONGEST_S)

    def wait(self, writer: subprocess.Popen[str], log: Path) -> list[str]:
        """Wait for it, and return what the writer said until then.

        Raises:
            RuntimeError: The writer ended by itself, or is silent for too long.
        """
        assert writer.stdout is not None
        alarm = threading.Timer(_SPEAKS_WITHIN_S, writer.kill)
        alarm.start()
        said = [writer.stdout.readline() for _ in range(self.after_lines)]
        alarm.cancel()
        if not all(said):
            raise RuntimeError(f"the writer ended by itself: {log.read_text(encoding='utf-8')[-500:]}")
        time.sleep(self.after_s)
        return said


def cut_under(disk: LoopDisk, command: list[str], moment: Moment, *, log: Path) -> list[str]:
    """Let a writer work, cut the power, and mount the disk again.

    Returns:
        What the writer said; the last line may be cut.
    """
    with log.open("ab") as output, _started(command, output) as writer:
        assert writer.stdout is not None
        said = moment.wait(writer, log)
        disk.cut_power_under(writer.pid)
        writer.kill()
        said += writer.stdout.readlines()
    disk.unmount()
    disk.mount()
    return said


def kill_under(disk: LoopDisk, guest: Guest, command: list[str], moment: Moment) -> list[str]:
    """Let a writer work in a virtual machine, kill that, and mount its disk here.

    Returns:
        What the writer said; the last line may be cut.
    """
    disk.unmount()
    with guest.start(command, cwd=ROOT) as writer:
        assert writer.stdout is not None
        said = moment.wait(writer, guest.log)
        writer.kill()
        said += writer.stdout.readlines()
    guest.keep()
    disk.mount()
    return said


def power_cuts(rounds: int, chance: random.Random) -> Tally:
    """Cut the power under the journal.

    Raises:
        DiskUnavailable: Not on this machine.
    """
    tally = Tally()
    for first in range(0, rounds, _BLOWS_PER_JOURNAL):
        with on_a_disk() as (disk, folder):
            witness = Witness(path=disk.root / "journal.sqlite")
            witness.create()
            for _ in range(min(_BLOWS_PER_JOURNAL, rounds - first)):
                arguments = str(witness.path), *witness.keys, str(chance.choice(_PRODUCERS))
                command = [sys.executable, "-m", "tests.torment.writer", *arguments]
                moment = Moment.by(chance, most_lines=_MOST_LINES)
                tally += witness.judge(cut_under(disk, command, moment, log=folder / "writer.log"))
    return tally


def guest_kills(rounds: int, chance: random.Random) -> Tally:
    """Kill a virtual machine while it writes the journal.

    Raises:
        DiskUnavailable, GuestUnavailable: Not on this machine.
    """
    tally = Tally()
    for first in range(0, rounds, _BLOWS_PER_JOURNAL):
        with on_a_disk() as (disk, folder):
            guest = Guest(folder, disk)
            witness = Witness(path=disk.root / "journal.sqlite")
            witness.create()
            for _ in range(min(_BLOWS_PER_JOURNAL, rounds - first)):
                arguments = f"{IN_GUEST}/journal.sqlite", *witness.keys, str(chance.choice(_PRODUCERS))
                command = python_in_guest("tests.torment.writer", *arguments)
                moment = Moment.by(chance, most_lines=_MOST_LINES_IN_GUEST)
                tally += witness.judge(kill_under(disk, guest, command, moment))
    return tally


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerTally:
    """What the same blows did to a queue that doesn't sync."""

    told: int = 0
    lost: int = 0

    def __add__(self, other: PeerTally) -> PeerTally:
        return PeerTally(told=self.told + other.told, lost=self.lost + other.lost)

    def __str__(self) -> str:
        return f"persist-queue's file queue lost {self.lost} of {self.told}"


def peer_cuts(rounds: int, chance: random.Random) -> PeerTally:
    """Cut the power under persist-queue's file queue, a new one each time."""
    tally = PeerTally()
    for _ in range(rounds):
        with on_a_disk() as (disk, folder):
            queue = str(disk.root / "queue")
            command = [sys.executable, "-m", "tests.torment.peer", "write", queue]
            moment = Moment.by(chance, most_lines=_MOST_LINES)
            tally += _peer_tally(queue, cut_under(disk, command, moment, log=folder / "writer.log"))
    return tally


def peer_kills(rounds: int, chance: random.Random) -> PeerTally:
    """Kill a virtual machine while it writes persist-queue's file queue, a new one each time."""
    tally = PeerTally()
    for _ in range(rounds):
        with on_a_disk() as (disk, folder):
            command = python_in_guest("tests.torment.peer", "write", f"{IN_GUEST}/queue")
            moment = Moment.by(chance, most_lines=_MOST_LINES_IN_GUEST)
            said = kill_under(disk, Guest(folder, disk), command, moment)
            tally += _peer_tally(str(disk.root / "queue"), said)
    return tally


def _peer_tally(queue: str, said: Sequence[str]) -> PeerTally:
    told = {line.strip() for line in said if line.endswith("\n")}
    # A queue that can't be opened any more has lost everything.
    read = [sys.executable, "-m", "tests.torment.peer", "read", queue]
    done = subprocess.run(read, cwd=ROOT, capture_output=True, text=True, check=False)
    return PeerTally(told=len(told), lost=len(told - set(done.stdout.split())))


def _started(command: list[str], log: IO[bytes]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)


def main(arguments: list[str]) -> int:
    """Run it all; 1 where something was lost, or where the peer lost nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.torment.power", description="Power cuts under the journal.")
    parser.add_argument("--cuts", type=int, default=100, help="on a loop device")
    parser.add_argument("--kills", type=int, default=20, help="of a virtual machine")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args(arguments)
    # Who ends this early finds nothing left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _report(f"seed {options.seed}")
    chance = random.Random(options.seed)
    try:
        cuts, peer = power_cuts(options.cuts, chance), peer_cuts(_PEER_CUTS, chance)
    except DiskUnavailable as error:
        _report(f"nothing was tried: {error}")
        return 2
    _report(f"on a loop device: {cuts}; {peer}")
    kills, killed_peer = _kills(options.kills, chance)
    _report(f"{options.cuts} power cuts and {kills.rounds} killed machines: {cuts + kills}; {peer + killed_peer}")
    proven = peer.lost and (killed_peer.lost or not kills.rounds)
    return 0 if (cuts + kills).holds and proven else 1


def _kills(rounds: int, chance: random.Random) -> tuple[Tally, PeerTally]:
    try:
        kills, peer = guest_kills(rounds, chance), peer_kills(_PEER_KILLS if rounds else 0, chance)
    except GuestUnavailable as error:
        _report(f"no virtual machine was killed, the loop device decides: {error}")
        return Tally(), PeerTally()
    _report(f"in a virtual machine: {kills}; {peer}")
    return kills, peer


def _report(line: str) -> None:
    print(f"power-test: {line}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
