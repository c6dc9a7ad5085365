"""A virtual fleet: thousands of boxes in one process, as central sees them on the wire.

Each has its own connection, journal key and chain of rows in memory, says its birth, tells its health, and sends an
earn now and then. What the counter, the disk and the devices would do is left out: that is what real boxes are for.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import paho.mqtt.client as paho
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion
from uuid_utils.compat import uuid7

from hardware_sim.ports import LOOPBACK
from programme.cloudevents import encode_event
from programme.events import (
    ClockState,
    CodeTrust,
    Counter,
    Earned,
    EpochOpened,
    EpochReason,
    Event,
    EventData,
    Evidence,
)
from sync.chain import GENESIS, Row, make_row
from sync.topics import BoxAddress, Down, Up, parse_down
from sync.wire import CONTEXTS, Ack, Birth, Death, Health, encode_batch, read_signed, sign_message

KEEPALIVE_S = 60
_CONNECTS_AT_ONCE = 50
_MISC_EVERY_S = 5.0
_AGAIN_S = 5.0
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A box of the fleet, as it was enrolled."""

    address: BoxAddress
    shop: str
    key: Ed25519PrivateKey

    @property
    def device(self) -> str:
        """Its name."""
        return self.address.device


@dataclass(slots=True)
class _Chain:
    """A box's journal, of which only the end is kept."""

    member: Member
    epoch: str
    seq: int = 0
    hash: bytes = GENESIS
    ordered_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add(self, data: EventData) -> Row:
        now = datetime.now(UTC)
        self.ordered_at = max(now, self.ordered_at)
        event = Event(
            event_id=uuid7(),
            source=self.member.device,
            occurred_at=now,
            ordered_at=self.ordered_at,
            clock=ClockState.SYNCED,
            data=data,
        )
        row = make_row(epoch=self.epoch, seq=self.seq + 1, previous=self.hash, event=encode_event(event))
        self.seq, self.hash = row.seq, row.hash
        return row


class VirtualBox:
    """One member's connection, and what it waits for."""

    def __init__(self, member: Member, *, programme: str, instruments: list[str]) -> None:
        self.member = member
        self.up = asyncio.Event()
        self.booked_after_s: list[float] = []
        self._programme = programme
        self._instruments: Iterator[str] = itertools.cycle(instruments)
        epoch = f"1-{random.getrandbits(64):016x}"
        self._chain = _Chain(member, epoch)
        self._waiting: dict[int, float] = {}
        self._rows: dict[int, Row] = {}
        self._client = self._make_client()

    @property
    def waiting(self) -> int:
        """Rows sent and not acknowledged."""
        return len(self._waiting)

    def connect(self, port: int) -> None:
        """Open the connection; `up` is set once it is subscribed."""
        self._client.connect(LOOPBACK, port, keepalive=KEEPALIVE_S)

    def close(self) -> None:
        """Leave politely; to be called within the event loop."""
        self._client.disconnect()
        stream = self._client.socket()
        if stream is not None:
            _close(self._client, None, stream)
        # The client closes its socket when it is collected, and the loop may be gone by then.
        self._client.on_socket_close = None

    def keep_alive(self) -> None:
        """To be called every few seconds."""
        self._client.loop_misc()

    def begin(self) -> None:
        """Say that the box is there, and send its journal's first row."""
        head = self._send(EpochOpened(epoch=self._chain.epoch, reason=EpochReason.ENROLMENT))
        birth = Birth(
            device=self.member.device,
            boot=1,
            software="virtual",
            head=head.link,
            heads={},
            config=1,
            at=datetime.now(UTC),
        )
        self._publish(Up.PRESENCE, self._sign(birth), retain=True)

    def tell_health(self) -> None:
        """Say how it fares."""
        health = Health(
            device=self.member.device,
            at=datetime.now(UTC),
            unbooked_rows=self.waiting,
            value_at_risk_minor={},
            clock=ClockState.SYNCED,
            devices={"douchette": "ready", "imprimante": "ready"},
        )
        self._publish(Up.HEALTH, self._sign(health), qos=0)

    def earn(self) -> None:
        """Send one earn."""
        counter = Counter(shop=self.member.shop, till="1", business_day=datetime.now(UTC).date())
        self._send(
            Earned(
                programme=self._programme,
                instrument=next(self._instruments),
                currency="EUR",
                amount_minor=5,
                basket_minor=100,
                counter=counter,
                evidence=Evidence(rules_version=1, trust=CodeTrust.SIGNED, replica_version=1),
            )
        )

    def send_again(self) -> None:
        """Send every row that isn't acknowledged, as one batch."""
        rows = list(self._rows.values())
        if rows:
            self._publish(Up.JOURNAL, encode_batch(self.member.device, rows, self.member.key))

    def _send(self, data: EventData) -> Row:
        row = self._chain.add(data)
        self._waiting[row.seq] = time.perf_counter()
        self._rows[row.seq] = row
        self._publish(Up.JOURNAL, encode_batch(self.member.device, [row], self.member.key))
        return row

    def _publish(self, channel: Up, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        self._client.publish(self.member.address.up(channel), payload, qos=qos, retain=retain)

    def _sign(self, message: Birth | Health) -> bytes:
        context = CONTEXTS[type(message)]
        return sign_message(message, context=context, key_id=self.member.device, key=self.member.key)

    def _make_client(self) -> paho.Client:
        device = self.member.device
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"comptoir-{device}")
        death = msgspec.json.encode(Death(device=device, boot=1), order="sorted")
        client.will_set(self.member.address.up(Up.PRESENCE), death, qos=1, retain=True)
        client.on_socket_open = _open
        client.on_socket_close = _close
        client.on_socket_register_write = _await_room
        client.on_socket_unregister_write = _has_room
        client.on_connect = self._subscribe
        client.on_subscribe = lambda *_: self.up.set()
        client.on_message = lambda _client, _data, message: self._take(message.topic, bytes(message.payload))
        return client

    def _subscribe(self, client: paho.Client, *_: object) -> None:
        client.subscribe(self.member.address.all_down, qos=1)

    def _take(self, topic: str, payload: bytes) -> None:
        if parse_down(topic) is not Down.ACK:
            return
        now = time.perf_counter()
        ack = msgspec.json.decode(read_signed(payload).payload, type=Ack)
        for seq in [seq for seq in self._waiting if ack.epoch == self._chain.epoch and seq <= ack.seq]:
            self.booked_after_s.append(now - self._waiting.pop(seq))
            del self._rows[seq]


