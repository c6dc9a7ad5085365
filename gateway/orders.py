"""From what a person typed or a till sent to a command: amounts and codes are checked here, once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from gateway.counter import CounterService
from gateway.errors import CounterError
from gateway.lookup import Lookup
from gateway.presenting import Desk
from gateway.words import Problem
from programme.codes import Code
from programme.decide import Command, Earn, Redeem, Sell, Void
from programme.errors import AmountError
from programme.events import Earned, Event, Operation, Redeemed, Sold, Voided
from programme.money import CURRENCIES, EUR, Currency, check_amount, format_amount, parse_amount
from programme.rules import RuleSet


class Kind(Enum):
    """The operations of a counter."""

    EARN = "earn"
    REDEEM = "redeem"
    SELL = "sell"
    VOID = "void"


_EVENTS: dict[Kind, type[Operation]] = {
    Kind.EARN: Earned,
    Kind.REDEEM: Redeemed,
    Kind.SELL: Sold,
    Kind.VOID: Voided,
}


def read_amount(amount: str | int, currency: Currency = EUR, *, language: str = "fr") -> int:
    """An amount as typed ("23,50"), or already in minor units.

    Raises:
        CounterError: Not a positive amount within bounds.
    """
    try:
        return parse_amount(amount, currency) if isinstance(amount, str) else check_amount(amount)
    except AmountError:
        told = amount if isinstance(amount, str) else format_amount(amount, currency, language=language)
        raise CounterError(Problem.BAD_AMOUNT, amount=_shown(told)) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A read as a screen showed it."""

    number: int
    key: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An operation as a till or a person sends it.

    Attributes:
        amount: As typed, or in minor units.
        code: None takes what lies on the counter.
        presented: What a screen showed; None takes the last read.
        training: The mode that a screen showed; None takes the one that it is.
    """

    kind: Kind
    amount: str | int | None = None
    code: str | None = None
    programme: str | None = None
    target: UUID | None = None
    presented: Shown | None = None
    training: bool | None = None


class Orders:
    """Makes commands of what was typed."""

    def __init__(self, *, counter: CounterService, desk: Desk, lookup: Lookup) -> None:
        self._counter = counter
        self._desk = desk
        self._lookup = lookup

    def command(self, order: Order) -> Command:
        """What an order asks for.

        Raises:
            CounterError: Its amount, code or programme can't be used, or training began or ended meanwhile.
        """
        if order.training not in (None, self._counter.training):
            raise CounterError(Problem.MODE_CHANGED)
        match order.kind:
            case Kind.EARN:
                return self.earn(amount=order.amount, code=order.code, presented=order.presented)
            case Kind.REDEEM:
                return self.redeem(amount=order.amount, code=order.code, presented=order.presented)
            case Kind.SELL:
                return self.sell(programme=order.programme, amount=order.amount)
            case Kind.VOID:
                return self.void(target=order.target)

    def is_of(self, order: Order, event: Event) -> bool:
        """Whether an event is what an order, repeated, had asked for; what it leaves open was settled the first time.

        Raises:
            CounterError: Its amount or code can't be used.
        """
        data = event.data
        if not isinstance(data, _EVENTS[order.kind]):
            return False
        if order.code is not None and self._desk.resolve(order.code).instrument != data.instrument:
            return False
        if order.programme is not None and order.programme != data.programme:
            return False
        if order.target is not None and not (isinstance(data, Voided) and data.target == order.target):
            return False
        if order.amount is None:
            return True
        typed_minor = read_amount(order.amount, CURRENCIES[data.currency])
        return typed_minor == (data.basket_minor if isinstance(data, Earned) else data.amount_minor)

    def earn(self, *, amount: str | int | None, code: str | None, presented: Shown | None = None) -> Command:
        """Credit a basket to a card.

        Raises:
            CounterError: The amount or the code can't be used.
        """
        if amount is None:
            raise CounterError(Problem.AMOUNT_MISSING)
        card = self._code(code, presented)
        return Earn(code=card, basket_minor=read_amount(amount, self._rules(card.programme).currency))

    def redeem(self, *, amount: str | int | None, code: str | None, presented: Shown | None = None) -> Command:
        """Spend from a card, or use a voucher, whole.

        Raises:
            CounterError: The amount or the code can't be used.
        """
        instrument = self._code(code, presented)
        rules = self._rules(instrument.programme)
        amount_minor = None if amount is None else read_amount(amount, rules.currency)
        if rules.voucher is None:
            if amount_minor is None:
                raise CounterError(Problem.AMOUNT_MISSING)
            return Redeem(code=instrument, amount_minor=amount_minor)
        face_minor = instrument.token.face_minor if instrument.token is not None else None
        if amount_minor is not None and face_minor is not None and amount_minor != face_minor:
            raise CounterError(Problem.AMOUNT_NOT_WANTED, face=format_amount(face_minor, rules.currency))
        return Redeem(code=instrument)

    def sell(self, *, programme: str | None, amount: str | int | None) -> Command:
        """Sell a consigned voucher.

        Raises:
            CounterError: The amount or the programme can't be used.
        """
        if programme is None:
            programme = self._only_voucher_programme()
        rules = self._rules(programme)
        if amount is None:
            raise CounterError(Problem.AMOUNT_MISSING)
        return Sell(programme=programme, face_minor=read_amount(amount, rules.currency))

    def void(self, *, target: UUID | None) -> Command:
        """Reverse an operation; the last one by default.

        Raises:
            CounterError: There is none.
        """
        if target is not None:
            return Void(target=target)
        last = self._lookup.last_operations(1)
        if not last or isinstance(last[0].event.data, Voided):
            raise CounterError(Problem.NOTHING_TO_VOID)
        return Void(target=last[0].event.event_id)

    def _code(self, text: str | None, presented: Shown | None) -> Code:
        """The code that was given, else what lies on the counter."""
        if text is not None:
            return self._desk.resolve(text)
        placed = self._desk.latest if presented is None else self._desk.find(presented.number, presented.key)
        if placed is None:
            raise CounterError(Problem.NOTHING_PRESENTED)
        if placed.code is None:
            raise placed.problem or CounterError(Problem.NOTHING_PRESENTED)
        return placed.code

    def _rules(self, programme: str) -> RuleSet:
        rules = self._counter.configured.rules(programme)
        if rules is None:
            raise CounterError(Problem.UNKNOWN_PROGRAMME, programme=_shown(programme))
        return rules

    def _only_voucher_programme(self) -> str:
        sold = [programme for programme, rules in self._counter.configured.book.rules.items() if rules.voucher]
        if len(sold) != 1:
            raise CounterError(Problem.UNKNOWN_PROGRAMME, programme="?")
        return sold[0]


def _shown(text: str) -> str:
    """What a person typed, short and printable."""
    return "".join(character if character.isprintable() else "?" for character in text[:20])
