"""Letting another screen of the shop's network in."""

from __future__ import annotations

import socket
from typing import Annotated

from fastapi import FastAPI, Request, Response
from pydantic import Field

from gateway.api.bodies import Body
from gateway.errors import CounterError
from gateway.guard import COOKIE, cookie_in, is_at_home
from gateway.pairing import PIN_DIGITS, PIN_LIVES_S, Pairing
from gateway.views import JSON
from gateway.words import Problem

_A_YEAR_S = 365 * 24 * 3600
_DISCARD = ("192.0.2.1", 9)
"""An address for documentation (RFC 5737): asking the way there sends nothing and tells which address leads out."""


class PinBody(Body):
    """What the shopkeeper typed on the new screen."""

    pin: Annotated[str, Field(pattern=rf"^\s*\d{{{PIN_DIGITS}}}\s*$")]


def add_pairing(api: FastAPI, pairing: Pairing) -> None:
    """Join the paths of pairing."""

    @api.post("/v1/pairing/offers", tags=["screens"])
    async def offers(request: Request) -> JSON:
        """A PIN for one more screen; only the box's own and paired screens get one."""
        url = _url_for_others(request)
        return {"pin": pairing.offer(), "valid_s": PIN_LIVES_S, "url": url}

    @api.post("/v1/pairing", tags=["screens"], status_code=204)
    async def pair(body: PinBody, request: Request) -> Response:
        """Pair this screen by its PIN; it keeps a cookie."""
        address = request.client.host if request.client is not None else ""
        cookie = pairing.pair(body.pin.strip(), address=address)
        response = Response(status_code=204)
        response.set_cookie(COOKIE, cookie, max_age=_A_YEAR_S, httponly=True, samesite="strict")
        return response

    @api.get("/v1/pairing", tags=["screens"])
    async def paired(request: Request) -> JSON:
        """Whether this screen may use the counter."""
        cookie = cookie_in(request.headers.get("cookie", ""))
        return {"paired": is_at_home(request.scope) or (cookie is not None and pairing.is_paired(cookie))}

    @api.get("/v1/pairing/screens", tags=["screens"])
    async def screens() -> list[JSON]:
        """Every paired screen."""
        return [
            {"screen": screen.screen, "address": screen.address, "paired_at": screen.paired_at.isoformat()}
            for screen in pairing.screens
        ]

    @api.delete("/v1/pairing/screens/{screen}", tags=["screens"], status_code=204)
    async def revoke(screen: str) -> Response:
        """Let a screen in no more."""
        pairing.revoke(screen)
        return Response(status_code=204)


def _url_for_others(request: Request) -> str:
    """Where other machines find this API.

    Raises:
        CounterError: It listens on loopback only.
    """
    listener: socket.socket | None = request.app.state.listener
    host, port = listener.getsockname()[:2] if listener is not None else ("127.0.0.1", 0)
    if host in ("0.0.0.0", "::"):
        host = _address_that_leads_out()
    if host.startswith("127.") or host == "::1":
        raise CounterError(Problem.LOOPBACK_ONLY)
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _address_that_leads_out() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_DISCARD)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
