"""Keep strangers out of the local API: web pages of other origins, and screens of the network that aren't paired.

A page of another origin can reach 127.0.0.1 or the box's address, and a host name of its own can be made to point there
(DNS rebinding). So Host must name the box by an address or a name that is its own, Origin, where there is one, must be
the same place, and no CORS header is ever sent. Programs of this machine are trusted; everyone else needs the cookie of
a paired screen, and gets the page and the pairing itself without one. Whom a proxy on this machine lets through is
somebody else: the proxy must pass Host on, so that it shows.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Callable, Iterable
from typing import Protocol
from urllib.parse import urlsplit

from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.words import Problem

MAX_BODY_BYTES = 64 * 1024
COOKIE = "comptoir-screen"
_OPEN_PATHS = ("/", "/v1/pairing")
_OPEN_FOLDER = "/page/"
_OF_PROXIES = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via")
_UNAUTHORISED, _FORBIDDEN, _TOO_LARGE = 401, 403, 413
_POLICY_VIOLATION = 1008

Say = Callable[[Problem, str | None], str]
"""A sentence, in the language of an Accept-Language header."""


class Doorkeeper(Protocol):
    """Knows the paired screens."""

    def is_paired(self, cookie: str) -> bool:
        """Whether a cookie is that of a paired screen."""
        ...

    def saw(self, cookie: str) -> None:
        """A paired screen called."""
        ...

    async def until_revoked(self, cookie: str) -> None:
        """Wait until the screen with this cookie isn't paired any more."""
        ...


class Guard:
    """ASGI middleware that refuses what doesn't come from this machine or a paired screen, and too large bodies."""

    def __init__(self, app: ASGIApp, *, names: Iterable[str], doorkeeper: Doorkeeper, say: Say) -> None:
        """Set up.

        Args:
            names: Host names that the network gives the box.
        """
        self._app = app
        self._names = frozenset(name.lower() for name in names)
        self._doorkeeper = doorkeeper
        self._say = say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is not None and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": refusal[1]})
        elif refusal is not None:
            await _refuse(send, *refusal)
        elif scope["type"] != "lifespan" and not is_at_home(scope) and (cookie := self._paired_cookie(scope)):
            await self._serve_screen(cookie, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _serve_screen(self, cookie: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a screen; what it only listens to ends when it is let in no more."""
        self._doorkeeper.saw(cookie)
        if scope["type"] == "http" and scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        serving = asyncio.ensure_future(self._app(scope, receive, send))
        revoked = asyncio.ensure_future(self._doorkeeper.until_revoked(cookie))
        try:
            await asyncio.wait({serving, revoked}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
            elif scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": Problem.NOT_PAIRED.value})
        finally:
            serving.cancel()
            revoked.cancel()
            await asyncio.gather(serving, revoked, return_exceptions=True)

    def _refusal(self, scope: Scope) -> tuple[int, str, str] | None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if not self._is_ours(host, scope):
            return _FORBIDDEN, "foreign-host", "Host: call the box by its address, or by a name set in api.names"
        origin = headers.get(b"origin")
        if origin is not None and not _same_place(_place_of(origin), host):
            return _FORBIDDEN, "foreign-origin", "Origin: web pages of other origins may not use this API"
        if headers.get(b"sec-fetch-site") == "cross-site" and headers.get(b"sec-fetch-mode") != "navigate":
            # An <img> or <script> of a foreign page sends no Origin (https://www.w3.org/TR/fetch-metadata/)
            return _FORBIDDEN, "foreign-origin", "Sec-Fetch-Site: web pages of other origins may not use this API"
        if not _is_small(headers.get(b"content-length", "0")) or b"transfer-encoding" in headers:
            return _TOO_LARGE, "too-large", f"The body must have a Content-Length of at most {MAX_BODY_BYTES} bytes"
        if not (is_at_home(scope) or is_open(scope["path"]) or self._paired_cookie(scope)):
            said = self._say(Problem.NOT_PAIRED, headers.get(b"accept-language"))
            return _UNAUTHORISED, Problem.NOT_PAIRED.value, said
        return None

    def _is_ours(self, host: str, scope: Scope) -> bool:
        """Whether a Host header names the box: loopback from loopback, else the address that was connected to."""
        name = _name_of(host)
        if is_loopback(host):
            return is_at_home(scope)
        if name is None or name in self._names:
            return name is not None
        address, server = _address(name), scope.get("server")
        return address is not None and server is not None and address == _address(server[0])

    def _paired_cookie(self, scope: Scope) -> str | None:
        cookie = cookie_in(scope)
        return cookie if cookie is not None and self._doorkeeper.is_paired(cookie) else None


def is_open(path: str) -> bool:
    """Whether a screen gets there that isn't paired."""
    return path in _OPEN_PATHS or path.startswith(_OPEN_FOLDER)


def is_at_home(scope: Scope) -> bool:
    """Whether the caller is a program of this machine: it calls an address, from loopback or from that same address."""
    client, server = scope.get("client"), scope.get("server")
    if client is None or (address := _address(client[0])) is None or _is_passed_on(scope):
        return False
    return address.is_loopback or (server is not None and address == _address(server[0]))


def _is_passed_on(scope: Scope) -> bool:
    """Whether a proxy shows: by what proxies add, or by a name, which programs of this machine have no need of."""
    for name, value in scope["headers"]:
        if name in _OF_PROXIES:
            return True
        if name == b"host" and not is_loopback(host := value.decode("latin-1")):
            return _address(_name_of(host) or "") is None
    return False


def is_loopback(host: str) -> bool:
    """Whether a Host header or the host of an origin names this machine; the port doesn't matter."""
    name = _name_of(host)
    if name is None or name == "localhost":
        return name is not None
    address = _address(name)
    return address is not None and address.is_loopback


def is_loopback_address(text: str) -> bool:
    """Whether a caller's address is this machine's own loopback."""
    address = _address(text)
    return address is not None and address.is_loopback


def cookie_in(scope: Scope) -> str | None:
    """The cookie that a screen shows, whatever other cookies this address has."""
    shown = "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
    return cookie_parser(shown).get(COOKIE)


def _same_place(one: str, other: str) -> bool:
    return one.lower() == other.lower() or (is_loopback(one) and is_loopback(other))


def _place_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _name_of(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address; IPv4 as it is, also where a socket for both kinds writes it as IPv6."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_small(length: str) -> bool:
    return length.isdecimal() and len(length) <= len(str(MAX_BODY_BYTES)) and int(length) <= MAX_BODY_BYTES


async def _refuse(send: Send, status: int, kind: str, detail: str) -> None:
    content = {"type": f"urn:comptoir:problem:{kind}", "title": kind, "status": status, "detail": detail}
    headers = [(b"content-type", b"application/problem+json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})
