"""A till that calls the local API of a box in a folder."""

from __future__ import annotations

import asyncio
import socket
from datetime import datetime
from typing import Any

import httpx
from fastapi import FastAPI
from uuid_utils.compat import uuid7

from edge_config.settings import ApiSettings
from gateway.agent import Agent
from gateway.api.app import build_api
from gateway.api.pairing import Slips
from gateway.devices import DeviceBoard
from gateway.page import read_page
from gateway.pairing import Pairing
from gateway.previews import Previews
from gateway.printing import Printing
from gateway.screen import DeviceKind, Screen
from gateway.views import Views
from tests.gateway.world import NOON, Box

KINDS = {"douchette": DeviceKind.SCANNER}


class Down:
    """A link that isn't there."""

    is_up = False
    last_ack_at = None


class Fresh:
    """A replica seen to be the newest."""

    @property
    def checked_at(self) -> dict[str, datetime]:
        return {"albret-card": NOON}


class Http:
    """Calls an application without a socket."""

    def __init__(self, api: FastAPI, *, address: str = "127.0.0.1", url: str = "http://127.0.0.1:8787") -> None:
        self._transport = httpx.ASGITransport(app=api, client=(address, 40_000))
        self._url = url

    def call(self, method: str, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401
        async def request() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url=self._url) as client:
                return await client.request(method, path, **given)

        return asyncio.run(request())

    def post_often(self, times: int, path: str, **given: Any) -> list[httpx.Response]:  # noqa: ANN401
        async def requests() -> list[httpx.Response]:
            async with httpx.AsyncClient(transport=self._transport, base_url=self._url) as client:
                return [await client.post(path, **given) for _ in range(times)]

        return asyncio.run(requests())

    def get(self, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401
        return self.call("GET", path, **given)

    def post(self, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401
        return self.call("POST", path, **given)

    def put(self, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401
        return self.call("PUT", path, **given)


class Till:
    """A till that calls the API of a box."""

    def __init__(
        self,
        box: Box,
        *,
        language: str = "fr",
        has_printer: bool = False,
        settings: ApiSettings | None = None,
        slips: Slips | None = None,
        listener: socket.socket | None = None,
    ) -> None:
        self.box = box
        self.board = DeviceBoard(box.changes.announce)
        printing = Printing(
            counter=box.counter,
            lookup=box.lookup,
            has_printer=has_printer,
            queued=lambda: None,
        )
        agent = Agent(
            identity=box.identity,
            journal=box.journal,
            lookup=box.lookup,
            counter=box.counter,
            desk=box.desk,
            orders=box.orders,
            printing=printing,
            board=self.board,
            link=Down(),
            replica=Fresh(),
            views=Views(language=language),
            now=box.clock.now,
            new_id=uuid7,
        )
        self.screen = Screen(agent=agent, changes=box.changes, kinds=KINDS, boot=uuid7(), page=read_page())
        self.pairing = Pairing(box.folder, now=box.clock.now, monotonic_s=self._monotonic_s)
        self.previews = Previews(monotonic_s=self._monotonic_s)
        self.api = build_api(
            self.screen,
            pairing=self.pairing,
            previews=self.previews,
            settings=settings or ApiSettings(),
            slips=slips,
            listener=listener,
        )
        self.http = Http(self.api)

    def _monotonic_s(self) -> float:
        return self.box.clock.elapsed_us() / 1_000_000

    def get(self, path: str) -> Any:  # noqa: ANN401
        response = self.http.get(path)
        assert response.status_code == 200
        return response.json()

    def operate(self, *, key: str | None = None, status: int = 200, **body: object) -> Any:  # noqa: ANN401
        response = self.http.post("/v1/operations", json=body, headers={"Idempotency-Key": key or str(uuid7())})
        assert response.status_code == status, response.text
        if status != 200:
            assert response.headers["content-type"] == "application/problem+json"
        return response.json()
