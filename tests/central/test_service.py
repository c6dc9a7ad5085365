"""The running service on real brokers, and a process killed between its commit and its ack."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest
import structlog

from central import issue
from central.handler import Handler
from central.ports import Outgoing
from central.service import MAX_WAITING_ASK_BYTES, MAX_WAITING_BYTES, Inbox, Service, Waiting
from hardware_sim.broker import Broker, BrokerKind
from programme.authorisations import Answer
from programme.events import EpochOpened, EpochReason
from sync import topics
from sync.errors import LinkError
from sync.mqtt import MqttLink, OnDown, OnMessage, OnUp
from sync.topics import Up
from sync.wire import CONTEXTS, Ack, RegistryDelta, Resend, decode_payload, open_message, read_signed
from tests.central.world import CARD, VOUCHER, Box, Centre

MIB = 1024 * 1024

M = TypeVar("M")
WITHIN_S = 20.0


@pytest.fixture(params=BrokerKind, ids=lambda kind: kind.value)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    with Broker(folder=tmp_path / "broker", kind=request.param) as broker:
        yield broker


class Wire:
    """A box's connection: it publishes, and waits for what central says."""

    def __init__(self, centre: Centre, box: Box, link: MqttLink) -> None:
        with centre.workshop.read() as work:
            self._keys = {"central-1": work.keys.signing.public_key()}
        self.box = box
        self._link = link
        self._heard: dict[str, asyncio.Queue[bytes]] = {}

    def hear(self, topic: str, payload: bytes) -> None:
        self._on(topic.rsplit("/", 1)[1]).put_nowait(payload)

    def say(self, channel: Up, payload: bytes) -> None:
        self._link.publish(self.box.address.up(channel), payload)

    async def next(self, kind: type[M], channel: str) -> M:
        async with asyncio.timeout(WITHIN_S):
            payload = await self._on(channel).get()
        return open_message(payload, kind, context=CONTEXTS[kind], keys=self._keys)

    def _on(self, channel: str) -> asyncio.Queue[bytes]:
        return self._heard.setdefault(channel, asyncio.Queue())


@asynccontextmanager
async def connected(
    broker: Broker, name: str, filters: tuple[str, ...], hear: Callable[[str, bytes], None]
) -> AsyncIterator[MqttLink]:
    link = MqttLink(host=broker.host, port=broker.port, client_id=name, subscriptions=filters)
    up = asyncio.Event()
    task = asyncio.create_task(link.run(up.set, hear))
    async with asyncio.timeout(WITHIN_S):
        await up.wait()
    yield link
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


class TellingLink(MqttLink):
    """A connection that tells when it is up: what was published before, nobody heard."""

    def __init__(self, *, host: str, port: int, client_id: str, subscriptions: tuple[str, ...]) -> None:
        super().__init__(host=host, port=port, client_id=client_id, subscriptions=subscriptions)
        self.up = asyncio.Event()

    async def run(self, on_up: OnUp, on_message: OnMessage, on_down: OnDown = lambda _: None) -> None:
        def tell() -> None:
            on_up()
            self.up.set()

        await super().run(tell, on_message, on_down)


@asynccontextmanager
async def serving(centre: Centre, broker: Broker) -> AsyncIterator[None]:
    link = TellingLink(
        host=broker.host, port=broker.port, client_id="central", subscriptions=(topics.all_up("albret"),)
    )
    log = structlog.wrap_logger(structlog.ReturnLogger(), processors=[structlog.processors.JSONRenderer()])
    task = asyncio.create_task(Service(handler=Handler(centre.workshop, log), link=link, log=log).run())
    async with asyncio.timeout(WITHIN_S):
        await link.up.wait()
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def wired(centre: Centre, broker: Broker, box: Box) -> AsyncIterator[Wire]:
    heard: list[Wire] = []
    filters = (box.address.all_down, topics.registry("albret", CARD), topics.registry("albret", VOUCHER))
    async with connected(broker, box.device, filters, lambda topic, payload: heard[0].hear(topic, payload)) as link:
        heard.append(Wire(centre, box, link))
        yield heard[0]


async def welcomed(wire: Wire) -> Ack:
    """Announce the box; central welcomes it."""
    wire.say(Up.PRESENCE, wire.box.signed(wire.box.birth()))
    return await wire.next(Ack, "ack")


