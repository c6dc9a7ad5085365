"""The office's paths. Acts and states need a signed-in user; the page itself and signing in don't."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import aclosing
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Cookie, Depends, FastAPI, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from central.deciding import AlreadyDecided, LossChanged, NothingToDecide, decide
from central.signin import SESSION_LASTS, NotSignedIn, SignIn, TooManyTries
from central.web.checking import JSON, BooksCheck
from central.web.guard import Guard
from central.web.link import LinkState
from central.web.live import Board
from central.web.page import add_page
from central.web.problems import OfficeError, Problem, add_problems
from central.web.state import office_state, stamp
from central.work import Workshop
from programme.events import Decided, DeskDecision

COOKIE = "comptoir-office"

Session = Annotated[str, Cookie(alias=COOKIE, max_length=100)]


class Credentials(BaseModel):
    """Who signs in."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "claire", "passphrase": "3f9a-…"}})
    name: Annotated[str, Field(min_length=1, max_length=40)]
    passphrase: Annotated[str, Field(min_length=1, max_length=100)]


class SessionView(BaseModel):
    """Who is signed in, and whether anybody can."""

    user: str | None
    has_users: bool


class DecisionBody(BaseModel):
    """What is decided about something on the desk, given what the page showed as lost on it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"decision": "accept_loss", "loss_minor": 2000}}
    )
    decision: DeskDecision
    loss_minor: Annotated[int, Field(ge=0, le=2**53 - 1, strict=True)]


class DecisionView(BaseModel):
    """The decision that holds: this one, or the same one that somebody took before."""

    decision: DeskDecision
    by: str
    at: datetime


class Office:
    """What the paths work with."""

    def __init__(self, workshop: Workshop, *, link: Callable[[], LinkState] | None = None) -> None:
        up = LinkState(is_up=True, since=workshop.clock.now())
        self.link = link or (lambda: up)
        self.workshop = workshop
        self.sign_in = SignIn(workshop, monotonic_s=time.monotonic)
        self.books = BooksCheck(workshop, monotonic_s=time.monotonic)
        self.board = Board(
            boot=secrets.token_hex(4),
            stamp=self.stamp,
            draw=lambda: json.dumps(self.state(), ensure_ascii=False),
            check=self.books.check,
        )

    def state(self) -> JSON:
        """All that there is to see now."""
        with self.workshop.read() as work:
            return office_state(work, self.books.newest, self.link())

    def stamp(self) -> tuple[object, ...]:
        """Changes when the state does."""
        with self.workshop.read() as work:
            return *stamp(work), self.link(), (self.books.newest or {}).get("checked_at")

    def user(self, session: Session = "") -> str:
        """Who is signed in."""
        user = self.sign_in.user(session) if session else None
        if user is None:
            raise OfficeError(Problem.NOT_SIGNED_IN)
        return user


def add_office(
    app: FastAPI,
    workshop: Workshop,
    *,
    names: Collection[str] = (),
    link: Callable[[], LinkState] | None = None,
) -> Board:
    """Join the office to central's application.

    Args:
        names: Host names under which it is reached, beside addresses and names of the local network.
        link: How the link to the broker is; without it, up.

    Returns:
        What everybody looks at: tell it of changes, and close it before central stops.
    """
    office = Office(workshop, link=link)
    router = APIRouter(prefix="/v1/office", tags=["office"])
    _add_session(router, office)
    _add_state(router, office)
    _add_desk(router, office)
    app.include_router(router)
    app.add_middleware(Guard, names=names)
    add_page(app)
    add_problems(app)
    return office.board


def _add_session(router: APIRouter, office: Office) -> None:
    @router.get("/session")
    def session(session: Session = "") -> SessionView:
        """Who is signed in, and whether anybody can be."""
        user = office.sign_in.user(session) if session else None
        return SessionView(user=user, has_users=office.sign_in.has_users())

    @router.post("/session", status_code=204)
    def enter(credentials: Credentials, request: Request) -> Response:
        """Sign in: sets a cookie that scripts can't read, and that ends after a working day."""
        address = request.client.host if request.client is not None else ""
        try:
            cookie = office.sign_in.sign_in(credentials.name, credentials.passphrase, address=address)
        except NotSignedIn:
            raise OfficeError(Problem.WRONG_PASSPHRASE) from None
        except TooManyTries:
            raise OfficeError(Problem.TOO_MANY_TRIES) from None
        response = Response(status_code=204)
        lasts_s = int(SESSION_LASTS.total_seconds())
        response.set_cookie(
            COOKIE, cookie, max_age=lasts_s, httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return response

    @router.delete("/session", status_code=204)
    def leave(session: Session = "") -> Response:
        """Sign out."""
        office.sign_in.sign_out(session)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response


def _add_state(router: APIRouter, office: Office) -> None:
    @router.get("/state", dependencies=[Depends(office.user)])
    def state() -> JSON:
        """All that the office page shows."""
        return office.state()

    @router.get("/live", response_class=EventSourceResponse, dependencies=[Depends(office.user)])
    async def live(
        session: Session = "", last_event_id: Annotated[str | None, Header(max_length=40)] = None
    ) -> AsyncIterator[ServerSentEvent]:
        """The same, whole, at each change: `state` events; what a slow client missed is left out.

        It ends with the session, by a `signed-out` event, or at once by a `full` one when too many look.
        `Last-Event-ID` spares who has the newest state already.
        """
        if office.board.is_full:
            # Browsers don't let a page see why a stream was refused.
            yield ServerSentEvent(event="full", raw_data="")
            return
        async with aclosing(office.board.watch(last_event_id)) as states:
            async for drawn in states:
                if await run_in_threadpool(office.sign_in.user, session) is None:
                    yield ServerSentEvent(event="signed-out", raw_data="")
                    return
                yield ServerSentEvent(event="state", id=drawn.id, raw_data=drawn.text)


def _add_desk(router: APIRouter, office: Office) -> None:
    @router.post("/desk/{case}/decision")
    def decision(case: UUID, body: DecisionBody, user: str = Depends(office.user)) -> DecisionView:
        """Settle a redemption, or say that another event or a row was seen, named by its id, once and for all.

        A request that comes again gets the first answer again; whoever decides otherwise is told who decided, and
        whoever saw another loss than there is by now is told so (409).
        """
        try:
            with office.workshop.write() as work:
                taken = decide(work, case, body.decision, by=user, loss_minor=body.loss_minor)
        except AlreadyDecided as error:
            raise OfficeError(Problem.ALREADY_DECIDED, by=error.by) from None
        except LossChanged:
            raise OfficeError(Problem.LOSS_CHANGED) from None
        except NothingToDecide:
            raise OfficeError(Problem.NOTHING_TO_DECIDE) from None
        assert isinstance(taken.data, Decided)
        return DecisionView(decision=taken.data.decision, by=taken.data.by, at=taken.ordered_at)
