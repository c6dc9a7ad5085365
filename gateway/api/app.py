"""The application that serves the counter: every subject of the API is a module beside this one."""

from __future__ import annotations

import socket

from fastapi import FastAPI

from edge_config.settings import ApiSettings
from gateway.api.counter import add_counter
from gateway.api.documented import DocumentedApi
from gateway.api.events import add_events
from gateway.api.language import language_of
from gateway.api.page import add_page
from gateway.api.pairing import Slips, add_pairing
from gateway.api.previews import add_previews
from gateway.api.printing import add_printing
from gateway.api.problems import add_problems
from gateway.api.receipts import add_receipts
from gateway.api.screen import add_screen
from gateway.guard import Guard
from gateway.pairing import Pairing
from gateway.previews import Previews
from gateway.screen import Screen
from gateway.words import words_for

DESCRIPTION = """What a till can ask of the counter, and hear from it.

An operation carries an `Idempotency-Key`, a UUID that becomes its event id: repeating a request whose answer was lost
gives the first answer again, never a second operation. Errors are problem+json (RFC 9457); their `detail` is a sentence
for the shopkeeper, in the language of `Accept-Language` (fr, en) or else the box's.

Two WebSockets push, and are closed when spoken to: `/v1/screen/live?language=` sends `{"screen": …}`, what
`GET /v1/screen` answers, at once and at each change; `/v1/events/live?after=` sends `{"position": …}`, where it begins,
and then `{"position": …, "event": …}` for each CloudEvent after that position in the journal.
"""


def build_api(
    screen: Screen,
    *,
    pairing: Pairing,
    previews: Previews,
    settings: ApiSettings,
    listener: socket.socket | None = None,
    slips: Slips | None = None,
) -> FastAPI:
    """The application of a box.

    Args:
        slips: Where a PIN can be printed.
        listener: What it is served on.
    """
    own = screen.agent.views.language
    api = DocumentedApi(title="Comptoir", version="1", description=DESCRIPTION, docs_url=None, redoc_url=None)
    api.state.listener = listener
    api.add_middleware(
        Guard,
        names=settings.names,
        doorkeeper=pairing,
        say=lambda problem, accepted: words_for(problem, language_of(accepted, own)),
    )
    add_problems(api, language=own)
    add_counter(api, screen.agent, screen.boot)
    add_printing(api, screen.agent)
    add_screen(api, screen)
    add_events(api, screen.agent.lookup, screen.changes, language=own)
    add_pairing(api, pairing, slips)
    add_receipts(api)
    add_previews(api, previews)
    add_page(api, screen.page, embedded_in=settings.embedded_in)
    return api
