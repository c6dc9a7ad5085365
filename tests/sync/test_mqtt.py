"""One connection to real brokers: it comes back, floods nobody, and promises nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from hardware_sim.broker import AnyBroker
from hardware_sim.link import Link
from hardware_sim.ports import LOOPBACK, free_loopback_port
from sync.backoff import Backoff
from sync.errors import LinkError, Unreadable
from sync.mqtt import MAX_QUEUED, MqttLink, Will
from sync.wire import MAX_MESSAGE_BYTES
from tests.brokers.stands import Stand, chosen, name_of

pytestmark = pytest.mark.anyio

WILL = Will(topic="presence/box", payload=b"death")
SOON_S = 30.0
"""Only bounds a test that fails."""


@pytest.fixture(params=chosen(Stand.MOSQUITTO, Stand.NATS), ids=name_of)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyBroker]:
    """A real broker, of each kind."""
    with request.param.make(tmp_path / "broker") as broker:
        yield broker


class Client:
    """A link that runs, and what it told."""

    def __init__(self, link: MqttLink) -> None:
        self.link = link
        self.ups: asyncio.Queue[None] = asyncio.Queue()
        self.downs: asyncio.Queue[LinkError] = asyncio.Queue()
        self.messages: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def run(self) -> None:
        await self.link.run(
            lambda: self.ups.put_nowait(None),
            lambda topic, payload: self.messages.put_nowait((topic, payload)),
            self.downs.put_nowait,
        )


@asynccontextmanager
async def running(link: MqttLink) -> AsyncIterator[Client]:
    """Run a link; it ends politely when the block does."""
    client = Client(link)
    task = asyncio.create_task(client.run())
    try:
        async with asyncio.timeout(SOON_S):
            yield client
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def link(port: int, name: str, *topics: str, will: Will | None = None) -> MqttLink:
    return MqttLink(
        host=LOOPBACK,
        port=port,
        client_id=name,
        subscriptions=topics,
        will=will,
        backoff=Backoff(first_s=0.02, cap_s=0.1),
    )


async def test_messages_go_both_ways(broker: AnyBroker) -> None:
    async with running(link(broker.port, "box", "to/box")) as box, running(link(broker.port, "central", "up/+")) as up:
        await box.ups.get()
        await up.ups.get()

        box.link.publish("up/journal", b"\x00row\xff")
        assert await up.messages.get() == ("up/journal", b"\x00row\xff")
        up.link.publish("to/box", b"ack", qos=0)
        assert await box.messages.get() == ("to/box", b"ack")
        assert box.link.is_up


async def test_a_burst_arrives_whole_and_in_order(broker: AnyBroker) -> None:
    async with running(link(broker.port, "box", "up/journal")) as box:
        await box.ups.get()

        for number in range(300):
            box.link.publish("up/journal", str(number).encode())

        assert [await box.messages.get() for _ in range(300)] == [
            ("up/journal", str(number).encode()) for number in range(300)
        ]


async def test_it_comes_back_after_the_broker_was_killed(broker: AnyBroker) -> None:
    async with running(link(broker.port, "box", "echo")) as box:
        await box.ups.get()
        for _ in range(2):
            broker.kill()
            await box.downs.get()
            assert not box.link.is_up
            with pytest.raises(LinkError, match="no connection"):
                box.link.publish("echo", b"lost")
            broker.start()
            await box.ups.get()

            box.link.publish("echo", b"again")
            assert await box.messages.get() == ("echo", b"again")


async def test_it_ends_soon_on_a_network_that_swallows_everything(broker: AnyBroker) -> None:
    async with Link(target_port=broker.port) as network:
        async with running(link(network.port, "box", "echo", will=WILL)) as box:
            await box.ups.get()
            await network.freeze()
            for _ in range(20):
                box.link.publish("echo", bytes(MAX_MESSAGE_BYTES))
        assert not box.link.is_up


async def test_a_link_that_takes_no_more_says_so(broker: AnyBroker) -> None:
    async with Link(target_port=broker.port) as network, running(link(network.port, "box")) as box:
        await box.ups.get()
        await network.freeze()

        with pytest.raises(LinkError, match="takes no more"):
            for _ in range(MAX_QUEUED + 1):
                box.link.publish("echo", b"x")


async def test_too_large_a_message_never_leaves(broker: AnyBroker) -> None:
    async with running(link(broker.port, "box", "echo")) as box:
        await box.ups.get()

        with pytest.raises(Unreadable, match="too large"):
            box.link.publish("echo", bytes(MAX_MESSAGE_BYTES + 1))
        box.link.publish("echo", bytes(MAX_MESSAGE_BYTES))
        _, payload = await box.messages.get()
        assert len(payload) == MAX_MESSAGE_BYTES
        assert box.downs.empty()


async def test_nagles_algorithm_is_off(broker: AnyBroker) -> None:
    async with running(link(broker.port, "box")) as box:
        await box.ups.get()

        assert [stream_option(stream) for stream in streams_to(broker.port)] == [1]


def streams_to(port: int) -> list[socket.socket]:
    """This process's TCP connections to a local port, found from outside the link."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stream = stack.enter_context(socket.socket(fileno=os.dup(int(entry.name))))
            if stream.family == socket.AF_INET and stream.getpeername() == (LOOPBACK, port):
                stack.pop_all()
                found.append(stream)
    return found