def test_a_box_converses_with_central(centre: Centre, box_a: Box, broker: Broker) -> None:
    card = centre.card()

    async def converse() -> None:
        async with wired(centre, broker, box_a) as wire, serving(centre, broker):
            assert (await welcomed(wire)).seq == 0
            box_a.earned(card, 1_000)
            wire.say(Up.JOURNAL, box_a.batch())
            delta = await wire.next(RegistryDelta, "registry")
            assert [entry.balance_minor for entry in delta.entries] == [1_000]
            ack = await wire.next(Ack, "ack")
            while ack.seq == 0:
                ack = await wire.next(Ack, "ack")
            assert ack.hash == box_a.rows[-1].hash.hex()
            wire.say(Up.ASK, box_a.signed(box_a.ask(CARD, card, 400)))
            assert (await wire.next(Answer, "answer")).approved
            wire.say(Up.JOURNAL, b"garbled")
            assert (await wire.next(Resend, "resend")).one_by_one

    asyncio.run(converse())
    assert centre.balances()["holders"] == 1_000


def test_the_running_service_notices_what_is_issued_beside_it(centre: Centre, box_a: Box, broker: Broker) -> None:
    async def converse() -> None:
        async with wired(centre, broker, box_a) as wire, serving(centre, broker):
            await welcomed(wire)
            order = issue.Order(programme=CARD, count=1)
            (issued,) = await asyncio.to_thread(lambda: list(issue.issue(centre.workshop, order)))
            delta = await wire.next(RegistryDelta, "registry")
            assert [entry.instrument for entry in delta.entries] == [issued.instrument]

    asyncio.run(converse())


class ScriptedLink:
    """A connection that brings what the test lists, keeps what central says, and then ends the service."""

    def __init__(self, *messages: tuple[str, bytes], fails: bool = False) -> None:
        self.said: list[Outgoing] = []
        self._messages = messages
        self._fails = fails
        self._done = asyncio.Event()

    def publish(self, topic: str, payload: bytes) -> None:
        self.said.append(Outgoing(topic=topic, payload=payload))
        if topic.endswith("/ack"):
            self._done.set()
        if self._fails:
            raise LinkError("no connection")

    def proved(self) -> None:
        pass

    async def run(
        self, on_up: Callable[[], None], on_message: Callable[[str, bytes], None], on_down: Callable[[LinkError], None]
    ) -> None:
        on_up()
        for topic, payload in self._messages:
            on_message(topic, payload)
        await self._done.wait()
        on_down(LinkError("over"))


def run_with(centre: Centre, handler: Handler, link: ScriptedLink) -> None:
    """Serve until an ack was published."""
    log = structlog.wrap_logger(structlog.ReturnLogger(), processors=[structlog.processors.JSONRenderer()])
    assert centre.handler is not handler

    async def serve() -> None:
        service = asyncio.create_task(Service(handler=handler, link=link, log=log).run())
        async with asyncio.timeout(WITHIN_S):
            await link._done.wait()
        service.cancel()
        with suppress(asyncio.CancelledError):
            await service

    asyncio.run(serve())


def new_handler(centre: Centre) -> Handler:
    log = structlog.wrap_logger(structlog.ReturnLogger(), processors=[structlog.processors.JSONRenderer()])
    return Handler(centre.workshop, log)


def test_asks_go_before_batches(centre: Centre, box_a: Box) -> None:
    card = centre.card()
    box_a.earned(card, 1_000)
    link = ScriptedLink(
        (box_a.address.up(Up.JOURNAL), box_a.batch()),
        (box_a.address.up(Up.ASK), box_a.signed(box_a.ask(CARD, card, 400))),
    )

    run_with(centre, new_handler(centre), link)

    said = [message.topic.rsplit("/", 1)[1] for message in link.said]
    assert said.index("answer") < said.index("ack")


def drained(inbox: Inbox) -> list[Waiting]:
    async def take() -> list[Waiting]:
        return [await inbox.next() for _ in iter(lambda: inbox.is_empty, True)]

    return asyncio.run(take())


def test_other_messages_have_their_turn_between_many_asks(box_a: Box) -> None:
    inbox = Inbox()
    for _ in range(2):
        inbox.add(Waiting(topic=box_a.address.up(Up.JOURNAL)))
    for _ in range(20):
        inbox.add(Waiting(topic=box_a.address.up(Up.ASK)))

    order = [waiting.topic == box_a.address.up(Up.JOURNAL) for waiting in drained(inbox)]

    assert [place for place, is_journal in enumerate(order) if is_journal] == [8, 17]


