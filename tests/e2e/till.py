"""A till that asks a box for operations, repeats what it got no answer to, and remembers what it was told."""

from __future__ import annotations

import http.client
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from hardware_sim.counter_client import Json, Reply
from hardware_sim.shop import VirtualShop
from hardware_sim.town import VOUCHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An operation as a till asks for it; a repeat is the same, word for word."""

    body: Json
    key: UUID = field(default_factory=uuid4)

    def anew(self) -> Request:
        """The same operation as another request."""
        return Request(body=self.body)


def earn(card: str, basket: str) -> Request:
    """Credit a basket to a card."""
    return Request(body={"kind": "earn", "code": card, "amount": basket})


def redeem(code: str, amount: str | None = None) -> Request:
    """Spend from a card, or use a voucher."""
    return Request(body={"kind": "redeem", "code": code} | ({} if amount is None else {"amount": amount}))


def sell(amount: str = "20,00") -> Request:
    """Sell a voucher."""
    return Request(body={"kind": "sell", "programme": VOUCHER, "amount": amount})


class Till:
    """One shop's till.

    Attributes:
        accepted: What the box said it had done, by event id.
        given_up: Keys of requests that ended without their operation.
    """

    def __init__(self, shop: VirtualShop) -> None:
        self.shop = shop
        self.accepted: dict[str, Json] = {}
        self.given_up: set[str] = set()

    def ask(self, request: Request) -> Json | None:
        """Ask for an operation; None where the box died over it."""
        try:
            reply = self.shop.counter.post("/v1/operations", request.body, key=request.key)
        except (OSError, http.client.HTTPException):
            return None
        return self._take(reply)

    def do(self, request: Request) -> Json:
        """Ask for an operation that must be done."""
        answer = self.ask(request)
        assert answer is not None and answer["accepted"], answer
        return answer

    def insist(self, request: Request, first: Json | None) -> Json:
        """Repeat a request until its operation is done, as somebody does whose customer waits.

        Args:
            first: What the box answered before; None for nothing.
        """
        again = self.ask(request)
        assert again is not None, "the box answers again"
        if first is not None and first["accepted"]:
            assert (again["repeated"], again["event_id"]) == (True, first["event_id"])
        if not again["accepted"]:
            # The ask had reached central when the box died; the box gave it up when it came back.
            assert again["refusal"]["reason"] == "Abandoned", again
            self.given_up.add(str(request.key))
            again = self.do(request.anew())
        repeated = self.ask(Request(body=request.body, key=UUID(again["event_id"])))
        assert repeated is not None and repeated["repeated"] and repeated["accepted"]
        return again

    def balance_minor(self, card: str) -> int:
        """What a card holds, if all that the box accepted happened once and nothing else did."""
        sign = {"comptoir.earned.v1": 1, "comptoir.redeemed.v1": -1}
        shown = self.shown(card)
        return sum(
            sign[done["type"]] * done["amount_minor"]
            for done in self.accepted.values()
            if done["instrument"] == shown["instrument"]
        )

    def shown(self, code: str) -> Json:
        """What the counter shows for a code."""
        reply = self.shop.counter.post("/v1/scans", {"code": code, "device": "till"})
        assert reply.status == 200, reply.body
        return reply.body

    def _take(self, reply: Reply) -> Json:
        assert reply.status == 200, reply.body
        if reply.body["accepted"]:
            self.accepted[reply.body["event_id"]] = reply.body
        return reply.body
