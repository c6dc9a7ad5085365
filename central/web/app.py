"""The office pages' paths. Acts and states need a signed-in user; the page itself and signing in don't."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from importlib.resources import files
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Cookie, Depends, FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from central.deciding import AlreadyDecided, decide
from central.errors import CommandError
from central.signin import SESSION_LASTS, NotSignedIn, SignIn, TooManyTries
from central.web.state import JSON, BooksCheck, office_state, stamp
from central.work import Workshop
from programme.events import DeskDecision

COOKIE = "comptoir-office"
LOOK_EVERY_S = 1.0
MOST_CLIENTS = 16
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

Session = Annotated[str, Cookie(alias=COOKIE, max_length=100)]


class Credentials(BaseModel):
    """Who signs in."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=40)]
    passphrase: Annotated[str, Field(min_length=1, max_length=100)]


class DecisionBody(BaseModel):
    """What is decided about a redemption on the desk."""

    model_config = ConfigDict(extra="forbid")
    decision: DeskDecision


def same_origin(request: Request) -> None:
    """Acts come from our own page or from no page at all."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "Origin: pages of other origins may not act here")


def signed_in(request: Request, session: Session = "") -> str:
    """Who is signed in."""
    sign_in: SignIn = request.app.state.sign_in
    user = sign_in.user(session) if session else None
    if user is None:
        raise HTTPException(401, "sign in first")
    return user


User = Annotated[str, Depends(signed_in)]


class Office:
    """What the paths work with."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.books = BooksCheck(workshop, monotonic_s=time.monotonic)
        self.clients = 0

    def state(self) -> JSON:
        """All that there is to see now."""
        books = self.books.told()
        with self.workshop.read() as work:
            return office_state(work, books)

    def stamp(self) -> tuple[object, ...]:
        """Changes when the state does."""
        with self.workshop.read() as work:
            return stamp(work)


def add_office(app: FastAPI, workshop: Workshop) -> None:
    """Join the office pages to central's application."""
    app.state.sign_in = SignIn(workshop, monotonic_s=time.monotonic)
    office = Office(workshop)
    _add_page(app)
    _add_session(app)
    _add_state(app, office)
    _add_desk(app, office)


def _add_page(app: FastAPI) -> None:
    page = {entry.name: entry.read_bytes() for entry in (files("central.web") / "page").iterdir()}

    @app.get("/", include_in_schema=False)
    def index() -> Response:
        return Response(page["index.html"], media_type="text/html", headers=_HEADERS)

    @app.get("/page/{name}", include_in_schema=False)
    def file(name: str) -> Response:
        if name not in page:
            return Response(status_code=404)
        return Response(page[name], media_type=_TYPES[name[name.rfind(".") :]], headers=_HEADERS)


def _add_session(app: FastAPI) -> None:
    sign_in: SignIn = app.state.sign_in

    @app.get("/v1/office/session")
    def session(session: Session = "") -> JSON:
        """Who is signed in, and whether anybody can."""
        return {"user": sign_in.user(session) if session else None, "has_users": sign_in.has_users()}

    @app.post("/v1/office/session", status_code=204, dependencies=[Depends(same_origin)])
    def enter(credentials: Credentials, request: Request) -> Response:
        """Sign in."""
        address = request.client.host if request.client is not None else ""
        try:
            cookie = sign_in.sign_in(credentials.name, credentials.passphrase, address=address)
        except NotSignedIn as error:
            raise HTTPException(403, str(error)) from None
        except TooManyTries as error:
            raise HTTPException(429, str(error), headers={"Retry-After": "60"}) from None
        response = Response(status_code=204)
        lasts_s = int(SESSION_LASTS.total_seconds())
        response.set_cookie(
            COOKIE, cookie, max_age=lasts_s, httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return response

    @app.delete("/v1/office/session", status_code=204, dependencies=[Depends(same_origin)])
    def leave(session: Session = "") -> Response:
        """Sign out."""
        sign_in.sign_out(session)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response


def _add_state(app: FastAPI, office: Office) -> None:
    @app.get("/v1/office/state")
    def state(_: User) -> JSON:
        """All that the office page shows."""
        return office.state()

    @app.get("/v1/office/live", response_class=EventSourceResponse)
    async def live(_: User, request: Request, session: Session = "") -> AsyncIterator[ServerSentEvent]:
        """The same, again at each change; it ends with the session."""
        if office.clients >= MOST_CLIENTS:
            yield ServerSentEvent(event="full", data="too many pages are open")
            return
        office.clients += 1
        sign_in: SignIn = request.app.state.sign_in
        shown: tuple[object, ...] = ()
        try:
            while await run_in_threadpool(sign_in.user, session) is not None:
                now = await run_in_threadpool(office.stamp)
                if now != shown:
                    shown = now
                    yield ServerSentEvent(event="state", data=await run_in_threadpool(office.state))
                await asyncio.sleep(LOOK_EVERY_S)
            yield ServerSentEvent(event="signed-out", data="")
        finally:
            office.clients -= 1


def _add_desk(app: FastAPI, office: Office) -> None:
    @app.post("/v1/office/desk/{redemption}/decision", status_code=204, dependencies=[Depends(same_origin)])
    def decision(redemption: UUID, body: DecisionBody, user: User) -> Response:
        """Settle a redemption on the desk; the same decision again changes nothing."""
        try:
            with office.workshop.write() as work:
                decide(work, redemption, body.decision, by=user)
        except AlreadyDecided as error:
            raise HTTPException(409, str(error)) from None
        except CommandError as error:
            raise HTTPException(404, str(error)) from None
        return Response(status_code=204)

    @app.exception_handler(HTTPException)
    async def problem(_: Request, error: HTTPException) -> JSONResponse:
        content = {"type": "about:blank", "status": error.status_code, "title": "", "detail": error.detail}
        return JSONResponse(
            content, status_code=error.status_code, media_type="application/problem+json", headers=error.headers
        )
