"""Which ticket tells of an event."""

from __future__ import annotations

from datetime import datetime

from gateway.configured import Configured
from gateway.receipts import ProgrammeName, Ticket
from programme.cloudevents import encode_event
from programme.errors import CodeError
from programme.events import OPERATIONS, DayClosed, Event
from programme.tokens import read_unverified


def is_printable(event: Event) -> bool:
    """Whether there is paper for such an event."""
    return isinstance(event.data, (*OPERATIONS, DayClosed))


def ticket_for(event: Event, configured: Configured, *, code: str | None = None, duplicate: bool = False) -> Ticket:
    """The ticket of an operation or a closure.

    Args:
        code: For a sale: the voucher's token.
        duplicate: It was printed before, or may have been.
    """
    return Ticket(
        event=encode_event(event).decode(),
        shop_name=configured.configuration.shop_name,
        time_zone=configured.zone.key,
        programmes={
            programme: ProgrammeName(fr=rules.name_fr, en=rules.name_en, currency=rules.currency_code)
            for programme, rules in configured.book.rules.items()
        },
        code=code,
        expires_at=_expiry(code),
        duplicate=duplicate,
    )


def _expiry(code: str | None) -> datetime | None:
    if code is None:
        return None
    try:
        return read_unverified(code).expires_at  # central consigned it: the grant's signature covers it
    except CodeError:
        return None
