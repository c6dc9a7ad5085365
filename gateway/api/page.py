"""The counter page at `/`."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from gateway.page import INDEX, TYPES, Page


def add_page(api: FastAPI, page: Page, *, embedded_in: tuple[str, ...] = ()) -> None:
    """Join the page at `/`.

    Args:
        embedded_in: Origins whose pages may show it in a frame: a till's own screen, say.
    """
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
        kind = TYPES[name[name.rfind(".") :]]
        return Response(content, media_type=kind, headers={"ETag": etag, **headers})
