"""The MQTT shell: one connection that comes back by itself. Any broker will do.

paho-mqtt's own thread moves the bytes; everything else happens in the caller's event loop. Each attempt gets a new
client and a clean session: what wasn't acknowledged is the outbox's to send again, not the client's.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import paho.mqtt.client as paho
from paho.mqtt.client import ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sync.backoff import Backoff
from sync.errors import LinkError, Unreadable
from sync.wire import MAX_MESSAGE_BYTES

MAX_IN_FLIGHT = 20
"""Measured: faster than 200 and than 1,000."""
MAX_QUEUED = 1_000
_MAX_UNHANDLED = 1_000
"""Messages received and not handled yet; more, and the connection is read no further."""
_CONNECT_WITHIN_S = 10.0
_PROVED_AFTER_S = 30.0
"""A connection that lived so long was a real one."""
_FAREWELL_WITHIN_S = 1.0
_UNSUPPORTED_VERSION = 0x84
"""MQTT 5 §3.2.2.2; paho gives the same for MQTT 3.1.1's return code 1 (§3.2.2.3)."""

OnUp: TypeAlias = Callable[[], None]
OnMessage: TypeAlias = Callable[[str, bytes], None]
OnDown: TypeAlias = Callable[[LinkError], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker says, retained, when the connection breaks; the link says it itself when it ends politely."""

    topic: str
    payload: bytes


class MqttLink:
    """A connection to a broker, for ever."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        client_id: str,
        subscriptions: tuple[str, ...] = (),
        will: Will | None = None,
        backoff: Backoff | None = None,
        tls: ssl.SSLContext | None = None,
        keepalive_s: int = 30,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Describe the connection; `run` makes it.

        Args:
            client_id: The broker lets only one connection live under a name.
            subscriptions: Topic filters, QoS 1; the link is up once the broker has taken them all.
            backoff: Waits between attempts.
            sleep: How to wait.
        """
        self._host = host
        self._port = port
        self._client_id = client_id
        self._subscriptions = subscriptions
        self._will = will
        self._backoff = backoff or Backoff()
        self._tls = tls
        self._keepalive_s = keepalive_s
        self._sleep = sleep
        self._protocol = MQTTProtocolVersion.MQTTv5
        self._connection: _Connection | None = None

    @property
    def is_up(self) -> bool:
        """Whether `publish` can work now."""
        return self._connection is not None

    @property
    def name(self) -> str:
        """The broker, for messages."""
        return f"broker {self._host}:{self._port}"

    async def run(self, on_up: OnUp, on_message: OnMessage, on_down: OnDown = lambda _: None) -> None:
        """Connect, and connect again whenever that ends, until cancelled.

        Args:
            on_up: Called once connected and subscribed.
            on_message: Called with topic and payload.
            on_down: Called with the reason whenever a connection or an attempt has failed.
        """
        while True:
            try:
                await self._live(on_up, on_message)
            except LinkError as error:
                if isinstance(error, _ProtocolRefused) and self._protocol is MQTTProtocolVersion.MQTTv5:
                    self._protocol = MQTTProtocolVersion.MQTTv311
                    continue
                on_down(error)
            await self._sleep(self._backoff.next_s())

    def proved(self) -> None:
        """An answer came over this connection: it is a real one, and its loss will be the first failure."""
        self._backoff.proved()

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Give a message to the connection; never blocks, and promises nothing: only an ack of central's does.

        Raises:
            Unreadable: It is larger than brokers take.
            LinkError: There is no connection, or it is backed up; the message is dropped.
        """
        if len(payload) > MAX_MESSAGE_BYTES:
            raise Unreadable(f"a message of {len(payload)} bytes on {topic} is too large: {MAX_MESSAGE_BYTES} at most")
        if self._connection is None:
            raise LinkError(f"no connection to {self.name}: the message waits until it is back")
        self._connection.publish(topic, payload, qos=qos, retain=retain)

    async def _live(self, on_up: OnUp, on_message: OnMessage) -> None:
        connection = _Connection(self._new_client(), self.name, self._subscriptions, on_message)
        try:
            await connection.connect(self._host, self._port, self._keepalive_s)
            self._connection = connection
            since_s = time.monotonic()
            on_up()
            await connection.wait_down()
        finally:
            was_up, self._connection = self._connection is connection, None
            if was_up and time.monotonic() - since_s >= _PROVED_AFTER_S:
                self._backoff.proved()
            await connection.close(self._will)

    def _new_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=self._protocol,
            clean_session=True if self._protocol is MQTTProtocolVersion.MQTTv311 else None,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_WITHIN_S
        client.max_inflight_messages_set(MAX_IN_FLIGHT)
        client.max_queued_messages_set(MAX_QUEUED)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)
        return client


class _ProtocolRefused(LinkError):
    """The broker speaks another version of MQTT."""


