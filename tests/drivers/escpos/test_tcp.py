"""The TCP transport, against a real socket."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from drivers.errors import DeviceGone
from drivers.escpos.tcp import TcpLink

JOB = bytes(range(256)) * 16_384  # 4 MiB: more than any kernel buffer takes at once


def run(conversation: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def within_twenty_seconds() -> None:
        async with asyncio.timeout(20):
            await conversation()

    asyncio.run(within_twenty_seconds())


def test_a_large_job_arrives_whole_through_a_slow_reader() -> None:
    received = bytearray()

    async def slow_printer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(4_096):
            received.extend(chunk)
        writer.close()

    async def conversation() -> None:
        async with await asyncio.start_server(slow_printer, "127.0.0.1", 0) as server:
            link = await TcpLink.open(name="receipts", host="127.0.0.1", port=_port_of(server))
            await link.write(JOB)
            await link.close()
            while len(received) < len(JOB):
                await asyncio.sleep(0)

    run(conversation)

    assert bytes(received) == JOB


def test_a_printer_that_takes_nothing_keeps_neither_a_deadline_nor_the_closing() -> None:
    async def conversation() -> None:
        given_up = asyncio.Event()

        async def full_printer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await given_up.wait()
            writer.close()

        async with await asyncio.start_server(full_printer, "127.0.0.1", 0) as server:
            link = await TcpLink.open(name="receipts", host="127.0.0.1", port=_port_of(server))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await link.write(JOB * 4)
            await link.close()
            given_up.set()

    run(conversation)


def test_nothing_is_sent_on_opening() -> None:
    first_chunk: list[bytes] = []

    async def printer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first_chunk.append(await reader.read())
        writer.close()

    async def conversation() -> None:
        async with await asyncio.start_server(printer, "127.0.0.1", 0) as server:
            link = await TcpLink.open(name="receipts", host="127.0.0.1", port=_port_of(server))
            await link.close()
            await link.close()
            while not first_chunk:
                await asyncio.sleep(0)

    run(conversation)

    assert first_chunk == [b""]


def test_a_printer_that_is_off_is_gone_and_the_message_says_what_to_do() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        async def conversation() -> None:
            with pytest.raises(
                DeviceGone, match=f"receipts: can't connect to 127.0.0.1:{port} .* Switch the printer on"
            ):
                await TcpLink.open(name="receipts", host="127.0.0.1", port=port)

        run(conversation)


def _port_of(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


def test_a_host_that_can_be_no_name_is_a_printer_that_is_not_there() -> None:
    async def conversation() -> None:
        with pytest.raises(DeviceGone, match=r"receipts: can't connect to 192\.168\.1\.\.50:9100"):
            await TcpLink.open(name="receipts", host="192.168.1..50")

    run(conversation)
