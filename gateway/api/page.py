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
        "Vary": "Accept-Encoding",
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
        packed = page.packed.get(name) if _takes_gzip(request.headers.get("accept-encoding", "")) else None
        # Other bytes, another strong tag (RFC 9110 §8.8.3).
        told = {"ETag": f'"{page.fingerprint}"' if packed is None else f'"{page.fingerprint}-gzip"', **headers}
        if request.headers.get("if-none-match") == told["ETag"]:
            return Response(status_code=304, headers=told)
        if packed is not None:
            told["Content-Encoding"] = "gzip"
        return Response(packed or content, media_type=TYPES[name[name.rfind(".") :]], headers=told)


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header (RFC 9110 §12.5.3) names gzip, and not to refuse it."""
    for coding in accepted.split(","):
        name, _, weight = coding.replace(" ", "").lower().partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" if weight else True
    return False