def test_the_oldest_asks_make_room_for_new_ones(box_a: Box) -> None:
    topic = box_a.address.up(Up.ASK)
    payloads = [bytes([number]) * (MAX_WAITING_ASK_BYTES // 4 - 1_000) for number in range(6)]
    inbox = Inbox()

    dropped = [found.payload for payload in payloads for found in inbox.add(Waiting(topic=topic, payload=payload))]

    assert dropped == payloads[:2]
    assert [waiting.payload for waiting in drained(inbox)] == payloads[2:]


def test_batches_beyond_the_bound_are_dropped_and_asks_are_not(box_a: Box) -> None:
    batch = Waiting(topic=box_a.address.up(Up.JOURNAL), payload=b"x" * (MAX_WAITING_BYTES - MIB))
    ask = Waiting(topic=box_a.address.up(Up.ASK), payload=b"ask")
    inbox = Inbox()

    assert inbox.add(batch) == []
    assert inbox.add(batch) == [batch]
    empty = Waiting(topic=box_a.address.up(Up.HEALTH))
    assert any(inbox.add(empty) for _ in range(MIB // 256))  # nothing is free of room
    inbox = Inbox()
    inbox.add(batch)
    assert inbox.add(ask) == []
    assert drained(inbox) == [ask, batch]


def test_one_tick_goes_before_batches_however_many_wait(box_a: Box) -> None:
    full = Waiting(topic=box_a.address.up(Up.JOURNAL), payload=b"x" * (MAX_WAITING_BYTES - 1_000))
    tick = Waiting(topic=None)
    inbox = Inbox()
    inbox.add(full)

    inbox.add_tick()
    inbox.add_tick()

    assert drained(inbox) == [tick, full]
    inbox.add_tick()
    assert drained(inbox) == [tick]


def test_the_inbox_says_whether_rows_wait(box_a: Box) -> None:
    inbox = Inbox()
    inbox.add(Waiting(topic=box_a.address.up(Up.HEALTH)))
    inbox.add(Waiting(topic=box_a.address.up(Up.ASK)))
    assert not inbox.batch_waits
    inbox.add(Waiting(topic=box_a.address.up(Up.JOURNAL)))
    assert inbox.batch_waits

    drained(inbox)

    assert not inbox.batch_waits


def test_batches_of_one_box_right_behind_each_other_are_taken_together(box_a: Box, box_b: Box) -> None:
    inbox = Inbox()
    boxes = [box_a] * 6 + [box_b, box_a]
    for number, box in enumerate(boxes):
        inbox.add(Waiting(topic=box.address.up(Up.JOURNAL), payload=b"%d" % number))

    async def take() -> list[list[bytes]]:
        taken = []
        while not inbox.is_empty:
            first = await inbox.next()
            taken.append([first.payload, *inbox.take_following(first)])
        return taken

    assert asyncio.run(take()) == [[b"0", b"1", b"2"], [b"3", b"4", b"5"], [b"6"], [b"7"]]
    assert not inbox.batch_waits


class Watched(Handler):
    """Notes what it is asked for, in order, and can fail to book."""

    def __init__(self, centre: Centre, *, failures: int = 0) -> None:
        log = structlog.wrap_logger(structlog.ReturnLogger(), processors=[structlog.processors.JSONRenderer()])
        super().__init__(centre.workshop, log)
        self.did: list[str] = []
        self._failures = failures

    def handle(
        self, topic: str, payload: bytes, *, following: Sequence[bytes] = (), may_put_off: bool = False
    ) -> list[Outgoing]:
        self.did.append(f"{'received' if may_put_off else 'handled'} {1 + len(following)}")
        return super().handle(topic, payload, following=following, may_put_off=may_put_off)

    def book_some(self) -> list[Outgoing]:
        self.did.append("booked")
        if self._failures:
            self._failures -= 1
            raise ZeroDivisionError
        return super().book_some()


class UntilBooked(ScriptedLink):
    """Over when an ack says which registry versions count the box's rows."""

    def publish(self, topic: str, payload: bytes) -> None:
        is_ack = topic.endswith("/ack")
        if is_ack and not decode_payload(read_signed(payload).payload, Ack).heads:
            topic = topic + "/of what is received"
        super().publish(topic, payload)


def batches_of(centre: Centre, box: Box, count: int) -> list[tuple[str, bytes]]:
    card, topic = centre.card(), box.address.up(Up.JOURNAL)
    centre.batch(box)
    for _ in range(count):
        box.earned(card, 100)
    return [(topic, box.batch(seq, seq)) for seq in range(2, count + 2)]


def test_batches_that_queue_up_are_received_and_booked_when_nothing_waits(centre: Centre, box_a: Box) -> None:
    handler = Watched(centre)

    run_with(centre, handler, UntilBooked(*batches_of(centre, box_a, 3)))

    assert handler.did == ["received 3", "booked"]
    assert centre.balances()["holders"] == 300


def test_too_much_that_is_not_booked_has_its_turn_between_batches(
    centre: Centre, box_a: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central.service.MAX_UNBOOKED", 1)
    handler = Watched(centre)

    run_with(centre, handler, UntilBooked(*batches_of(centre, box_a, 9)))

    assert handler.did[:2] == ["received 3", "booked"]


def test_what_cannot_be_booked_is_tried_again_later(centre: Centre, box_a: Box) -> None:
    """After the next tick, and not again and again at once."""
    handler = Watched(centre, failures=1)

    run_with(centre, handler, UntilBooked(*batches_of(centre, box_a, 2)))

    assert handler.did == ["received 2", "booked", "booked"]
    assert centre.balances()["holders"] == 200


def test_a_connection_that_fails_while_publishing_stops_nothing(centre: Centre, box_a: Box) -> None:
    box_a.earned(centre.card(), 1_000)

    run_with(centre, new_handler(centre), ScriptedLink((box_a.address.up(Up.JOURNAL), box_a.batch()), fails=True))

    assert centre.balances()["holders"] == 1_000


class Defective(Handler):
    """A handler with a defect that one message meets."""

    def handle(
        self, topic: str, payload: bytes, *, following: Sequence[bytes] = (), may_put_off: bool = False
    ) -> list[Outgoing]:
        if b"poison" in (payload, *following):
            raise ZeroDivisionError
        return super().handle(topic, payload, following=following, may_put_off=may_put_off)


def test_one_message_that_meets_a_defect_does_not_stop_the_others(centre: Centre, box_a: Box) -> None:
    log = structlog.wrap_logger(structlog.ReturnLogger(), processors=[structlog.processors.JSONRenderer()])
    topic = box_a.address.up(Up.JOURNAL)
    link = ScriptedLink((topic, b"poison"), (topic, box_a.batch()))

    run_with(centre, Defective(centre.workshop, log), link)

    assert next(message.topic for message in link.said).endswith("/ack")


KILLED_BEFORE_PUBLISHING = """
import asyncio, os, signal, sys
from pathlib import Path
from central import app
from central.handler import Handler
from central.service import Service
from edge_config.settings import load_central_settings

class DeadlyLink:
    def publish(self, topic, payload):
        os.kill(os.getpid(), signal.SIGKILL)
    def proved(self):
        pass
    async def run(self, on_up, on_message, on_down):
        on_message(sys.argv[2], Path(sys.argv[3]).read_bytes())
        await asyncio.Event().wait()

with app.open_workshop(load_central_settings(Path(sys.argv[1]), {})) as workshop:
    log = app.make_log()
    asyncio.run(Service(handler=Handler(workshop, log), link=DeadlyLink(), log=log).run())
"""


def test_sigkill_between_commit_and_ack_changes_nothing_but_time(centre: Centre, box_a: Box, tmp_path: Path) -> None:
    # The process reads the machine's clock, so the box's rows must not be ahead of it.
    centre.clock.at = centre.clock.at.replace(year=2020)
    box_a.rows.clear()
    box_a.last_at = centre.clock.at
    box_a.happened(EpochOpened(epoch=box_a.epoch, reason=EpochReason.ENROLMENT))
    card = centre.card()
    box_a.earned(card, 1_000)
    box_a.redeemed(CARD, card, 300)
    batch = tmp_path / "batch"
    batch.write_bytes(box_a.batch())
    undisturbed = centre.copy(tmp_path / "undisturbed")
    undisturbed.batch(box_a)
    expected = undisturbed.balances()
    undisturbed.close()

    arguments = [str(centre.folder / "central.toml"), box_a.address.up(Up.JOURNAL), str(batch)]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_BEFORE_PUBLISHING, *arguments],
        cwd=Path(__file__).parents[2],
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    centre.restart()

    ack = centre.batch(box_a).ack

    assert (ack.seq, ack.hash) == (3, box_a.rows[-1].hash.hex())
    assert {verdict.verdict.value for verdict in ack.verdicts} == {"duplicate"}
    assert centre.balances() == expected
