"""The receipt as a QR code on the screen, instead of paper: plain text, so that any phone reads it, also offline."""

from __future__ import annotations

import io
from zoneinfo import ZoneInfo

from gateway.receipts import Ticket
from gateway.views import Views
from programme.cloudevents import decode_event
from programme.events import OPERATIONS, Redeemed

MOST_CHARACTERS = 300
"""A code of more has modules too small for an old phone before a small screen."""
_MOST_OF_A_NAME = 60
"""What rules allow a programme's name."""
_QUIET_ZONE_MODULES = 4
"""ISO/IEC 18004 §9.1."""


def receipt_text(ticket: Ticket, views: Views) -> str:
    """What the code says; of a sold voucher, its own code, as on paper."""
    if ticket.code is not None:
        return ticket.code
    event = decode_event(ticket.event)
    at = event.ordered_at.astimezone(ZoneInfo(ticket.time_zone))
    lines = [_short(ticket.shop_name), f"{at:%d/%m/%Y %H:%M}"]
    if isinstance(event.data, OPERATIONS) and (name := ticket.programmes.get(event.data.programme)) is not None:
        lines.append(_short(views.choose(name.fr, name.en)))
    lines.append(views.sentence(event))
    if isinstance(event.data, Redeemed) and event.data.evidence.balance_minor is not None:
        left = views.amount(event.data.evidence.balance_minor - event.data.amount_minor, event.data.currency)
        lines.append(views.choose(f"Reste : {left}", f"Left: {left}"))
    lines.append(views.choose(f"Réf. {event.event_id}", f"Ref. {event.event_id}"))
    return "\n".join(lines)


def qr_svg(text: str) -> bytes:
    """A QR code as a picture that scales."""
    import segno  # only where a customer asks for it: the box starts and stays smaller without

    out = io.BytesIO()
    # Told or not, phones take bytes for UTF-8; ASCII is left to segno, which packs a voucher's code far tighter.
    code = segno.make_qr(text, error="m", encoding=None if text.isascii() else "utf-8")
    code.save(out, kind="svg", border=_QUIET_ZONE_MODULES, light="white", xmldecl=False, omitsize=True)
    return out.getvalue()


def _short(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= _MOST_OF_A_NAME else line[: _MOST_OF_A_NAME - 1] + "…"
