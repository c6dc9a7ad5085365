"""The control channel of a twin in its own process."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hardware_sim.control import ControlClient, ControlServer, Reply, Request
from hardware_sim.errors import BadRequestError, ControlError

pytestmark = pytest.mark.anyio


async def double(request: Request) -> Reply:
    if not isinstance(request.get("number"), int):
        raise BadRequestError("double needs a number")
    return {"result": request["number"] * 2, "word": "déjà"}


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    socket_path = tmp_path / "twin.sock"
    async with ControlServer(path=socket_path, actions={"double": double}):
        yield socket_path


async def test_a_command_gets_its_reply(path: Path) -> None:
    reply = await asyncio.to_thread(ControlClient(path).do, "double", number=21)

    assert reply == {"ok": True, "result": 42, "word": "déjà"}


async def test_a_refused_command_raises_with_the_twins_words(path: Path) -> None:
    with pytest.raises(ControlError, match="double: double needs a number"):
        await asyncio.to_thread(ControlClient(path).do, "double")


async def test_an_unknown_command_names_the_known_ones(path: Path) -> None:
    with pytest.raises(ControlError, match="this twin knows: double"):
        await asyncio.to_thread(ControlClient(path).do, "treble")


@pytest.mark.parametrize("line", [b"not json\n", b"[1]\n", b'{"do": 7}\n', b"\xff\n"])
async def test_any_line_gets_one_error_line_and_the_channel_lives(path: Path, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(line)
    assert b'"error"' in await reader.readline()

    writer.write(b'{"do": "double", "number": 1}\n')
    assert b'"result": 2' in await reader.readline()
    writer.close()


def test_without_a_twin_the_client_says_so(tmp_path: Path) -> None:
    client = ControlClient(tmp_path / "nobody.sock", timeout_s=0.05)

    with pytest.raises(ControlError, match="is it running"):
        client.do("double", number=1)
    with pytest.raises(ControlError, match="did not start"):
        client.wait_ready()


def test_a_twin_that_hangs_up_without_an_answer_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rude.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        client = ControlClient(path, timeout_s=0.05)

        with pytest.raises(ControlError, match="no answer"):
            client.do("double", number=1)


def test_a_path_too_long_for_a_socket_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="choose a shorter folder"):
        ControlClient(tmp_path / ("x" * 120))


async def test_a_line_without_an_end_is_hung_up_on_and_the_next_client_is_served(path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"x" * 3_000_000)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()

    assert await asyncio.to_thread(ControlClient(path).do, "double", number=1)
