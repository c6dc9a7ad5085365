"""A fleet whose broker dies: everybody comes back at once, with rows to send; each arrives once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.fleet import enrol
from hardware_sim.fleet import Member, VirtualFleet
from hardware_sim.town import CARD, VirtualTown
from tests.e2e.places import short_folder

_CARDS = 20
_WITHIN_S = 240.0
EARNS = 2
"""Rows of each box, sent while there is no broker and again at its return; the first of its journal apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """What came of it.

    Attributes:
        sent: Rows of all boxes.
        acknowledged: To their boxes.
        booked: Different events at central.
        twice: Events that are there more than once.
    """

    boxes: int
    sent: int
    acknowledged: int
    booked: int
    twice: int

    @property
    def holds(self) -> bool:
        """Whether each row arrived once."""
        return self.sent == self.acknowledged == self.booked and not self.twice

    def __str__(self) -> str:
        return (
            f"{self.boxes} boxes back at once, {self.sent} rows sent, "
            f"{self.sent - self.acknowledged} not acknowledged, {self.sent - self.booked} not booked, "
            f"{self.twice} twice"
        )


class Storm:
    """A town without shops, and a fleet of boxes enrolled there."""

    def __init__(self, town: VirtualTown, members: list[Member], cards: list[str]) -> None:
        self._town = town
        self._members = members
        self._cards = cards

    async def blow(self) -> Landed:
        """Connect all, kill the broker, let them work on, bring it back."""
        fleet = VirtualFleet(self._members, programme=CARD, instruments=self._cards)
        with contextlib.closing(fleet):
            await self._suffer(fleet)
        ((events, ids),) = self._town.ask(
            "SELECT count(*), count(DISTINCT event_id) FROM events WHERE source LIKE 'virtual-%'"
        )
        sent = len(fleet.boxes) * (EARNS + 1)
        return Landed(
            boxes=len(fleet.boxes),
            sent=sent,
            acknowledged=sum(len(box.booked_after_s) for box in fleet.boxes),
            booked=ids,
            twice=events - ids,
        )

    async def _suffer(self, fleet: VirtualFleet) -> None:
        async with asyncio.timeout(_WITHIN_S):
            await fleet.connect(self._town.broker.port)
            await fleet.settled()
            self._town.broker.kill()
            for box in fleet.boxes:
                for _ in range(EARNS):
                    box.earn()
            self._town.broker.start()
            await fleet.reconnect(self._town.broker.port)
            await fleet.settled()


@contextlib.contextmanager
def a_storm(boxes: int) -> Iterator[Storm]:
    """A centre with so many boxes enrolled, and nobody connected yet."""
    with short_folder() as folder, VirtualTown(folder) as town:
        town.office("shop", "add", "halles", "--name", "Librairie des Halles")
        cards = [card.instrument for card in town.issue(CARD, _CARDS)]
        members = enrol(town, boxes)
        town.start_central()
        yield Storm(town, members, cards)
