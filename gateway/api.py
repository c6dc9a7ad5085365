"""The local API: HTTP on loopback for the till and the terminal tools; errors are problem+json (RFC 9457).

An operation carries an Idempotency-Key, a UUID that becomes its event id: repeating a request whose answer was lost
gives the first answer again, never a second operation.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Header, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt
from starlette.exceptions import HTTPException

from gateway.agent import Agent
from gateway.errors import CounterError
from gateway.guard import LoopbackGuard
from gateway.orders import Kind, Order
from gateway.views import JSON
from gateway.words import Problem

PROBLEM_JSON = "application/problem+json"
_UNAVAILABLE = (Problem.DISK_FULL, Problem.JOURNAL_FAULT)
_NOT_THERE = (Problem.NOTHING_TO_PRINT, Problem.UNKNOWN_JOB)
_CONFLICT = (
    Problem.KEY_REUSED,
    Problem.NOTHING_TO_CLOSE,
    Problem.NOTHING_PRESENTED,
    Problem.NOTHING_TO_VOID,
    Problem.SALE_VOIDED,
)


JobId = Annotated[int, Path(ge=1, le=2**63 - 1)]
"""SQLite's row ids go no further."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScanBody(_Body):
    """A code that was typed by hand, or read by a reader of the till."""

    code: Annotated[str, Field(min_length=1, max_length=4096)]
    device: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] = "api"


class OperationBody(_Body):
    """An operation.

    Attributes:
        amount: As typed, "23,50"; the basket of an earn, the value of a voucher to sell.
        amount_minor: The same in minor units; one of the two at most.
        code: What lies on the counter, when it is left out.
        programme: To sell from.
        event: The operation to void; the last one, when it is left out.
    """

    kind: Kind
    amount: Annotated[str, Field(max_length=64)] | None = None
    amount_minor: StrictInt | None = None
    code: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    programme: Annotated[str, Field(max_length=64)] | None = None
    event: UUID | None = None


class PrintBody(_Body):
    """What to print; the last operation, when it is left out."""

    event: UUID | None = None


class AnswerBody(_Body):
    """Whether an uncertain print came out."""

    printed: StrictBool


class TrainingBody(_Body):
    """Whether operations are exercises."""

    on: StrictBool


def build_api(agent: Agent) -> FastAPI:
    """The application that serves an agent."""
    api = FastAPI(title="Comptoir", version="1", docs_url=None, redoc_url=None)
    api.add_middleware(LoopbackGuard)
    _add_errors(api, agent)
    _add_reads(api, agent)
    _add_operations(api, agent)
    _add_printing(api, agent)
    return api


def _add_reads(api: FastAPI, agent: Agent) -> None:
    @api.get("/v1/status")
    async def status() -> JSON:
        return agent.status()

    @api.get("/v1/counter")
    async def counter() -> JSON:
        return await agent.show()

    @api.post("/v1/scans")
    async def scans(body: ScanBody) -> JSON:
        return await agent.scan(body.code, device=body.device)


def _add_operations(api: FastAPI, agent: Agent) -> None:
    @api.post("/v1/operations")
    async def operations(body: OperationBody, idempotency_key: Annotated[str, Header(max_length=64)]) -> JSON:
        if body.amount is not None and body.amount_minor is not None:
            raise HTTPException(422, "amount, amount_minor: give one of the two")
        order = Order(
            kind=body.kind,
            amount=body.amount if body.amount is not None else body.amount_minor,
            code=body.code,
            programme=body.programme,
            target=body.event,
        )
        return await agent.operate(order, _key(idempotency_key))

    @api.post("/v1/day-closures")
    async def day_closures() -> JSON:
        return await agent.close_days()

    @api.put("/v1/training")
    async def training(body: TrainingBody) -> JSON:
        return agent.train(body.on)


def _add_printing(api: FastAPI, agent: Agent) -> None:
    @api.post("/v1/prints", status_code=202)
    async def prints(body: PrintBody) -> JSON:
        return await agent.print(body.event)

    @api.post("/v1/prints/{job}/answer")
    async def answer(job: JobId, body: AnswerBody) -> JSON:
        return await agent.answer_print(job, printed=body.printed)


def _key(text: str) -> UUID:
    try:
        return UUID(text.strip().strip('"'))
    except ValueError:
        raise HTTPException(400, "Idempotency-Key: must be a UUID, another one for each operation") from None


def _add_errors(api: FastAPI, agent: Agent) -> None:
    async def counter_error(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, CounterError)
        return problem(_status(error.problem), error.problem.value, error.say(agent.views.language))

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        faults = [f"{'.'.join(map(str, fault['loc'][1:])) or 'body'}: {fault['msg']}" for fault in error.errors()]
        return problem(422, "bad-request", "; ".join(faults))

    async def http_error(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, "bad-request", error.detail)

    api.add_exception_handler(CounterError, counter_error)
    api.add_exception_handler(RequestValidationError, invalid)
    api.add_exception_handler(HTTPException, http_error)


def _status(kind: Problem) -> int:
    if kind in _UNAVAILABLE:
        return 507 if kind is Problem.DISK_FULL else 503
    if kind in _NOT_THERE:
        return 404
    return 409 if kind in _CONFLICT else 422


def problem(status: int, kind: str, detail: str) -> JSONResponse:
    """An error as RFC 9457 wants it."""
    content = {"type": f"urn:comptoir:problem:{kind}", "title": kind, "status": status, "detail": detail}
    return JSONResponse(content, status_code=status, media_type=PROBLEM_JSON)
