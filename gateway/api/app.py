"""The application that serves the counter: every subject of the API is a module beside this one."""

from __future__ import annotations

from fastapi import FastAPI

from gateway.api.counter import add_counter
from gateway.api.events import add_events
from gateway.api.page import add_page
from gateway.api.printing import add_printing
from gateway.api.problems import add_problems
from gateway.api.screen import add_screen
from gateway.guard import LoopbackGuard
from gateway.screen import Screen

DESCRIPTION = """What a till can ask of the counter, and hear from it.

An operation carries an `Idempotency-Key`, a UUID that becomes its event id: repeating a request whose answer was lost
gives the first answer again, never a second operation. Errors are problem+json (RFC 9457); their `detail` is a sentence
for the shopkeeper, in the language of `Accept-Language` (fr, en) or else the box's.
"""


def build_api(screen: Screen) -> FastAPI:
    """The application of a box."""
    api = FastAPI(title="Comptoir", version="1", description=DESCRIPTION, docs_url=None, redoc_url=None)
    api.add_middleware(LoopbackGuard)
    add_problems(api, language=screen.agent.views.language)
    add_counter(api, screen.agent)
    add_printing(api, screen.agent)
    add_screen(api, screen)
    add_events(api, screen.agent.lookup, screen.changes)
    add_page(api)
    return api
