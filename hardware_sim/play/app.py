"""The playground's page and what it may ask; on loopback, for one person at play."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel

from hardware_sim.errors import SimulatorError
from hardware_sim.play.playground import Json, NoSuchThing, Part, Playground
from hardware_sim.things import Kind

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_NOT_FOUND, _FAILED = 404, 503


class Shown(BaseModel):
    """A code put before a reader of a shop."""

    shop: str
    item: str


class Filmed(Shown):
    """A code held before a camera."""

    kind: Kind


class Put(BaseModel):
    """A part brought into another position."""

    shop: str
    part: Part
    to: str


def make_app(playground: Playground) -> FastAPI:
    """The application. Its paths block on processes, so they run on threads."""
    app = FastAPI(title="Comptoir playground", openapi_url=None)

    @app.exception_handler(SimulatorError)
    def failed(_: Request, error: Exception) -> JSONResponse:
        status = _NOT_FOUND if isinstance(error, NoSuchThing) else _FAILED
        return JSONResponse({"detail": str(error)}, status_code=status)

    app.include_router(_page())
    app.include_router(_hands(playground))
    app.include_router(_pictures(playground))
    return app


def _page() -> APIRouter:
    router = APIRouter()
    page = {entry.name: entry.read_bytes() for entry in (files("hardware_sim.play") / "page").iterdir()}

    @router.get("/")
    def index() -> Response:
        return Response(page["index.html"], media_type="text/html")

    @router.get("/page/{name}")
    def file(name: str) -> Response:
        if name not in page:
            return Response(status_code=_NOT_FOUND)
        return Response(page[name], media_type=_TYPES[Path(name).suffix])

    return router


def _hands(playground: Playground) -> APIRouter:
    """What hands can do, and how everything stands."""
    router = APIRouter(prefix="/v1")

    @router.get("/state")
    def state() -> Json:
        return playground.state()

    @router.post("/scan", status_code=204)
    def scan(shown: Shown) -> None:
        playground.scan(shown.shop, shown.item)

    @router.post("/film", status_code=204)
    def film(filmed: Filmed) -> None:
        playground.film(filmed.shop, filmed.item, kind=filmed.kind)

    @router.post("/put", status_code=204)
    def put(asked: Put) -> None:
        playground.put(asked.shop, asked.part, asked.to)

    return router


def _pictures(playground: Playground) -> APIRouter:
    router = APIRouter()

    @router.get("/items/{item}.png")
    def picture(item: str) -> FileResponse:
        return FileResponse(playground.picture(item))

    @router.get("/shops/{shop}/receipts/{number}.png")
    def receipt(shop: str, number: int) -> FileResponse:
        return FileResponse(playground.receipt(shop, number))

    return router
