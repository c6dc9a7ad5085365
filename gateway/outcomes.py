"""What the counter was asked, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from programme.decide import Command, Earn, Redeem, Sell, Void
from programme.errors import NotUnderstood
from programme.events import AbandonReason, AuthorisationAbandoned, Earned, Event, Redeemed, Sold, Voided
from programme.refusals import Abandoned, NeedsConnection, Refusal, refusal_from_json
from sync.errors import Unreadable
from sync.wire import decode_payload, read_signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An operation's end: recorded, or refused.

    Attributes:
        event: What is on disk now; None when refused.
        refusal: Why not; None when recorded.
        currency_code: Of the programme.
        repeated: It had ended before; this is the same end again.
    """

    event_id: UUID
    event: Event | None = None
    refusal: Refusal | None = None
    currency_code: str = "EUR"
    repeated: bool = False


def is_of(command: Command, event: Event) -> bool:
    """Whether an event is what the command would have recorded."""
    match command, event.data:
        case Earn(), Earned() as earned:
            return (earned.instrument, earned.basket_minor) == (command.code.instrument, command.basket_minor)
        case Redeem(), Redeemed() as redeemed:
            same_amount = command.amount_minor in (None, redeemed.amount_minor)
            return redeemed.instrument == command.code.instrument and same_amount
        case Sell(), Sold() as sold:
            return (sold.programme, sold.amount_minor) == (command.programme, command.face_minor)
        case Void(), Voided() as voided:
            return voided.target == command.target
    return False


def refusal_of(abandoned: AuthorisationAbandoned) -> Refusal:
    """Why an ask ended without its operation, as far as its row tells."""
    if abandoned.reason is AbandonReason.RESTARTED:
        return Abandoned()
    if abandoned.answer is None:
        return NeedsConnection()
    try:
        answer = decode_payload(read_signed(abandoned.answer).payload, _Refusing)
        return refusal_from_json(answer.refusal or {})
    except (NotUnderstood, Unreadable):
        return NeedsConnection()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusing:
    """The part of an answer that says why not."""

    refusal: dict[str, object] | None = None
