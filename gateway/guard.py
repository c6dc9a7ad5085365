"""Keep strangers out of the local API: web pages in a browser on the same machine, above all.

A page of another origin can reach 127.0.0.1, and a host name of its own can be made to point there (DNS rebinding): so
both Host and, where there is one, Origin must be loopback.
"""

from __future__ import annotations

import ipaddress
import json
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

MAX_BODY_BYTES = 64 * 1024


class LoopbackGuard:
    """ASGI middleware that refuses what doesn't come from this machine's programs, and too large bodies."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        refusal = _refusal(headers)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await _refuse(send, *refusal)


def _refusal(headers: dict[bytes, str]) -> tuple[int, str, str] | None:
    if not is_loopback(headers.get(b"host", "")):
        return 403, "foreign-host", "Host: this API answers on loopback only, as 127.0.0.1 or localhost"
    origin = headers.get(b"origin")
    if origin is not None and not is_loopback(urlsplit(origin).netloc):
        return 403, "foreign-origin", "Origin: web pages of other origins may not use this API"
    length = headers.get(b"content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES or b"transfer-encoding" in headers:
        return 413, "too-large", f"The body must have a Content-Length of at most {MAX_BODY_BYTES} bytes"
    return None


def is_loopback(host: str) -> bool:
    """Whether a Host header or the host of an origin names this machine; the port doesn't matter."""
    try:
        name = urlsplit(f"//{host}").hostname
        return name == "localhost" or (name is not None and ipaddress.ip_address(name).is_loopback)
    except ValueError:
        return False


async def _refuse(send: Send, status: int, kind: str, detail: str) -> None:
    content = {"type": f"urn:comptoir:problem:{kind}", "title": kind, "status": status, "detail": detail}
    headers = [(b"content-type", b"application/problem+json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})
