"""The way to central: the MQTT link, with the outbox and everything that central sends, in one place.

One task takes what happened, in order: the link's ups and downs, messages, new rows, timers. Answers to asks alone
overtake it, for somebody waits at the counter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

import structlog

from gateway.announcing import Announcer
from gateway.asking import Asking
from gateway.identity import Identity
from gateway.inbound import Inbound
from gateway.outbound import Outbound
from sync.errors import JournalError, LinkError, Unreadable
from sync.mqtt import MqttLink
from sync.outbox import Input, LinkDown, LinkUp, Tick
from sync.topics import Down, Up, registry

HEALTH_EVERY_S = 30.0
DEFAULT_BROKER_PORT = 1_883
_log = structlog.get_logger("comptoir.uplink")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message came."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reborn:
    """The box must say again where it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grown:
    """Rows were added; how far the journal is gets read when this is taken: a new epoch may have begun by then."""


Happened: TypeAlias = Input | Arrived | _Reborn | _Grown


class Health(Protocol):
    """Who knows how the box fares."""

    def health(self) -> bytes:
        """It, as a message.

        Raises:
            JournalError: The journal can't be read.
        """
        ...


class Line:
    """The link in use now: another one when the topics to listen to have changed."""

    def __init__(self) -> None:
        self.link: MqttLink | None = None

    @property
    def is_up(self) -> bool:
        """Whether there is a connection now."""
        return self.link is not None and self.link.is_up

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Hand a message over; never blocks.

        Raises:
            LinkError: There is no connection.
            Unreadable: The message is too large.
        """
        if self.link is None:
            raise LinkError("not connected yet: the message waits")
        self.link.publish(topic, payload, qos=qos, retain=retain)


class Uplink:
    """Runs the line; what it is made of is joined by `gateway.app`."""

    def __init__(
        self, *, identity: Identity, broker: str, line: Line, now: Callable[[], datetime], changed: Callable[[], None]
    ) -> None:
        """Set up.

        Args:
            broker: "mqtt://host:port".
            changed: Called after everything that happened: rows may be sent or booked now.
        """
        self._changed = changed
        self.last_ack_at: datetime | None = None
        self._identity = identity
        self._broker = urlsplit(broker)
        self._line = line
        self._now = now
        self._happened: asyncio.Queue[Happened] = asyncio.Queue()
        self._resubscribe = asyncio.Event()

    @property
    def is_up(self) -> bool:
        """Connected to the broker."""
        return self._line.is_up

    def happened(self, event: Happened) -> None:
        """Something for the one task to take."""
        self._happened.put_nowait(event)

    def tick(self) -> None:
        """The outbox wanted to be woken."""
        self.happened(Tick())

    def grown(self) -> None:
        """Rows were added."""
        self.happened(_Grown())

    def reborn(self) -> None:
        """Say again where the box stands: a new epoch, say."""
        self.happened(_Reborn())

    def acknowledged(self) -> None:
        """An ack came: the connection is a real one."""
        self.last_ack_at = self._now()
        if self._line.link is not None:
            self._line.link.proved()

    def configured(self) -> None:
        """Another configuration is in force: its programmes' topics may be others."""
        self._resubscribe.set()

    async def run_link(self, announcer: Announcer, asking: Asking, programmes: Callable[[], list[str]]) -> None:
        """Keep a link open, for ever.

        Args:
            programmes: Whose registry topics to listen to.
        """
        while True:
            wanted = programmes()
            self._resubscribe.clear()
            self._line.link = self._make_link(announcer, wanted)
            running = asyncio.create_task(self._live(self._line.link, asking), name="mqtt")
            changed = asyncio.create_task(self._wait_for_others(programmes, wanted), name="resubscribe")
            try:
                await asyncio.wait({running, changed}, return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    running.result()
            finally:
                for task in (running, changed):
                    task.cancel()
                await asyncio.wait({running, changed})

    async def serve(self, announcer: Announcer, outbound: Outbound, inbound: Inbound) -> None:
        """Take what happened, for ever."""
        try:
            while True:
                await self._take(await self._happened.get(), announcer, outbound, inbound)
        finally:
            outbound.close()

    async def tell_health(self, announcer: Health) -> None:
        """Say how the box fares, every half minute; what gets lost doesn't matter."""
        while True:
            try:
                self._try_publish(Up.HEALTH, announcer.health(), qos=0)
            except JournalError as error:
                _log.error("health not told", reason=str(error))
            await asyncio.sleep(HEALTH_EVERY_S)

    def report(self, payload: bytes) -> None:
        """Send a report; central asks again for what gets lost."""
        self._try_publish(Up.REPORT, payload, qos=1)

    async def _live(self, link: MqttLink, asking: Asking) -> None:
        answers = self._identity.address.down(Down.ANSWER)

        def on_message(topic: str, payload: bytes) -> None:
            if topic == answers:
                asking.take_answer(payload)
            else:
                self.happened(Arrived(topic=topic, payload=payload))

        def on_down(reason: LinkError) -> None:
            _log.warning("link down", reason=str(reason))
            self.happened(LinkDown())

        await link.run(lambda: self.happened(LinkUp()), on_message, on_down)

    async def _take(self, event: Happened, announcer: Announcer, outbound: Outbound, inbound: Inbound) -> None:
        try:
            match event:
                case Arrived(topic=topic, payload=payload):
                    await inbound.take(topic, payload)
                case _Reborn():
                    self._announce(announcer)
                case _Grown():
                    await outbound.grown()
                case LinkUp():
                    _log.info("link up", broker=self._broker.netloc)
                    self._announce(announcer)
                    self._try_publish(Up.HEALTH, announcer.health(), qos=0)
                    await outbound.feed(event)
                case _:
                    await outbound.feed(event)
        except JournalError as error:
            _log.error("journal fault", reason=str(error))
        self._changed()

    def _announce(self, announcer: Announcer) -> None:
        self._try_publish(Up.PRESENCE, announcer.birth(), qos=1, retain=True)

    def _try_publish(self, channel: Up, payload: bytes, *, qos: int, retain: bool = False) -> None:
        try:
            self._line.publish(self._identity.address.up(channel), payload, qos=qos, retain=retain)
        except (LinkError, Unreadable) as error:
            _log.debug("not published", channel=channel.value, reason=str(error))

    def _make_link(self, announcer: Announcer, programmes: list[str]) -> MqttLink:
        address = self._identity.address
        return MqttLink(
            host=self._broker.hostname or "",
            port=self._broker.port or DEFAULT_BROKER_PORT,
            client_id=f"comptoir-{address.tenant}-{address.device}",
            subscriptions=(address.all_down, *(registry(address.tenant, programme) for programme in programmes)),
            will=announcer.will(),
        )

    async def _wait_for_others(self, programmes: Callable[[], list[str]], before: list[str]) -> None:
        while programmes() == before:
            self._resubscribe.clear()
            await self._resubscribe.wait()
