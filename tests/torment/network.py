"""Every fault of a network, under load: `python -m tests.torment.network [--rounds 100] [--boxes 500] [--seed N]`.

Several clerks keep one box busy while its way to broker and centre is slow, one-way, frozen, cut, broken off inside a
packet, or brings messages twice and in another order. In the end every operation is booked exactly once, and nothing
else is. Then a fleet of boxes loses its broker, and all of them come back at once. The last line is a summary; the exit
code is 1 where something was lost or happened twice.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from hardware_sim.errors import SimulatorError
from hardware_sim.programs import until
from hardware_sim.town import CARD
from tests.e2e.places import Town, a_town
from tests.torment.clerks import Told, at_work
from tests.torment.reckoning import Pages, Reckoning, reckon
from tests.torment.storm import a_storm

_CARDS = 40
_LONGEST_S = 1.5
"""How long bad weather lasts at most."""
_SETTLES_WITHIN_S = 180.0
_REPORT_EVERY = 10
_LINKS = ("broker-link", "central-link")
FINE: dict[str, Any] = {}


class Weather:
    """What the network may do next."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def kinds(self) -> dict[str, dict[str, Any]]:
        """Conditions by name, their details by chance."""
        draw = self._chance
        return {
            "slow": {"delay_s": draw.uniform(0.04, 0.3), "bits_per_s": draw.choice([64_000, 512_000])},
            "deaf": {"swallows": "down"},
            "mute": {"swallows": "up"},
            "breaking": {"breaks_after_bytes": draw.randrange(1, 40_000)},
            "repeating": {"repeats_every": draw.randrange(1, 4)},
            "swapping": {"swaps_every": draw.randrange(2, 5), "repeats_every": draw.randrange(2, 5)},
        }


class Ordeal:
    """One box under load, and what happens to its network.

    Attributes:
        suffered: How often each fault came.
    """

    def __init__(self, town: Town, chance: random.Random) -> None:
        self.suffered: Counter[str] = Counter()
        self._town = town
        self._shop = town.a
        self._chance = chance
        self._weather = Weather(chance)
        self._told = Told()
        self._pages = Pages(path=town.a.journal)
        self._cards = town.virtual.issue(CARD, _CARDS)

    def suffer(self, rounds: int, report: Callable[[str], None]) -> Reckoning:
        """Let the clerks work through so many rounds.

        Raises:
            SimulatorError: The box doesn't come back, or a clerk gets no answer.
        """
        self._town.settle()
        kinds = [*self._weather.kinds(), "cut", "frozen"]
        with at_work(self._shop, self._cards, self._told, self._chance):
            for number in range(rounds):
                self._round(kinds[number % len(kinds)])
                if (number + 1) % _REPORT_EVERY == 0:
                    report(f"{number + 1} rounds, {len(self._told.accepted)} operations acknowledged")
        until(self._is_booked, what="everything to be booked", within_s=_SETTLES_WITHIN_S)
        self._town.settle()
        return reckon(self._town, self._told, self._pages, self._cards)

    def _round(self, kind: str) -> None:
        self.suffered[kind] += 1
        if self._chance.random() < 0.7:
            # Else one fault follows the other before the box is back.
            until(lambda: self._shop.status()["link"]["up"], what="the link", within_s=_SETTLES_WITHIN_S)
        for name in _LINKS:
            twin = self._shop.twin(name)
            match kind:
                case "cut":
                    twin.do("cut")
                case "frozen":
                    twin.do("freeze")
                case _:
                    twin.do("suffer", **self._weather.kinds()[kind])
        time.sleep(self._chance.uniform(0.1, _LONGEST_S))
        for name in _LINKS:
            self._shop.twin(name).do("suffer", **FINE)
            self._shop.twin(name).do("restore")

    def _is_booked(self) -> bool:
        status = self._shop.status()
        return status["link"]["up"] and not status["queue"]["unbooked_rows"]


@contextlib.contextmanager
def an_ordeal(seed: int) -> Iterator[Ordeal]:
    """A town for it."""
    with a_town() as town:
        yield Ordeal(town, random.Random(seed))


def main(arguments: list[str]) -> int:
    """Run it all; 1 where something was lost or happened twice."""
    parser = argparse.ArgumentParser(prog="python -m tests.torment.network", description="Every fault of a network.")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--boxes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args(arguments)
    _report(f"seed {options.seed}")
    try:
        with an_ordeal(options.seed) as ordeal:
            reckoning = ordeal.suffer(options.rounds, _report)
        _report(f"{options.boxes} boxes lose their broker, and come back at once")
        with a_storm(options.boxes) as prepared:
            storm = asyncio.run(prepared.blow())
    except SimulatorError as error:
        _report(f"broken off: {error}")
        return 1
    for fault in reckoning.faults:
        _report(fault)
    suffered = ", ".join(f"{name} {count}" for name, count in ordeal.suffered.items())
    _report(f"{options.rounds} rounds ({suffered}), {reckoning}; {storm}")
    return 0 if reckoning.holds and storm.holds else 1


def _report(line: str) -> None:
    print(f"network-test: {line}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
