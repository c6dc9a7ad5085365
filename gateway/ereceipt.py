"""The receipt as a QR code on the screen, instead of paper: plain text, so that any phone reads it, also offline."""

from __future__ import annotations

import io
from zoneinfo import ZoneInfo

from gateway.receipts import Ticket
from gateway.views import Views
from programme.cloudevents import decode_event
from programme.events import OPERATIONS

_QUIET_ZONE_MODULES = 4
"""ISO/IEC 18004 §9.1."""


def receipt_text(ticket: Ticket, views: Views) -> str:
    """What the code says; of a sold voucher, its own code, as on paper."""
    if ticket.code is not None:
        return ticket.code
    event = decode_event(ticket.event)
    at = event.ordered_at.astimezone(ZoneInfo(ticket.time_zone))
    lines = [ticket.shop_name, f"{at:%d/%m/%Y %H:%M}"]
    if isinstance(event.data, OPERATIONS) and (name := ticket.programmes.get(event.data.programme)) is not None:
        lines.append(views.choose(name.fr, name.en))
    lines += [views.sentence(event), views.choose(f"Réf. {event.event_id}", f"Ref. {event.event_id}")]
    return "\n".join(lines)


def qr_svg(text: str) -> bytes:
    """A QR code as a picture that scales."""
    import segno  # only where a customer asks for it: the box starts and stays smaller without

    out = io.BytesIO()
    code = segno.make_qr(text, error="m")
    code.save(out, kind="svg", border=_QUIET_ZONE_MODULES, light="white", xmldecl=False, omitsize=True)
    return out.getvalue()
