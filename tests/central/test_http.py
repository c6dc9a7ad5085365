"""Snapshots over HTTP: for enrolled boxes alone, and only when they have changed."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from central.http import make_app
from sync.wire import RegistrySnapshot, open_message
from tests.central.world import CARD, Box, Centre

URL = f"/v1/registry/{CARD}"


class Client:
    """Asks the application without a network."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def get(self, url: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://central") as client:
                return await client.get(url, headers=headers)

        return asyncio.run(ask())


@pytest.fixture
def client(centre: Centre) -> Client:
    return Client(make_app(centre.workshop))


def bearer(box: Box, secret: str | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer {box.device}:{secret or box.enrolment.snapshot_secret}"}


def test_a_box_gets_the_signed_snapshot(centre: Centre, box_a: Box, client: Client) -> None:
    card = centre.card()

    response = client.get(URL, headers=bearer(box_a))

    assert (response.status_code, response.headers["ETag"]) == (200, '"1-1"')
    with centre.workshop.read() as work:
        keys = {"central-1": work.keys.signing.public_key()}
    snapshot = open_message(response.content, RegistrySnapshot, context="registry-snapshot", keys=keys)
    assert [entry.instrument for entry in snapshot.entries] == [card]


def test_an_unchanged_snapshot_is_not_sent_again(centre: Centre, box_a: Box, client: Client) -> None:
    etag = client.get(URL, headers=bearer(box_a)).headers["ETag"]

    again = client.get(URL, headers=bearer(box_a) | {"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")

    centre.card()
    changed = client.get(URL, headers=bearer(box_a) | {"If-None-Match": etag})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"1-1"')


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer box-a", "Bearer box-a:wrong", "Bearer nobody:wrong", "Basic box-a:{secret}", "{secret}"],
)
def test_nobody_else_gets_it(box_a: Box, client: Client, authorization: str) -> None:
    headers = {"Authorization": authorization.format(secret=box_a.enrolment.snapshot_secret)}

    assert client.get(URL, headers=headers).status_code == 401


def test_without_any_credentials_it_is_401(client: Client) -> None:
    assert client.get(URL).status_code == 401


def test_one_box_s_secret_is_not_another_s(box_a: Box, box_b: Box, client: Client) -> None:
    assert client.get(URL, headers=bearer(box_a, box_b.enrolment.snapshot_secret)).status_code == 401


def test_an_unknown_programme_is_404(box_a: Box, client: Client) -> None:
    assert client.get("/v1/registry/no-such", headers=bearer(box_a)).status_code == 404


def test_health_answers_while_the_database_does(client: Client) -> None:
    assert client.get("/v1/health").json() == {"status": "ok"}