def stream_option(stream: socket.socket) -> int:
    with stream:
        return int(bool(stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))


async def test_the_broker_says_the_will_when_the_box_vanishes(broker: AnyBroker) -> None:
    async with running(link(broker.port, "central", "presence/+")) as central:
        await central.ups.get()
        async with (
            Link(target_port=broker.port) as network,
            running(link(network.port, "box", will=WILL)) as box,
        ):
            await box.ups.get()
            box.link.publish(WILL.topic, b"birth", retain=True)
            assert await central.messages.get() == (WILL.topic, b"birth")

            await network.cut()

            assert await central.messages.get() == (WILL.topic, b"death")


async def test_a_polite_end_says_the_will_at_once_and_retained(broker: AnyBroker) -> None:
    async with running(link(broker.port, "central", "presence/+")) as central:
        await central.ups.get()
        async with running(link(broker.port, "box", will=WILL)) as box:
            await box.ups.get()

        assert await central.messages.get() == (WILL.topic, b"death")
    async with running(link(broker.port, "late", "presence/+")) as late:
        assert await late.messages.get() == (WILL.topic, b"death")


Handler: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class KickingBroker:
    """Accepts every client, as MQTT 3.1.1 or 5 has it, and hangs up."""

    def __init__(self) -> None:
        self.connects = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        packet = await reader.read(1_024)
        self.connects += 1
        is_5 = packet[packet.index(b"MQTT") + 4] == 5
        writer.write(b"\x20\x03\x00\x00\x00" if is_5 else b"\x20\x02\x00\x00")  # CONNACK: accepted
        await writer.drain()


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[int]:
    """A server on a port, until its last connection has ended."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await handler(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*tasks)


async def test_connects_that_are_kicked_at_once_back_off_like_failures() -> None:
    waits: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 6:
            enough.set()
            await asyncio.Event().wait()

    kicking = KickingBroker()
    async with served(kicking.serve) as port:
        backoff = Backoff(first_s=1, cap_s=8, random=lambda: 1.0)
        kicked = MqttLink(host=LOOPBACK, port=port, client_id="box", backoff=backoff, sleep=sleep)
        async with running(kicked):
            await enough.wait()

    assert waits == [1, 2, 4, 8, 8, 8]
    assert kicking.connects == 6


async def test_a_connection_that_proved_useful_starts_the_back_off_again() -> None:
    waits: list[float] = []
    enough = asyncio.Event()
    kicked: MqttLink

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        kicked.proved()
        if len(waits) == 3:
            enough.set()
            await asyncio.Event().wait()

    async with served(KickingBroker().serve) as port:
        backoff = Backoff(first_s=1, cap_s=8, random=lambda: 1.0)
        kicked = MqttLink(host=LOOPBACK, port=port, client_id="box", backoff=backoff, sleep=sleep)
        async with running(kicked):
            await enough.wait()

    assert waits == [1, 1, 1]


async def test_what_does_not_listen_is_said_and_tried_again() -> None:
    async with running(link(free_loopback_port(), "box")) as box:
        for _ in range(3):
            assert "can't be reached" in str(await box.downs.get())


async def test_a_host_that_can_be_no_name_is_said() -> None:
    async with running(MqttLink(host="192.168.1..50", port=1_883, client_id="box")) as client:
        assert "label" in str(await client.downs.get())


async def test_it_can_be_ended_while_it_is_connecting() -> None:
    silent = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        silent.set()
        await reader.read()

    async with served(say_nothing) as port, running(link(port, "box")) as box:
        await silent.wait()
        assert not box.link.is_up
