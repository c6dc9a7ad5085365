"""Keep strangers out of the local API: web pages of other origins, and screens of the network that aren't paired.

A page of another origin can reach 127.0.0.1 or the box's address, and a host name of its own can be made to point there
(DNS rebinding). So Host must name the box by an address or a name that is its own, Origin, where there is one, must be
the same place, and no CORS header is ever sent. Programs of this machine are trusted; everyone else needs the cookie of
a paired screen, and gets the page and the pairing itself without one.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.words import Problem

MAX_BODY_BYTES = 64 * 1024
COOKIE = "comptoir-screen"
_OPEN_PATHS = ("/", "/v1/pairing")
_OPEN_FOLDER = "/page/"
_UNAUTHORISED, _FORBIDDEN, _TOO_LARGE = 401, 403, 413

Say = Callable[[Problem, str | None], str]
"""A sentence, in the language of an Accept-Language header."""


class Guard:
    """ASGI middleware that refuses what doesn't come from this machine or a paired screen, and too large bodies."""

    def __init__(self, app: ASGIApp, *, names: Iterable[str], is_paired: Callable[[str], bool], say: Say) -> None:
        """Set up.

        Args:
            names: Host names that the network gives the box.
            is_paired: Whether a cookie is that of a paired screen.
        """
        self._app = app
        self._names = frozenset(name.lower() for name in names)
        self._is_paired = is_paired
        self._say = say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
        else:
            await _refuse(send, *refusal)

    def _refusal(self, scope: Scope) -> tuple[int, str, str] | None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if not self._is_ours(host, scope):
            return _FORBIDDEN, "foreign-host", "Host: call the box by its address, or by a name set in api.names"
        origin = headers.get(b"origin")
        if origin is not None and not _same_place(urlsplit(origin).netloc, host):
            return _FORBIDDEN, "foreign-origin", "Origin: web pages of other origins may not use this API"
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES or b"transfer-encoding" in headers:
            return _TOO_LARGE, "too-large", f"The body must have a Content-Length of at most {MAX_BODY_BYTES} bytes"
        if not self._may_enter(scope, headers):
            said = self._say(Problem.NOT_PAIRED, headers.get(b"accept-language"))
            return _UNAUTHORISED, Problem.NOT_PAIRED.value, said
        return None

    def _is_ours(self, host: str, scope: Scope) -> bool:
        """Whether a Host header names the box: loopback from loopback, else the address that was connected to."""
        name = _name_of(host)
        if is_loopback(host):
            return is_at_home(scope)
        server = scope.get("server")
        return name is not None and (name in self._names or (server is not None and _same_address(name, server[0])))

    def _may_enter(self, scope: Scope, headers: dict[bytes, str]) -> bool:
        if is_at_home(scope) or scope["path"] in _OPEN_PATHS or scope["path"].startswith(_OPEN_FOLDER):
            return True
        cookie = cookie_in(headers.get(b"cookie", ""))
        return cookie is not None and self._is_paired(cookie)


def is_at_home(scope: Scope) -> bool:
    """Whether the caller is a program of this machine."""
    client = scope.get("client")
    return client is not None and is_loopback(f"[{client[0]}]" if ":" in client[0] else client[0])


def is_loopback(host: str) -> bool:
    """Whether a Host header or the host of an origin names this machine; the port doesn't matter."""
    name = _name_of(host)
    try:
        return name == "localhost" or (name is not None and ipaddress.ip_address(name).is_loopback)
    except ValueError:
        return False


def cookie_in(header: str) -> str | None:
    """The screen's cookie in a Cookie header."""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return found.value if found is not None else None


def _same_place(one: str, other: str) -> bool:
    return one.lower() == other.lower() or (is_loopback(one) and is_loopback(other))


def _name_of(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _same_address(name: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(address)
    except ValueError:
        return False


async def _refuse(send: Send, status: int, kind: str, detail: str) -> None:
    content = {"type": f"urn:comptoir:problem:{kind}", "title": kind, "status": status, "detail": detail}
    headers = [(b"content-type", b"application/problem+json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})
