"""SIGKILL at any moment, under load: `python -m tests.torment.crash [--rounds 300] [--seed N]`.

Several clerks keep one box busy. Each round kills the box at some moment, and, in turn, the broker, the centre or
PostgreSQL beside it, a little before or after. At once whatever was acknowledged must be in the box's journal; in the
end every operation is booked exactly once, and nothing else is. The last line is a summary; the exit code is 1 where
something was lost or happened twice.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from hardware_sim.errors import SimulatorError
from hardware_sim.postgres import Postgres, binaries
from hardware_sim.programs import until
from hardware_sim.town import CARD
from tests.e2e.places import Town, a_town
from tests.torment.clerks import Told, at_work
from tests.torment.reckoning import Pages, Reckoning, reckon

_CARDS = 60
_LONGEST_S = 0.8
"""How long a round lasts at most before it kills."""
_APART_S = 0.1
"""How far its two kills are apart at most."""
_SETTLES_WITHIN_S = 180.0
"""Who was refused by a dead broker again and again waits a minute before the next try."""
_REPORT_EVERY = 20
_LAST_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A program that dies and comes back."""

    kill: Callable[[], None]
    revive: Callable[[], None]


class Ordeal:
    """One town under load, and what happens to it.

    Attributes:
        killed: How often each program was.
    """

    def __init__(self, town: Town, postgres: Postgres | None, chance: random.Random) -> None:
        self.killed: Counter[str] = Counter()
        self._town = town
        self._shop = town.a
        self._chance = chance
        self._told = Told()
        self._pages = Pages(path=town.a.journal)
        self._missing: set[str] = set()
        virtual = town.virtual
        self._cards = virtual.issue(CARD, _CARDS)
        self._victims = {
            "box": Victim(kill=self._shop.gateway.kill, revive=self._shop.open),
            "broker": Victim(kill=virtual.broker.kill, revive=virtual.broker.start),
            "central": Victim(kill=virtual.central.kill, revive=self._revive_central),
        }
        if postgres is not None:
            self._victims["postgresql"] = Victim(kill=postgres.kill, revive=postgres.start)

    def suffer(self, rounds: int, report: Callable[[str], None]) -> Reckoning:
        """Let the clerks work through so many rounds.

        Raises:
            SimulatorError: A program doesn't come back, or a clerk gets no answer.
        """
        self._town.settle()
        beside = [name for name in self._victims if name != "box"]
        with at_work(self._shop, self._cards, self._told, self._chance):
            for number in range(rounds):
                self._round(beside[number % len(beside)])
                if (number + 1) % _REPORT_EVERY == 0:
                    report(f"{number + 1} rounds, {len(self._told.accepted)} operations acknowledged")
        until(self._is_booked, what="everything to be booked", within_s=_SETTLES_WITHIN_S)
        self._town.settle()
        reckoning = reckon(self._town, self._told, self._pages, self._cards)
        missing = self._missing | (set(self._told.accepted) - self._pages.operations)
        put_off = [f"{self._told.put_off} times the counter couldn't record"] if self._told.put_off else []
        return replace(reckoning, missing=len(missing), faults=[*reckoning.faults, *put_off])

    def _round(self, other: str) -> None:
        if self._chance.random() < 0.7:
            # Else it dies while it is still on its own.
            until(self._is_heard, what="the centre to hear the box", within_s=_SETTLES_WITHIN_S)
        time.sleep(self._chance.random() * _LONGEST_S)
        dying = ["box", other]
        self._chance.shuffle(dying)
        for name in dying:
            self._victims[name].kill()
            self.killed[name] += 1
            time.sleep(self._chance.random() * _APART_S)
        self._look()
        # What central needs comes before central; the box comes before or after all of them.
        order = [*(name for name in ("postgresql", "broker") if name == other), "central"]
        order.insert(self._chance.choice([0, len(order)]), "box")
        for name in order:
            self._victims[name].revive()

    def _look(self) -> None:
        """While the box is dead: what it acknowledged is on its disk."""
        told = set(self._told.accepted)
        self._pages.read_on()
        self._missing |= told - self._pages.operations

    def _revive_central(self) -> None:
        if not self._town.virtual.central.running:
            self._town.virtual.start_central()

    def last_words(self) -> Iterator[str]:
        """Where to begin looking when something doesn't come back."""
        for log in (self._town.virtual.central.log, self._shop.gateway.log):
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            yield from (f"{log.name}: {line}" for line in lines[-_LAST_LINES:])

    def _is_heard(self) -> bool:
        """Since its last start."""
        return self._shop.status()["link"]["last_ack_at"] is not None

    def _is_booked(self) -> bool:
        status = self._shop.status()
        return status["link"]["up"] and not status["queue"]["unbooked_rows"]


@contextlib.contextmanager
def an_ordeal(seed: int) -> Iterator[Ordeal]:
    """A town for it, on PostgreSQL where that is installed."""
    with contextlib.ExitStack() as stack:
        programs = binaries()
        postgres = stack.enter_context(Postgres(programs)) if programs is not None else None
        town = stack.enter_context(a_town(database=postgres.new() if postgres is not None else None))
        yield Ordeal(town, postgres, random.Random(seed))


def main(arguments: list[str]) -> int:
    """Run it all; 1 where something was lost or happened twice."""
    parser = argparse.ArgumentParser(prog="python -m tests.torment.crash", description="SIGKILL at any moment.")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args(arguments)
    # Who ends this early finds nothing left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _report(f"seed {options.seed}")
    if binaries() is None:
        _report("PostgreSQL is not installed (apt install postgresql): the centre's database is SQLite")
    with an_ordeal(options.seed) as ordeal:
        try:
            reckoning = ordeal.suffer(options.rounds, _report)
        except SimulatorError as error:
            for line in ordeal.last_words():
                _report(line)
            _report(f"broken off: {error}")
            return 1
    for fault in reckoning.faults:
        _report(fault)
    killed = ", ".join(f"{name} {count}" for name, count in ordeal.killed.items())
    _report(f"{options.rounds} rounds (killed: {killed}), {reckoning}")
    return 0 if reckoning.holds else 1


def _report(line: str) -> None:
    print(f"crash-test: {line}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
