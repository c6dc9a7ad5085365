"""Bytes under bad conditions, and messages that come twice or in another order."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.conditions import Conditions, Direction, Packets
from hardware_sim.link import Link
from hardware_sim.ports import LOOPBACK

pytestmark = pytest.mark.anyio

PING = b"\xc0\x00"


def publish(payload: bytes) -> bytes:
    """An MQTT PUBLISH, QoS 1 (MQTT 3.1.1 §3.3)."""
    body = b"\x00\x01t\x00\x07" + payload
    length, rest = bytearray(), len(body)
    while True:
        rest, digit = divmod(rest, 128)
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return b"\x32" + bytes(length) + body


def again(packet: bytes) -> bytes:
    return bytes([packet[0] | 0x08]) + packet[1:]


def test_every_so_many_a_message_comes_twice() -> None:
    one, two, three = publish(b"1"), publish(b"2"), publish(b"3")

    assert list(Packets().disturb(one + two + three, Conditions(repeats_every=2))) == [one, two, again(two), three]


def test_every_so_many_a_message_changes_places_with_what_follows() -> None:
    one, two, three = publish(b"1"), publish(b"2"), publish(b"3")
    packets = Packets()

    assert list(packets.disturb(one + two, Conditions(swaps_every=2))) == [one]
    assert packets.holds_some
    assert list(packets.disturb(three + PING, Conditions(swaps_every=2))) == [three, two, PING]
    assert not packets.holds_some


@given(st.lists(st.binary(max_size=300), max_size=8), st.lists(st.integers(1, 40), min_size=1))
def test_packets_are_told_apart_however_they_come(payloads: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(map(publish, payloads))
    came: list[bytes] = []
    packets = Packets()
    for size in sizes * (len(stream) + 1):
        came += packets.disturb(stream[:size], Conditions())
        stream = stream[size:]

    assert came == list(map(publish, payloads))


class Sink:
    """The server behind the link: keeps what comes, and greets."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        while data := await reader.read(1000):
            self.received += data
        self.ended.set()
        writer.close()


async def test_a_connection_breaks_off_inside_a_packet() -> None:
    sink = Sink()
    server = await asyncio.start_server(sink.serve, LOOPBACK, 0)
    async with server, Link(target_port=server.sockets[0].getsockname()[1]) as link:
        link.conditions = Conditions(breaks_after_bytes=7)
        reader, writer = await asyncio.open_connection(link.host, link.port)
        assert await reader.readexactly(5) == b"hello"
        writer.write(b"0123456789")

        assert await reader.read() == b""
        await sink.ended.wait()
        assert bytes(sink.received) == b"0123456"
        writer.close()


async def test_one_direction_is_swallowed_and_the_other_is_not() -> None:
    sink = Sink()
    server = await asyncio.start_server(sink.serve, LOOPBACK, 0)
    async with server, Link(target_port=server.sockets[0].getsockname()[1]) as link:
        link.conditions = Conditions(swallows=Direction.DOWN)
        reader, writer = await asyncio.open_connection(link.host, link.port)
        writer.write(b"there")
        writer.write_eof()

        assert await reader.read() == b""
        assert bytes(sink.received) == b"there"
        writer.close()


async def test_a_slow_line_delivers_everything_in_order() -> None:
    sink = Sink()
    server = await asyncio.start_server(sink.serve, LOOPBACK, 0)
    async with server, Link(target_port=server.sockets[0].getsockname()[1]) as link:
        link.conditions = Conditions(delay_s=0.01, bits_per_s=4_000_000)
        data = bytes(range(256)) * 200
        reader, writer = await asyncio.open_connection(link.host, link.port)
        writer.write(data)
        writer.write_eof()
        await sink.ended.wait()

        assert bytes(sink.received) == data
        assert await reader.read() == b"hello"
        writer.close()
