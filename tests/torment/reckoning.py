"""Whether everything that a counter acknowledged happened exactly once, and nothing else did."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from hardware_sim.programs import run_once
from hardware_sim.town import Issued
from tests.e2e.places import Town, ask
from tests.torment.clerks import Told

_ROWS = "SELECT position, previous, hash, lower(hex(event_id)), type FROM rows WHERE position > {} ORDER BY position"
_OPERATIONS = {"comptoir.earned.v1", "comptoir.redeemed.v1", "comptoir.voided.v1"}


@dataclass(slots=True, kw_only=True)
class Pages:
    """What was seen in a box's journal so far, read beside the box.

    Attributes:
        operations: Ids of what was done at the counter.
        rows: Ids of all events, in order.
        torn: Rows that don't follow the one before.
    """

    path: Path
    operations: set[str] = field(default_factory=set)
    rows: list[str] = field(default_factory=list)
    torn: int = 0
    _position: int = 0
    _hash: bytes | None = None

    def read_on(self) -> None:
        """Read what is new."""
        for position, previous, digest, bare_id, kind in ask(self.path, _ROWS.format(self._position)):
            self.torn += position != self._position + 1 or self._hash not in (None, previous)
            self._position, self._hash = position, digest
            event_id = str(UUID(hex=bare_id))
            self.rows.append(event_id)
            if kind in _OPERATIONS:
                self.operations.add(event_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """How far what happened is from what was acknowledged.

    Attributes:
        missing: Acknowledged operations that aren't in the journal.
        unbooked: Rows of the journal that central hasn't booked.
        twice: Events that are in the journal twice.
        unasked: Operations that nobody was told of, or that were refused.
        faults: Whatever else is wrong, for a person.
    """

    acknowledged: int
    missing: int
    unbooked: int
    twice: int
    unasked: int
    faults: Sequence[str]

    @property
    def holds(self) -> bool:
        """Whether every operation happened exactly once."""
        return not (self.missing or self.unbooked or self.twice or self.unasked or self.faults)

    def __str__(self) -> str:
        return (
            f"{self.acknowledged} operations acknowledged, {self.missing} missing from the journal, "
            f"{self.unbooked} not booked, {self.twice} twice, {self.unasked} unasked, {len(self.faults)} other faults"
        )


def reckon(town: Town, told: Told, pages: Pages, cards: Sequence[Issued]) -> Reckoning:
    """Compare what was told with the journal, central's events, its books, and what the counter shows; all is settled.

    Args:
        cards: Where all operations were.
    """
    pages.read_on()
    accepted = set(told.accepted)
    return Reckoning(
        acknowledged=len(accepted),
        missing=len(accepted - pages.operations),
        unbooked=len(set(pages.rows) - {str(event_id) for event_id in town.booked()}),
        twice=len(pages.rows) - len(set(pages.rows)),
        unasked=len(pages.operations - accepted) + len(told.refused & pages.operations),
        faults=[*told.unexpected, *_faults(town, told, pages, cards)],
    )


def _faults(town: Town, told: Told, pages: Pages, cards: Sequence[Issued]) -> Iterator[str]:
    if pages.torn:
        yield f"{pages.torn} rows don't follow the one before"
    run_once("gateway.cli", ["journal", "verify", "--config", str(town.a.settings)])
    books = json.loads(town.virtual.office("books", "--json"))
    if not books["books_balance"]:
        yield f"the books don't balance: {books}"
    due = told.balances_minor()
    for card in cards:
        shown = town.a.counter.post("/v1/scans", {"code": card.token, "device": "till"}).body
        if shown["spendable_minor"] != due.get(card.instrument, 0):
            yield f"card {card.instrument} shows {shown}, and {due.get(card.instrument, 0)} were told"
