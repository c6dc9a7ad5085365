"""A camera's preview over HTTP: pictures one after the other, for as long as someone looks and the camera is there."""

from __future__ import annotations

import asyncio
import contextlib

import httpx
import numpy as np
import pytest

from drivers.camera.source import Frame
from gateway.previews import MOST_WATCHERS
from tests.gateway.api.serving import served
from tests.gateway.playing import until
from tests.gateway.till import Till

FRAME = Frame(grey=np.full((720, 1_280), 128, dtype=np.uint8), origin="1")
PREVIEW = "/v1/cameras/douchette/preview"


def test_a_preview_is_pictures_until_the_camera_goes(till: Till) -> None:
    async def watch() -> httpx.Response:
        transport = httpx.ASGITransport(app=till.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8787") as client:
            with till.previews.showing("douchette") as show:
                asking = asyncio.ensure_future(client.get(PREVIEW))
                await until(lambda: till.previews.watchers == 1)
                show(FRAME)
                await asyncio.sleep(0)  # what the camera's thread hands over is taken
                await asyncio.sleep(0)
            return await asking

    preview = asyncio.run(watch())

    assert preview.headers["content-type"] == "multipart/x-mixed-replace; boundary=picture"
    before, head_and_picture, after = preview.content.split(b"--picture\r\n")
    head, _, picture = head_and_picture.partition(b"\r\n\r\n")
    assert (before, after) == (b"", b"")
    assert head.startswith(b"Content-Type: image/jpeg\r\nContent-Length: ")
    assert picture.startswith(b"\xff\xd8")
    assert till.previews.watchers == 0


def test_a_camera_that_is_not_there_is_told_in_words(till: Till) -> None:
    refused = till.http.get("/v1/cameras/%3Cb%3E/preview", headers={"Accept-Language": "en"})

    assert (refused.status_code, refused.json()["title"]) == (404, "camera-away")
    assert refused.json()["detail"].startswith("This camera isn't there")
    assert "<b>" not in refused.text


def test_too_many_watchers_are_told_so(till: Till) -> None:
    async def watch() -> httpx.Response:
        transport = httpx.ASGITransport(app=till.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8787") as client:
            with till.previews.showing("douchette"), contextlib.ExitStack() as looking:
                for _ in range(MOST_WATCHERS):
                    looking.enter_context(till.previews.watching("douchette"))
                return await client.get(PREVIEW)

    refused = asyncio.run(watch())

    assert (refused.status_code, refused.json()["title"]) == (503, "too-many-watchers")


@pytest.mark.parametrize("patience", [0, 1])
def test_who_hangs_up_looks_no_more(till: Till, patience: int) -> None:
    """However many pictures came before."""

    async def look() -> None:
        async with served(till.api) as there:
            host, _, port = there.rpartition(":")
            with till.previews.showing("douchette") as show:
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(f"GET {PREVIEW} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                await until(lambda: till.previews.watchers == 1)
                for _ in range(patience):
                    show(FRAME)
                    await reader.readuntil(b"\xff\xd8")
                writer.close()
                await until(lambda: till.previews.watchers == 0)

    asyncio.run(look())
