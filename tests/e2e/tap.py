"""Hears every message that crosses a broker, and reads it with the keys of the town."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_config.messages import CONFIG_CONTEXT, Configuration
from gateway.identity import Identity
from hardware_sim.broker import AnyBroker
from hardware_sim.programs import until
from programme.authorisations import Answer
from programme.grants import Grant
from sync.chain import Row
from sync.errors import Unreadable
from sync.topics import Down, Up, parse_down, parse_up
from sync.wire import (
    CONTEXTS,
    Ack,
    AskMessage,
    Birth,
    Command,
    Death,
    Health,
    RegistryDelta,
    Report,
    Resend,
    decode_payload,
    open_message,
    read_batch,
    read_signed,
    verify_batch,
)

EVERYTHING = "comptoir/v1/#"
M = TypeVar("M")

_UP: dict[Up, type[Any]] = {Up.ASK: AskMessage, Up.HEALTH: Health, Up.REPORT: Report}
_DOWN: dict[Down, type[Any]] = {
    Down.ACK: Ack,
    Down.RESEND: Resend,
    Down.ANSWER: Answer,
    Down.GRANT: Grant,
    Down.COMMAND: Command,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A batch's rows, its signature and its chain verified."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message as it came.

    Attributes:
        retained: The broker had kept it.
    """

    topic: str
    payload: bytes
    qos: int
    retained: bool


class Tap:
    """A plain MQTT 3.1.1 client, subscribed to everything; use as a context manager."""

    def __init__(self, broker: AnyBroker, *, name: str = "tap") -> None:
        self.heard: list[Heard] = []
        self._subscribed = threading.Event()
        self._broker = broker
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv311)
        self._client.on_connect = lambda client, *_: client.subscribe(EVERYTHING, qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._hear

    def __enter__(self) -> Tap:
        self._client.connect(self._broker.host, self._broker.port)
        self._client.loop_start()
        assert self._subscribed.wait(20.0), "the broker takes the subscription"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, payload: bytes) -> None:
        """Publish something that no box and no centre would."""
        self._client.publish(topic, payload, qos=1).wait_for_publish(20.0)

    def wait_for(self, topic: str, fits: Callable[[Heard], bool] = lambda _: True, *, since: int = 0) -> Heard:
        """Wait for a message on a topic, and return the first that fits.

        Args:
            since: How many messages had been heard before those that count.
        """

        def found() -> Heard | None:
            heard = (message for message in self.heard[since:] if message.topic == topic)
            return next((message for message in heard if fits(message)), None)

        return until(found, what=f"a fitting message on {topic}")

    def _hear(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        heard = Heard(topic=message.topic, payload=bytes(message.payload), qos=message.qos, retained=message.retain)
        self.heard.append(heard)


class Reader:
    """Verifies and decodes what was heard, as the box and the centre do."""

    def __init__(self, identity: Identity) -> None:
        """Read the messages of one box.

        Args:
            identity: The box's: it holds its own key and central's.
        """
        self._identity = identity
        self._box_key = identity.journal_key.public_key()

    def read(self, heard: Heard) -> object:
        """The message within.

        Raises:
            Unreadable, BadSignature: It isn't what belongs on this topic.
        """
        if heard.topic.endswith("/registry"):
            return self._of_central(heard, RegistryDelta)
        if "/down/" in heard.topic:
            channel = parse_down(heard.topic)
            if channel is Down.CONFIG:
                keys = self._identity.central_keys
                return open_message(heard.payload, Configuration, context=CONFIG_CONTEXT, keys=keys)
            return self._of_central(heard, _DOWN[channel])
        address, up = parse_up(heard.topic)
        assert address == self._identity.address
        if up is Up.JOURNAL:
            return Rows(rows=tuple(verify_batch(read_batch(heard.payload), self._box_key)))
        if up is Up.PRESENCE:
            return self._presence(heard)
        return self._of_box(heard, _UP[up])

    def read_as(self, heard: Heard, kind: type[M]) -> M:
        """The message within, which must be of a kind."""
        message = self.read(heard)
        assert isinstance(message, kind), message
        return message

    def _presence(self, heard: Heard) -> Birth | Death:
        try:
            read_signed(heard.payload)
        except Unreadable:
            return decode_payload(heard.payload, Death)
        return self._of_box(heard, Birth)

    def _of_central(self, heard: Heard, kind: type[M]) -> M:
        return open_message(heard.payload, kind, context=CONTEXTS[kind], keys=self._identity.central_keys)

    def _of_box(self, heard: Heard, kind: type[M]) -> M:
        keys = {self._identity.device: self._box_key}
        return open_message(heard.payload, kind, context=CONTEXTS[kind], keys=keys)
