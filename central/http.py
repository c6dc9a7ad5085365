"""Central's HTTP side: registry snapshots for boxes, whether it is well, and the office."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable, Collection
from typing import Annotated

from fastapi import FastAPI, Header, Response

from central import registry
from central.store import devices, instruments
from central.store.database import Store
from central.web.app import add_office
from central.web.link import LinkState
from central.work import Workshop

JSON = "application/json"
_NO_SECRET = "0" * 64


def make_app(
    workshop: Workshop, *, names: Collection[str] = (), link: Callable[[], LinkState] | None = None
) -> FastAPI:
    """The HTTP application.

    Args:
        names: Host names under which the office is reached, beside addresses and names of the local network.
        link: How the link to the broker is; without it, up.

    Returns:
        Its `state.board` is what the office looks at.
    """
    app = FastAPI(title="Comptoir central", version="1", docs_url=None, redoc_url=None)
    snapshots = Snapshots(workshop)

    @app.get("/v1/health")
    def health() -> dict[str, str]:
        with workshop.store.read() as db:
            instruments.heads(db)
        return {"status": "ok"}

    @app.get("/v1/registry/{programme}")
    def snapshot(
        programme: str,
        authorization: Annotated[str, Header()] = "",
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        if not is_box(workshop.store, authorization):
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        found = snapshots.get(programme)
        if found is None:
            return Response(status_code=404)
        etag, body = found
        if etag in (tag.strip() for tag in if_none_match.split(",")):
            return Response(status_code=304, headers={"ETag": etag})
        return Response(content=body, media_type=JSON, headers={"ETag": etag})

    app.state.board = add_office(app, workshop, names=names, link=link)
    return app


class Snapshots:
    """The newest snapshot of each programme, signed once per version."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._lock = threading.Lock()
        self._made: dict[str, tuple[str, bytes]] = {}

    def get(self, programme: str) -> tuple[str, bytes] | None:
        """ETag and signed snapshot; None for an unknown programme."""
        # After an outage many boxes want the same one: the others wait for the first to make it.
        with self._lock, self._workshop.read() as work:
            version = instruments.heads(work.db).get(programme)
            if version is None:
                return None
            etag = f'"{work.generation}-{version}"'
            made = self._made.get(programme)
            if made is None or made[0] != etag:
                made = etag, registry.snapshot(work, programme)
                self._made[programme] = made
            return made


def is_box(store: Store, authorization: str) -> bool:
    """Whether a header is "Bearer {device}:{snapshot secret}" of an enrolled box."""
    scheme, _, credentials = authorization.partition(" ")
    name, _, secret = credentials.partition(":")
    with store.read() as db:
        device = devices.find(db, name)
    expected = device.snapshot_secret_hash if device is not None else _NO_SECRET
    given = hashlib.sha256(secret.encode()).hexdigest()
    return secrets.compare_digest(given, expected) and device is not None and scheme.lower() == "bearer"
