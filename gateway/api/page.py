"""The counter page's files, from memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

from fastapi import FastAPI, Request, Response

INDEX = "index.html"
_MARK = b'name="comptoir-page" content=""'
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The files by name.

    Attributes:
        fingerprint: Another one for other files: a page that is open loads itself again.
    """

    files: Mapping[str, bytes]
    fingerprint: str


def read_page() -> Page:
    """Read the page's files."""
    found = {
        entry.name: entry.read_bytes()
        for entry in (files("gateway") / "page").iterdir()
        if entry.name[entry.name.rfind(".") :] in _TYPES
    }
    digest = hashlib.sha256(b"\0".join(name.encode() + b"\0" + found[name] for name in sorted(found)))
    fingerprint = digest.hexdigest()[:16]
    found[INDEX] = found[INDEX].replace(_MARK, _MARK[:-1] + fingerprint.encode() + b'"')
    return Page(files=MappingProxyType(found), fingerprint=fingerprint)


def add_page(api: FastAPI, *, embedded_in: tuple[str, ...] = ()) -> None:
    """Join the page at `/`.

    Args:
        embedded_in: Origins whose pages may show it in a frame: a till's own screen, say.
    """
    page = read_page()
    frames = " ".join(embedded_in) or "'none'"
    headers = {
        "Content-Security-Policy": (
            f"default-src 'self'; frame-ancestors {frames}; base-uri 'none'; form-action 'none'"
        ),
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }

    @api.get("/", include_in_schema=False)
    async def index(request: Request) -> Response:
        return _serve(request, INDEX)

    @api.get("/page/{name}", include_in_schema=False)
    async def file(name: str, request: Request) -> Response:
        return _serve(request, name)

    def _serve(request: Request, name: str) -> Response:
        content = page.files.get(name)
        if content is None:
            return Response(status_code=404)
        etag = f'"{page.fingerprint}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag, **headers})
        kind = _TYPES[name[name.rfind(".") :]]
        return Response(content, media_type=kind, headers={"ETag": etag, **headers})
