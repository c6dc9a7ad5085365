"""Errors as problem+json (RFC 9457), with a sentence for people in the language that the caller asks for."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gateway.api.faults import explain_fault
from gateway.api.language import language_of
from gateway.errors import CounterError
from gateway.words import Problem, choose
from sync.errors import JournalError

_log = structlog.get_logger("comptoir.api")
PROBLEM_JSON = "application/problem+json"
_STATUSES = {
    Problem.NOT_PAIRED: 401,
    Problem.WRONG_PIN: 403,
    Problem.TOO_MANY_PINS: 429,
    Problem.LOOPBACK_ONLY: 409,
    Problem.CAMERA_AWAY: 404,
    Problem.TOO_MANY_WATCHERS: 503,
    Problem.TOO_MANY_SCREENS: 503,
    Problem.TRAINING_UNCHANGED: 507,
    Problem.DISK_FULL: 507,
    Problem.JOURNAL_FAULT: 503,
    Problem.JOURNAL_UNREADABLE: 503,
    Problem.NOTHING_TO_PRINT: 404,
    Problem.UNKNOWN_JOB: 404,
    Problem.KEY_REUSED: 409,
    Problem.COUNTER_CHANGED: 409,
    Problem.MODE_CHANGED: 409,
    Problem.NOTHING_TO_CLOSE: 409,
    Problem.NOTHING_PRESENTED: 409,
    Problem.NOTHING_TO_VOID: 409,
    Problem.SALE_VOIDED: 409,
}
_UNUSABLE = 422


def add_problems(api: FastAPI, *, language: str) -> None:
    """Answer every error as a problem.

    Args:
        language: The box's own, for who doesn't ask for one.
    """

    async def counter_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, CounterError)
        said = error.say(language_of(request.headers.get("accept-language"), language))
        return problem(status_of(error.problem), error.problem.value, said)

    async def unreadable(request: Request, error: Exception) -> JSONResponse:
        _log.error("journal fault", reason=str(error))
        return await counter_error(request, CounterError(Problem.JOURNAL_UNREADABLE))

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        wanted = language_of(request.headers.get("accept-language"), language)
        faults = [explain_fault(fault, wanted) for fault in error.errors()]
        return problem(_UNUSABLE, "bad-request", choose(wanted, " ; ", "; ").join(faults))

    async def http_error(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, "bad-request", error.detail)

    api.add_exception_handler(CounterError, counter_error)
    api.add_exception_handler(JournalError, unreadable)
    api.add_exception_handler(RequestValidationError, invalid)
    api.add_exception_handler(HTTPException, http_error)


def problem(status: int, kind: str, detail: str) -> JSONResponse:
    """An error as RFC 9457 wants it."""
    return JSONResponse(content_of(status, kind, detail), status_code=status, media_type=PROBLEM_JSON)


def content_of(status: int, kind: str, detail: str) -> dict[str, Any]:
    """What a problem says."""
    return {"type": f"urn:comptoir:problem:{kind}", "title": kind, "status": status, "detail": detail}


def status_of(problem: Problem) -> int:
    """The HTTP status that a problem of the counter is answered under."""
    return _STATUSES.get(problem, _UNUSABLE)