def _open(client: paho.Client, _data: object, stream: Any) -> None:  # noqa: ANN401 - paho's socket
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    asyncio.get_running_loop().add_reader(stream, client.loop_read)


def _close(_client: paho.Client, _data: object, stream: Any) -> None:  # noqa: ANN401
    asyncio.get_running_loop().remove_reader(stream)


def _await_room(client: paho.Client, _data: object, stream: Any) -> None:  # noqa: ANN401
    asyncio.get_running_loop().add_writer(stream, client.loop_write)


def _has_room(_client: paho.Client, _data: object, stream: Any) -> None:  # noqa: ANN401
    asyncio.get_running_loop().remove_writer(stream)


class VirtualFleet:
    """Many boxes on one broker."""

    def __init__(self, members: list[Member], *, programme: str, instruments: list[str]) -> None:
        """Set up within a running event loop, without connecting.

        Args:
            members: Boxes that are enrolled.
            programme: What they earn for.
            instruments: Cards that they earn on, in turn.
        """
        self.boxes = [VirtualBox(member, programme=programme, instruments=instruments) for member in members]

    async def connect(self, port: int) -> None:
        """Connect all and have them begin, some at once."""
        for start in range(0, len(self.boxes), _CONNECTS_AT_ONCE):
            part = self.boxes[start : start + _CONNECTS_AT_ONCE]
            for box in part:
                box.connect(port)
            for box in part:
                await box.up.wait()
                box.begin()

    async def reconnect(self, port: int) -> None:
        """Connect all at once after their broker was gone, and send again what isn't acknowledged."""
        for box in self.boxes:
            box.up.clear()
            box.connect(port)
        for box in self.boxes:
            await box.up.wait()
            box.send_again()

    async def work(self, *, events_per_s: float, health_every_s: float, seconds: float) -> None:
        """Send events and health messages at these rates, the boxes in turn."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._at_rate(VirtualBox.earn, events_per_s, seconds), name="events")
            group.create_task(self._at_rate(VirtualBox.tell_health, len(self.boxes) / health_every_s, seconds))
            group.create_task(self._at_rate(VirtualBox.keep_alive, len(self.boxes) / _MISC_EVERY_S, seconds))

    async def settled(self) -> None:
        """Wait until everything that was sent is acknowledged; what isn't goes again after a while, as boxes do it."""
        loop = asyncio.get_running_loop()
        again_at = loop.time() + _AGAIN_S
        while waiting := [box for box in self.boxes if box.waiting]:
            await asyncio.sleep(_LOOK_S)
            if loop.time() > again_at:
                again_at = loop.time() + _AGAIN_S
                for box in waiting:
                    box.send_again()

    def close(self) -> None:
        """Leave, all of them."""
        for box in self.boxes:
            box.close()

    async def _at_rate(self, act: Callable[[VirtualBox], None], per_s: float, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        for number, box in enumerate(itertools.cycle(self.boxes)):
            due_at = started + number / per_s
            if due_at > started + seconds:
                return
            await asyncio.sleep(max(0.0, due_at - loop.time()))
            act(box)
