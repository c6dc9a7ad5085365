"""The office page's files, under a strict policy: nothing but our own files runs or is loaded."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from fastapi import FastAPI, Request, Response

INDEX = "index.html"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def add_page(app: FastAPI) -> None:
    """Join the page at `/`."""
    page = {entry.name: entry.read_bytes() for entry in files(__name__).iterdir() if _suffix(entry.name) in _TYPES}

    @app.get("/", include_in_schema=False)
    def index(request: Request) -> Response:
        return serve(request, INDEX)

    @app.get("/page/{name}", include_in_schema=False)
    def file(name: str, request: Request) -> Response:
        return serve(request, name)

    def serve(request: Request, name: str) -> Response:
        content = page.get(name)
        if content is None:
            return Response(status_code=404)
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag, **_HEADERS})
        return Response(content, media_type=_TYPES[_suffix(name)], headers={"ETag": etag, **_HEADERS})


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
