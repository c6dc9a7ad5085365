"""What a network does to bytes: it delays them, lets few through, swallows one direction, breaks off inside a packet.

MQTT packets can also be told apart, and delivered twice or in another order: brokers and reconnects do that to
messages, TCP never to bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

_CHUNK_BYTES = 65_536
_MOST_AT_ONCE_S = 0.02
"""What a slow line lets through in one piece, in time."""
_WAITING_CHUNKS = 64
_PUBLISH = 3
"""The packet type, in the first byte's upper half (MQTT 3.1.1 §2.2.1)."""
_DUP = 0x08
"""§3.3.1.1"""


class Direction(Enum):
    """Which way bytes go, as seen from who connects."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How a link fares; all is well by default.

    Attributes:
        delay_s: Each way, half of a round trip.
        bits_per_s: Each way; None for as many as there are.
        swallows: Nothing arrives in this direction, and nobody is told.
        breaks_after_bytes: Every connection is cut after so many bytes up, wherever in a packet that is.
        repeats_every: Every so many MQTT messages one is delivered twice.
        swaps_every: Every so many MQTT messages one changes places with the packet after it.
    """

    delay_s: float = 0.0
    bits_per_s: int | None = None
    swallows: Direction | None = None
    breaks_after_bytes: int | None = None
    repeats_every: int | None = None
    swaps_every: int | None = None

    @property
    def tells_packets_apart(self) -> bool:
        """Whether messages are disturbed, and not only bytes."""
        return self.repeats_every is not None or self.swaps_every is not None

    @property
    def chunk_bytes(self) -> int:
        """How much to carry at once."""
        if self.bits_per_s is None:
            return _CHUNK_BYTES
        return max(1, min(_CHUNK_BYTES, int(self.bits_per_s / 8 * _MOST_AT_ONCE_S)))


class Weather(Protocol):
    """Says what the conditions are now, and lets bytes wait."""

    @property
    def conditions(self) -> Conditions:
        """Now."""
        ...

    async def flowing(self) -> None:
        """Return once anything may pass."""
        ...


class Pipe:
    """One direction of one connection, under conditions that may change at any moment."""

    def __init__(
        self, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, weather: Weather
    ) -> None:
        self._direction = direction
        self._reader = reader
        self._writer = writer
        self._weather = weather
        self._packets = Packets()
        self._passed_bytes = 0
        self._waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_WAITING_CHUNKS)

    async def run(self) -> None:
        """Carry bytes until the stream ends.

        Raises:
            ConnectionError: The conditions broke it off, or one side vanished.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliver(), name="deliver")
            while chunk := await self._reader.read(self._weather.conditions.chunk_bytes):
                await self._wait_its_time(chunk)
            await self._waiting.put((0.0, b""))

    async def _wait_its_time(self, chunk: bytes) -> None:
        conditions = self._weather.conditions
        if conditions.swallows is self._direction:
            return
        parts = [chunk]
        if conditions.tells_packets_apart or self._packets.holds_some:
            parts = list(self._packets.disturb(chunk, conditions))
        for part in parts:
            await self._waiting.put((asyncio.get_running_loop().time() + conditions.delay_s, part))

    async def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_at, chunk = await self._waiting.get()
            await asyncio.sleep(max(0.0, due_at - loop.time()))
            await self._weather.flowing()
            if not chunk:
                break
            conditions = self._weather.conditions
            if conditions.bits_per_s is not None:
                await asyncio.sleep(len(chunk) * 8 / conditions.bits_per_s)
            await self._pass(chunk, conditions.breaks_after_bytes if self._direction is Direction.UP else None)
        if self._writer.can_write_eof():
            self._writer.write_eof()

    async def _pass(self, chunk: bytes, breaks_after_bytes: int | None) -> None:
        is_last = breaks_after_bytes is not None and self._passed_bytes + len(chunk) > breaks_after_bytes
        if is_last and breaks_after_bytes is not None:
            chunk = chunk[: max(0, breaks_after_bytes - self._passed_bytes)]
        self._passed_bytes += len(chunk)
        self._writer.write(chunk)
        await self._writer.drain()
        if is_last:
            raise ConnectionResetError("the conditions broke the connection off")


class Packets:
    """MQTT packets out of a stream of bytes, some of them twice or in another order."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._held: bytes | None = None
        self._messages = 0

    @property
    def holds_some(self) -> bool:
        """Whether bytes are kept back."""
        return bool(self._buffer) or self._held is not None

    def disturb(self, chunk: bytes, conditions: Conditions) -> Iterator[bytes]:
        """Take bytes, and give the packets that are whole now."""
        self._buffer += chunk
        while (packet := self._next()) is not None:
            held, self._held = self._held, None
            is_message = packet[0] >> 4 == _PUBLISH
            self._messages += is_message
            if is_message and held is None and _is_turn(self._messages, conditions.swaps_every):
                self._held = packet
                continue
            yield packet
            if held is not None:
                yield held
            if is_message and _is_turn(self._messages, conditions.repeats_every):
                yield bytes([packet[0] | _DUP]) + packet[1:]

    def _next(self) -> bytes | None:
        """A packet: one byte, the length in up to four bytes of seven bits (§2.2.3), and so many bytes more."""
        length = 0
        for at in range(1, 5):
            if len(self._buffer) <= at:
                return None
            length |= (self._buffer[at] & 0x7F) << 7 * (at - 1)
            if not self._buffer[at] & 0x80:
                break
        end = at + 1 + length
        if len(self._buffer) < end:
            return None
        packet = bytes(self._buffer[:end])
        del self._buffer[:end]
        return packet


def _is_turn(number: int, every: int | None) -> bool:
    return every is not None and number % every == 0
