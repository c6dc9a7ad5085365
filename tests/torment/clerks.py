"""Clerks at one counter: each asks for one thing after another, and repeats what got no answer until it has one."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from hardware_sim.counter_client import Json, Reply
from hardware_sim.errors import StoryError
from hardware_sim.shop import VirtualShop
from hardware_sim.town import Issued
from tests.e2e.till import Request, earn, redeem

_CLERKS = 12
_AGAIN_S = 0.02
_ASK_AGAIN = (http.client.SERVICE_UNAVAILABLE, http.client.INSUFFICIENT_STORAGE)
_ANSWERED_WITHIN_S = 180.0
_BASKET, _SPENT = "2,00", "0,40"


@dataclass(slots=True, kw_only=True)
class Told:
    """What the counter said to everybody.

    Attributes:
        accepted: What it said it had done, by event id.
        refused: Keys of the requests that it refused.
        put_off: How often it said that nothing was recorded, and to ask again.
        unexpected: Answers that are nothing of all this.
    """

    accepted: dict[str, Json] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    put_off: int = 0
    unexpected: list[str] = field(default_factory=list)

    def take(self, request: Request, reply: Reply) -> Json | None:
        """Note an answer; the operation, where it was done."""
        if reply.status != http.client.OK:
            self.unexpected.append(f"{request.body}: {reply.status} {reply.body}")
            return None
        if not reply.body["accepted"]:
            self.refused.add(str(request.key))
            return None
        if reply.body["event_id"] != str(request.key):
            self.unexpected.append(f"{request.key} was answered as {reply.body['event_id']}")
        self.accepted[reply.body["event_id"]] = reply.body
        return reply.body

    def balances_minor(self) -> Mapping[str, int]:
        """What each card holds, if all that was accepted happened once and nothing else did."""
        balances: dict[str, int] = {}
        for done in self.accepted.values():
            sign = {"comptoir.earned.v1": 1, "comptoir.redeemed.v1": -1, "comptoir.voided.v1": 1}[done["type"]]
            balances[done["instrument"]] = balances.get(done["instrument"], 0) + sign * done["amount_minor"]
        return balances


class Clerk(threading.Thread):
    """Credits and spends, and undoes what it spent, on cards that others use, too."""

    def __init__(self, name: str, shop: VirtualShop, cards: Sequence[str], told: Told, chance: random.Random) -> None:
        super().__init__(name=name, daemon=True)
        self._shop = shop
        self._cards = cards
        self._told = told
        self._chance = chance
        self._spent: UUID | None = None
        self._over = threading.Event()
        self.failure: Exception | None = None

    def leave(self) -> None:
        """Ask for nothing more; what has no answer yet still gets one."""
        self._over.set()

    def run(self) -> None:
        """Serve until told to leave."""
        try:
            while not self._over.is_set():
                self._serve(self._next())
        except Exception as error:  # noqa: BLE001 - handed to who waits for this thread
            self.failure = error

    def _next(self) -> Request:
        if self._spent is not None and self._chance.random() < 0.1:
            target, self._spent = self._spent, None
            return Request(body={"kind": "void", "event": str(target)})
        card = self._chance.choice(self._cards)
        return earn(card, _BASKET) if self._chance.random() < 0.85 else redeem(card, _SPENT)

    def _serve(self, request: Request) -> None:
        while True:
            try:
                reply = self._shop.counter.post("/v1/operations", request.body, key=request.key)
            except (OSError, http.client.HTTPException):
                time.sleep(_AGAIN_S)
                continue
            if reply.status in _ASK_AGAIN:
                self._told.put_off += 1
                time.sleep(_AGAIN_S)
                continue
            done = self._told.take(request, reply)
            if done is not None and done["type"] == "comptoir.redeemed.v1":
                self._spent = request.key
            return


@contextmanager
def at_work(shop: VirtualShop, cards: Sequence[Issued], told: Told, chance: random.Random) -> Iterator[None]:
    """Clerks serve meanwhile; in the end each has had an answer to all that it asked for.

    Raises:
        StoryError: One has none.
    """
    tokens = [card.token for card in cards]
    clerks = [Clerk(f"clerk-{number}", shop, tokens, told, random.Random(chance.random())) for number in range(_CLERKS)]
    for clerk in clerks:
        clerk.start()
    try:
        yield
    finally:
        for clerk in clerks:
            clerk.leave()
    for clerk in clerks:
        clerk.join(_ANSWERED_WITHIN_S)
        if clerk.is_alive() or clerk.failure is not None:
            raise StoryError(f"{clerk.name} has no answer: {clerk.failure or 'the counter is silent'}")
