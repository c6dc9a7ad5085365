"""The network camera, watched by what isn't ours: OpenCV's FFmpeg, curl, and Python's HTTP client."""

from __future__ import annotations

import asyncio
import http.client
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import cv2
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

from hardware_sim.camera_twin import CameraTwin
from hardware_sim.errors import UnpluggedError
from hardware_sim.ports import LOOPBACK
from hardware_sim.things import Kind

pytestmark = pytest.mark.anyio

TOKEN = ("CPT1:" + "6BFOXN%TSMAHN-HQSCU6PPJO" * 7)[:165]
SOON_S = 20.0


class Viewer:
    """Reads the parts of the stream one by one."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(LOOPBACK, port, timeout=SOON_S)
        self._connection.request("GET", "/video")
        self.response = self._connection.getresponse()

    def picture(self) -> NDArray[np.uint8]:
        """The next picture; ConnectionError when there is none any more."""
        boundary = self.response.headers.get_boundary()
        line = self.response.readline().strip()
        if line == b"":
            raise ConnectionError("the camera left")
        assert line == f"--{boundary}".encode()
        headers = http.client.parse_headers(self.response)
        assert headers.get_content_type() == "image/jpeg"
        jpeg = self.response.read(int(headers["Content-Length"]))
        assert self.response.readline() == b"\r\n"
        return np.asarray(cv2.imdecode(np.frombuffer(jpeg, dtype=np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)

    def picture_of(self, token: str) -> NDArray[np.uint8]:
        """The next picture on which this code can be read."""
        while True:
            picture = self.picture()
            if token in {code.text for code in zxingcpp.read_barcodes(picture)}:
                return picture

    def close(self) -> None:
        self.response.close()
        self._connection.close()


@asynccontextmanager
async def viewing(port: int) -> AsyncIterator[Viewer]:
    viewer = await asyncio.to_thread(Viewer, port)
    try:
        yield viewer
    finally:
        viewer.close()


@contextmanager
def ffmpeg(url: str) -> Iterator[cv2.VideoCapture]:
    patience = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        int(1_000 * SOON_S),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        int(1_000 * SOON_S),
    ]
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, patience)
    try:
        yield capture
    finally:
        capture.release()


async def test_it_is_a_multipart_stream_of_jpegs_of_an_empty_counter() -> None:
    async with CameraTwin() as camera, viewing(camera.port) as viewer:
        picture = await asyncio.to_thread(viewer.picture)

    assert viewer.response.headers.get_content_type() == "multipart/x-mixed-replace"
    assert picture.shape == (720, 1_280, 3)
    assert zxingcpp.read_barcodes(picture) == []


async def test_ffmpeg_films_with_it() -> None:
    def watch() -> set[str]:
        with ffmpeg(camera.url) as capture:
            opened.set_result(capture.isOpened())
            while True:
                there_is_one, picture = capture.read()
                assert there_is_one
                if read := {code.text for code in zxingcpp.read_barcodes(picture)}:
                    return read

    async with CameraTwin() as camera:
        opened: asyncio.Future[bool] = ThreadsafeFuture()
        watching = asyncio.create_task(asyncio.to_thread(watch))
        assert await opened
        await camera.show(TOKEN, kind=Kind.CARD, seed=3, seconds=20.0)
        assert await watching == {TOKEN}


class ThreadsafeFuture(asyncio.Future[bool]):
    """A future that another thread may answer."""

    def set_result(self, result: bool, /) -> None:
        self.get_loop().call_soon_threadsafe(super().set_result, result)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_curl_receives_it() -> None:
    async with CameraTwin() as camera:
        command = ["curl", "--silent", "--max-filesize", "1", "--include", "--http1.1", "--output", "-", camera.url]
        curl = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        assert curl.stdout is not None
        received = await curl.stdout.readuntil(b"\xff\xd8")  # the start of the first JPEG
        curl.kill()
        await curl.communicate()

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"multipart/x-mixed-replace" in received


@pytest.mark.parametrize("kind", Kind)
async def test_what_is_shown_comes_and_leaves_by_itself(kind: Kind) -> None:
    def watch() -> None:
        viewer.picture_of(TOKEN)
        while camera.showing:
            viewer.picture()

    async with CameraTwin() as camera, viewing(camera.port) as viewer:
        await camera.show(TOKEN, kind=kind, seed=3, seconds=2.0)
        await asyncio.to_thread(watch)


async def test_what_is_shown_can_be_taken_away() -> None:
    async with CameraTwin() as camera:
        await camera.show(TOKEN, kind=Kind.CARD, seed=3, seconds=3_600.0)
        assert camera.showing
        camera.take_away()
        assert not camera.showing


async def test_frozen_it_stays_connected_and_sends_nothing_until_it_goes_on() -> None:
    async with CameraTwin() as camera, viewing(camera.port) as viewer:
        camera.freeze()
        await camera.show(TOKEN, kind=Kind.CARD, seed=3, seconds=1.5)
        await camera.left()
        assert camera.viewers == 1
        camera.thaw()
        pictures = [await asyncio.to_thread(viewer.picture) for _ in range(10)]

    assert [zxingcpp.read_barcodes(picture) for picture in pictures] == [[]] * 10


async def test_unplugged_it_ends_every_connection_and_comes_back_at_the_same_address() -> None:
    def drain(viewer: Viewer) -> None:
        while True:
            viewer.picture()

    async with CameraTwin() as camera:
        async with viewing(camera.port) as viewer:
            await camera.unplug()
            with pytest.raises((ConnectionError, http.client.HTTPException)):
                await asyncio.to_thread(drain, viewer)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(Viewer, camera.port)
        with pytest.raises(UnpluggedError, match="replug"):
            await camera.show(TOKEN, kind=Kind.CARD, seed=3)

        await camera.replug()
        async with viewing(camera.port) as viewer:
            assert (await asyncio.to_thread(viewer.picture)).shape == (720, 1_280, 3)


async def test_what_is_no_request_is_closed() -> None:
    async with CameraTwin() as camera:
        reader, writer = await asyncio.open_connection(LOOPBACK, camera.port)
        writer.write(b"x" * 100_000)

        assert await reader.read() == b""
        writer.close()