class _Connection:
    """One client from its first byte to its last. Callbacks of paho's thread are named `_on_…`."""

    def __init__(self, client: paho.Client, name: str, subscriptions: tuple[str, ...], on_message: OnMessage) -> None:
        self._client = client
        self._name = name
        self._subscriptions = subscriptions
        self._handle = on_message
        self._loop = asyncio.get_running_loop()
        self._up: asyncio.Future[None] = self._loop.create_future()
        self._down: asyncio.Future[LinkError] = self._loop.create_future()
        self._gate = threading.Lock()
        self._closed = False
        self._looping = False
        self._ended = threading.Event()
        self._room = threading.Semaphore(_MAX_UNHANDLED)
        client.on_socket_open = self._on_socket_open
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect

    async def connect(self, host: str, port: int, keepalive_s: int) -> None:
        """Connect and subscribe.

        Raises:
            LinkError: It failed, or took too long.
        """
        self._start_dial(host, port, keepalive_s)
        waiting = (self._up, self._down)
        await asyncio.wait(waiting, timeout=_CONNECT_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        if self._down.done():
            raise self._down.result()
        if not self._up.done():
            raise LinkError(f"{self._name} didn't answer within {_CONNECT_WITHIN_S:.0f} s: trying again")

    async def wait_down(self) -> None:
        """Wait for the end of the connection.

        Raises:
            LinkError: It has come.
        """
        raise await self._down

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> None:
        """Queue a message.

        Raises:
            LinkError: The connection is breaking or backed up.
        """
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        if info.rc is MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            raise LinkError(f"{self._name} takes no more: {MAX_QUEUED} messages wait for it")
        if info.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkError(f"{self._name}: {paho.error_string(info.rc)}")

    async def close(self, farewell: Will | None) -> None:
        """End it, whatever its state; nothing is called back afterwards."""
        with self._gate:
            self._closed = True
            looping = self._looping
        try:
            if looping:
                await asyncio.to_thread(self._end, farewell)
        finally:
            # paho closes its inner sockets when it is deleted: now, and not when some cycle is collected.
            del self._client

    def _start_dial(self, host: str, port: int, keepalive_s: int) -> None:
        # A thread of its own: a name that takes a minute to resolve holds up neither the loop nor the program's end.
        arguments = (self._client, host, port, keepalive_s)
        threading.Thread(target=self._dial, args=arguments, name="mqtt-dial", daemon=True).start()

    def _dial(self, client: paho.Client, host: str, port: int, keepalive_s: int) -> None:
        try:
            client.connect(host, port, keepalive_s)
        except (OSError, ValueError) as error:  # the latter of a host or port that can't be any
            self._post(self._fail, LinkError(f"{self._name} can't be reached ({error}): trying again"))
            return
        with self._gate:
            if not self._closed:
                self._looping = True
                client.loop_start()
                return
        client.disconnect()

    def _end(self, farewell: Will | None) -> None:
        stream = self._client.socket()
        if self._client.is_connected():
            if farewell is not None:
                info = self._client.publish(farewell.topic, farewell.payload, qos=1, retain=True)
                if info.rc is MQTTErrorCode.MQTT_ERR_SUCCESS:
                    info.wait_for_publish(_FAREWELL_WITHIN_S)
            self._client.disconnect()
            self._ended.wait(_FAREWELL_WITHIN_S)
        if isinstance(stream, socket.socket):
            # The loop goes on while bytes are left to write, and on a dead network they are.
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
        self._client.loop_stop()

    def _post(self, call: Callable[..., None], *arguments: object) -> None:
        with self._gate:
            if not self._closed:
                self._loop.call_soon_threadsafe(call, *arguments)

    def _succeed(self) -> None:
        if not self._up.done():
            self._up.set_result(None)

    def _fail(self, error: LinkError) -> None:
        if not self._down.done():
            self._down.set_result(error)

    def _take(self, topic: str, payload: bytes) -> None:
        self._room.release()
        if not self._closed:
            self._handle(topic, payload)

    def _on_socket_open(self, _client: paho.Client, _data: object, stream: object) -> None:
        # paho leaves Nagle's algorithm on, and small messages then wait for the answer to the one before.
        assert isinstance(stream, socket.socket)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_connect(
        self,
        client: paho.Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.value == _UNSUPPORTED_VERSION:
            self._post(self._fail, _ProtocolRefused(f"{self._name} speaks neither MQTT 5 nor 3.1.1: use another"))
        elif reason.is_failure:
            self._post(self._fail, LinkError(f"{self._name} refused the connection ({reason}): check its settings"))
        elif self._subscriptions:
            client.subscribe([(topic, 1) for topic in self._subscriptions])
        else:
            self._post(self._succeed)

    def _on_subscribe(
        self, _client: paho.Client, _data: object, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        refused = [topic for topic, reason in zip(self._subscriptions, reasons, strict=False) if reason.is_failure]
        if refused:
            self._post(self._fail, LinkError(f"{self._name} refused {', '.join(refused)}: check this client's rights"))
        else:
            self._post(self._succeed)

    def _on_message(self, _client: paho.Client, _data: object, message: MQTTMessage) -> None:
        while not self._room.acquire(timeout=0.1):
            if self._closed:
                return
        self._post(self._take, message.topic, message.payload)

    def _on_disconnect(
        self,
        _client: paho.Client,
        _data: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._ended.set()
        self._post(self._fail, LinkError(f"{self._name} is gone ({reason}): connecting again"))
