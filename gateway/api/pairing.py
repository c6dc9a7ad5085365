"""Letting another screen of the shop's network in."""

from __future__ import annotations

import socket
from typing import Annotated, Protocol

from fastapi import FastAPI, Query, Request, Response
from pydantic import AfterValidator, Field

from drivers.escpos.compose import Receipt
from gateway.addresses import address_for_others
from gateway.api.bodies import Body
from gateway.api.counter import Speaking
from gateway.api.problems import problem
from gateway.errors import CounterError
from gateway.guard import COOKIE, cookie_in, is_at_home, is_loopback_address
from gateway.pairing import PIN_DIGITS, PIN_LIVES_S, PairedScreen, Pairing, TooManyPins
from gateway.receipts import pin_slip
from gateway.views import JSON
from gateway.words import Problem

_A_YEAR_S = 365 * 24 * 3600

OnPaper = Annotated[bool, Query(alias="print", description="Print the PIN, too.")]


class Slips(Protocol):
    """Prints what is worth nothing later."""

    async def print_slip(self, receipt: Receipt) -> bool:
        """Print it now or never; whether it came out, as far as is known."""
        ...


class PinBody(Body):
    """What the shopkeeper typed on the new screen.

    Attributes:
        name: How the list of screens calls it.
    """

    pin: Annotated[str, Field(pattern=rf"^\s*[0-9]{{{PIN_DIGITS}}}\s*$")]
    name: Annotated[str, Field(max_length=40), AfterValidator(lambda name: " ".join(name.split()))] = ""


def add_pairing(api: FastAPI, pairing: Pairing, slips: Slips | None = None) -> None:
    """Join the paths of pairing.

    Args:
        slips: The printer; None where there is none.
    """
    _add_way_in(api, pairing, slips)
    _add_screens(api, pairing)


def _add_way_in(api: FastAPI, pairing: Pairing, slips: Slips | None) -> None:
    @api.post("/v1/pairing/offers", tags=["screens"])
    async def offers(request: Request, agent: Speaking, on_paper: OnPaper = False) -> JSON:
        """A PIN for one more screen; only the box's own and paired screens get one."""
        if on_paper and slips is None:
            raise CounterError(Problem.NO_PRINTER)
        url = _url_for_others(request)
        pin = pairing.offer()
        offer: JSON = {"pin": pin, "valid_s": PIN_LIVES_S, "url": url}
        if on_paper and slips is not None:
            offer["printed"] = await slips.print_slip(pin_slip(agent.configured.configuration.shop_name, pin, url))
        return offer

    @api.post("/v1/pairing", tags=["screens"], status_code=204)
    async def pair(body: PinBody, request: Request, agent: Speaking) -> Response:
        """Pair this screen by its PIN; it keeps a cookie."""
        address = request.client.host if request.client is not None else ""
        try:
            cookie = pairing.pair(body.pin.strip(), address=address, name=body.name)
        except TooManyPins as error:
            refusal = problem(429, error.problem.value, error.say(agent.views.language))
            refusal.headers["Retry-After"] = str(error.retry_after_s)
            return refusal
        response = Response(status_code=204)
        response.set_cookie(COOKIE, cookie, max_age=_A_YEAR_S, httponly=True, samesite="strict")
        return response


def _add_screens(api: FastAPI, pairing: Pairing) -> None:
    @api.get("/v1/pairing", tags=["screens"])
    async def paired(request: Request) -> JSON:
        """Whether this screen may use the counter; if so, every paired screen, and which is `here`."""
        here = pairing.find(cookie_in(request.scope) or "")
        is_in = here is not None or is_at_home(request.scope)
        screens = [{**_view(screen), "here": screen == here} for screen in pairing.screens] if is_in else []
        return {"paired": is_in, "screens": screens}

    @api.delete("/v1/pairing/screens/{screen}", tags=["screens"], status_code=204)
    async def revoke(screen: str) -> Response:
        """Let a screen in no more."""
        pairing.revoke(screen)
        return Response(status_code=204)


def _view(screen: PairedScreen) -> JSON:
    return {
        "id": screen.screen,
        "name": screen.name,
        "paired_at": screen.paired_at.isoformat(),
        "seen_at": screen.seen_at.isoformat(),
    }


def _url_for_others(request: Request) -> str:
    """Where other machines find this API.

    Raises:
        CounterError: It listens on loopback only, or this machine is on no network.
    """
    listener: socket.socket | None = request.app.state.listener
    host, port = listener.getsockname()[:2] if listener is not None else ("127.0.0.1", 0)
    if host in ("0.0.0.0", "::"):
        host = address_for_others((request.scope.get("server") or ("",))[0])
    if host is None or is_loopback_address(host):
        raise CounterError(Problem.LOOPBACK_ONLY)
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
