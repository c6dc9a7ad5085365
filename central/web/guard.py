"""Keep pages of other origins out of the office: they could use a browser that is signed in, or guess passphrases.

A host name of a stranger can be made to point at central (DNS rebinding), so Host must be an address, a name without a
dot, a `.local` name, or one that the settings give; none of these can be a stranger's. Origin, where there is one, must
be the same place. Boxes call other paths, and aren't looked at here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from central.web.problems import OfficeError, Problem, refusal

MAX_BODY_BYTES = 4 * 1024
_OFFICE = "/v1/office/"


class Guard:
    """ASGI middleware that refuses what comes from elsewhere, and large bodies."""

    def __init__(self, app: ASGIApp, *, names: Collection[str]) -> None:
        """Set up.

        Args:
            names: Host names under which the office is reached.
        """
        self._app = app
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or not scope["path"].startswith(_OFFICE):
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        reason = self._reason(headers)
        if reason is None:
            await self._app(scope, receive, send)
        else:
            await refusal(OfficeError(reason), headers.get(b"accept-language", ""))(scope, receive, send)

    def _reason(self, headers: Mapping[bytes, str]) -> Problem | None:
        host = headers.get(b"host", "")
        if not is_ours(host, self._names):
            return Problem.FOREIGN_HOST
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return Problem.FOREIGN_ORIGIN
        if headers.get(b"sec-fetch-site") == "cross-site":
            # An <img> of a foreign page sends no Origin (https://www.w3.org/TR/fetch-metadata/)
            return Problem.FOREIGN_ORIGIN
        if not _is_small(headers.get(b"content-length", "0")) or b"transfer-encoding" in headers:
            return Problem.TOO_LARGE
        return None


def is_ours(host: str, names: Collection[str]) -> bool:
    """Whether a Host header can't name a stranger's page."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    if name is None:
        return False
    return name in names or "." not in name.rstrip(".") or name.endswith(".local") or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_small(length: str) -> bool:
    return length.isdecimal() and length.isascii() and len(length) < 7 and int(length) <= MAX_BODY_BYTES
