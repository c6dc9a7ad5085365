"""What the office is told when something can't be done: problem+json (RFC 9457), in French or English."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from central.errors import CentralError

PROBLEM_JSON = "application/problem+json"
_INVALID = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence in both languages, with its HTTP status; {names} are filled in."""

    status: int
    fr: str
    en: str


class Problem(Enum):
    """Why not, and what to do."""

    NOT_SIGNED_IN = Sentence(status=401, fr="Connectez-vous d'abord.", en="Sign in first.")
    WRONG_PASSPHRASE = Sentence(
        status=403,
        fr="Nom ou phrase secrète incorrects. Vérifiez, puis réessayez.",
        en="Wrong name or passphrase. Check them, then try again.",
    )
    TOO_MANY_TRIES = Sentence(status=429, fr="Trop d'essais. Attendez une minute.", en="Too many tries. Wait a minute.")
    NO_DATABASE = Sentence(
        status=503,
        fr="Le centre n'arrive pas à lire ou écrire ses données. Réessayez ; si cela dure, appelez l'assistance.",
        en="The centre can't read or write its data. Try again; if it lasts, call support.",
    )
    FOREIGN_HOST = Sentence(
        status=403,
        fr="Le centre ne connaît pas ce nom. Appelez-le par son adresse, ou mettez ce nom dans public_url.",
        en="The centre doesn't know this name. Call it by its address, or put this name into public_url.",
    )
    FOREIGN_ORIGIN = Sentence(
        status=403,
        fr="Les pages d'autres sites ne peuvent pas se servir du bureau.",
        en="Pages of other sites may not use the office.",
    )
    TOO_LARGE = Sentence(
        status=413,
        fr="Le corps doit annoncer sa taille (Content-Length), et n'a droit qu'à quelques kilo-octets.",
        en="The body must tell its size (Content-Length), and may only have a few kilobytes.",
    )
    ALREADY_DECIDED = Sentence(
        status=409,
        fr="{by} a déjà décidé. Sa décision reste : regardez le bureau.",
        en="{by} has decided already. That decision stays: look at the desk.",
    )
    LOSS_CHANGED = Sentence(
        status=409,
        fr="La perte a changé depuis que cette page l'a montrée. Regardez le nouveau montant, puis décidez.",
        en="The loss has changed since this page showed it. Look at the new amount, then decide.",
    )
    NOTHING_TO_DECIDE = Sentence(
        status=409,
        fr="Il n'y a plus rien à décider ici. Regardez le bureau.",
        en="There is nothing to decide here any more. Look at the desk.",
    )


class OfficeError(CentralError):
    """Whoever is at the page: what they asked for can't be done."""

    def __init__(self, problem: Problem, **given: str) -> None:
        """Say why.

        Args:
            problem: What it is.
            given: Fills in the sentence.
        """
        super().__init__(problem.value.en.format(**given))
        self.problem = problem
        self.given = given

    def say(self, language: str) -> str:
        """The sentence in a language."""
        sentence = self.problem.value
        return (sentence.fr if language == "fr" else sentence.en).format(**self.given)


def add_problems(app: FastAPI) -> None:
    """Answer the office's errors as problems."""

    async def office_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, OfficeError)
        return refusal(error, request.headers.get("accept-language", ""))

    async def no_database(request: Request, error: Exception) -> JSONResponse:
        # Whoever asked can only try again; why it failed is for who keeps the centre.
        logging.getLogger(__name__).error("not answered: %s", request.url.path, exc_info=error)
        return await office_error(request, OfficeError(Problem.NO_DATABASE))

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        faults = [f"{'.'.join(map(str, fault['loc'][1:])) or 'body'}: {fault['msg']}" for fault in error.errors()]
        return problem(_INVALID, "bad-request", "; ".join(faults))

    app.add_exception_handler(OfficeError, office_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(SQLAlchemyError, no_database)


def refusal(error: OfficeError, accept_language: str) -> JSONResponse:
    """An error as a problem: in French, unless the caller puts English first."""
    kind = error.problem.name.lower().replace("_", "-")
    language = "en" if accept_language.strip().lower().startswith("en") else "fr"
    return problem(error.problem.value.status, kind, error.say(language))


def problem(status: int, kind: str, detail: str) -> JSONResponse:
    """An error as RFC 9457 wants it."""
    content = {"type": f"urn:comptoir:problem:{kind}", "title": kind, "status": status, "detail": detail}
    return JSONResponse(content, status_code=status, media_type=PROBLEM_JSON)
