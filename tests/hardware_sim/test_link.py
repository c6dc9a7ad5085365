"""A link that can be cut, frozen and restored."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hardware_sim.link import Link, LinkState
from hardware_sim.ports import LOOPBACK, free_loopback_port

pytestmark = pytest.mark.anyio


class Echo:
    """The server behind the link; it remembers what reached it."""

    def __init__(self) -> None:
        self.received = bytearray()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            self.received += data
            writer.write(data)
        writer.close()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def link(echo: Echo) -> AsyncIterator[Link]:
    server = await asyncio.start_server(echo.serve, LOOPBACK, 0)
    async with server, Link(target_port=server.sockets[0].getsockname()[1]) as between:
        yield between


async def connect(link: Link) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(link.host, link.port)


async def test_bytes_go_both_ways(link: Link) -> None:
    reader, writer = await connect(link)
    writer.write(b"ping")

    assert await reader.readexactly(4) == b"ping"
    assert link.connections == 1
    writer.close()


async def test_an_end_of_stream_goes_through(link: Link) -> None:
    reader, writer = await connect(link)
    writer.write(b"last words")
    writer.write_eof()

    assert await reader.read() == b"last words"
    writer.close()


async def test_cut_it_closes_what_is_open_and_refuses_the_rest(link: Link) -> None:
    reader, writer = await connect(link)
    writer.write(b"ping")
    await reader.readexactly(4)

    await link.cut()

    assert await reader.read() == b""
    writer.close()
    assert (link.state, link.connections) == (LinkState.CUT, 0)
    with pytest.raises(ConnectionRefusedError):
        await connect(link)


async def test_restored_it_listens_on_the_same_port(link: Link) -> None:
    port = link.port
    await link.cut()

    await link.restore()

    assert link.port == port
    reader, writer = await connect(link)
    writer.write(b"again")
    assert await reader.readexactly(5) == b"again"
    writer.close()


async def test_frozen_it_accepts_and_delivers_nothing_until_restored(link: Link, echo: Echo) -> None:
    before_reader, before_writer = await connect(link)
    before_writer.write(b"ping")
    await before_reader.readexactly(4)

    await link.freeze()
    before_writer.write(b"old")
    during_reader, during_writer = await connect(link)
    during_writer.write(b"new")
    # A full round trip beside the link, after which whatever would have been forwarded has been.
    beside_reader, beside_writer = await asyncio.open_connection(*link.target)
    beside_writer.write(b"beside")
    await beside_reader.readexactly(6)
    assert bytes(echo.received) == b"pingbeside"

    await link.restore()

    assert await before_reader.readexactly(3) == b"old"
    assert await during_reader.readexactly(3) == b"new"
    for writer in (before_writer, during_writer, beside_writer):
        writer.close()


async def test_with_nobody_behind_it_the_client_is_hung_up_on() -> None:
    async with Link(target_port=free_loopback_port()) as link:
        reader, writer = await connect(link)

        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
