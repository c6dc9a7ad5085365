"""A screen of the network from its PIN to its end, over real sockets."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from edge_config.settings import ApiSettings
from tests.gateway.api.serving import served
from tests.gateway.till import Till
from tests.gateway.world import Box

NAME = "caisse.maison"
"""Who calls the box by a name comes through the network, or through a proxy."""


def test_a_screen_is_paired_sees_each_change_and_ends_when_it_is_revoked(box: Box) -> None:
    till = Till(box, settings=ApiSettings(names=(NAME,)))

    async def story() -> None:
        async with served(till.api) as there, httpx.AsyncClient(base_url=f"http://{there}") as tablet:
            tablet.headers["Host"] = NAME
            assert (await tablet.get("/")).status_code == 200
            assert (await tablet.get("/v1/screen")).status_code == 401
            await _is_refused(_live(there, "comptoir-screen=x"))
            paired = await tablet.post("/v1/pairing", json={"pin": till.pairing.offer(), "name": "Tablette"})
            cookie = paired.headers["set-cookie"].partition(";")[0]
            tablet.headers["Cookie"] = cookie
            assert (await tablet.get("/v1/screen")).status_code == 200
            await _is_refused(_live(there, cookie, origin="http://evil.example"))
            async with _live(there, cookie) as screen:
                before = await _next(screen)
                box.changes.announce()
                assert (await _next(screen))["revision"] > before["revision"]
                (known,) = till.pairing.screens
                till.pairing.revoke(known.screen)
                with pytest.raises(websockets.ConnectionClosedError) as ended:
                    await _next(screen)
            assert ended.value.rcvd is not None
            assert ended.value.rcvd.code == 1008
            assert (await tablet.get("/v1/screen")).status_code == 401

    asyncio.run(story())


def _live(there: str, cookie: str, *, origin: str = f"http://{NAME}") -> connect:
    host, _, port = there.rpartition(":")
    headers = {"Cookie": cookie, "Origin": origin}
    return connect(f"ws://{NAME}/v1/screen/live", host=host, port=int(port), additional_headers=headers, proxy=None)


async def _next(screen: ClientConnection) -> dict[str, int]:
    state: dict[str, int] = json.loads(await screen.recv())["screen"]
    return state


async def _is_refused(connecting: connect) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connecting
    assert refused.value.response.status_code == 403
