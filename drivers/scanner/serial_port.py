"""A scanner on a serial line or USB-CDC: the transport and its asyncio shell."""

import asyncio
import os
import termios
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

import serial

from drivers.errors import DeviceGone
from drivers.scan import Scan, ScannedCode
from drivers.scanner.framing import Garbled, ScannerCodec

_READ_BYTES = 4_096


class ByteSource(Protocol):
    """Where a scanner's bytes come from."""

    @property
    def name(self) -> str:
        """The device's name in the settings, for messages."""
        ...

    async def read(self) -> bytes:
        """Wait for bytes; never empty.

        Raises:
            DeviceGone: The device was unplugged.
        """
        ...


class SerialPort:
    """A serial device that is read without a thread and without polling.

    Use it as a context manager, inside a running event loop.
    """

    def __init__(self, *, name: str, path: str, baud: int = 9_600) -> None:
        """Open the device.

        Args:
            name: The device's name in the settings.
            path: E.g. `/dev/serial/by-path/…`; stays the same for a USB socket.

        Raises:
            DeviceGone: It isn't there, or another program has it.
        """
        self.name = name
        self._path = path
        try:
            # exclusive: two programs reading one scanner would each get half of every code
            self._port = serial.Serial(path, baudrate=baud, timeout=0, exclusive=True)
        except (OSError, termios.error, ValueError) as error:
            # pyserial lets the last two through: one that is pulled out while it is set up, and a speed it refuses
            raise DeviceGone(
                f"{name}: can't open {path} at {baud} baud ({error}). Plug the scanner in; if it is, check its baud."
            ) from error

    async def read(self) -> bytes:
        """Wait for bytes; never empty.

        Raises:
            DeviceGone: The device was unplugged.
        """
        loop = asyncio.get_running_loop()
        fd = self._port.fileno()
        readable = loop.create_future()

        def wake() -> None:
            if not readable.done():
                readable.set_result(None)

        loop.add_reader(fd, wake)
        try:
            await readable
        finally:
            loop.remove_reader(fd)
        return self._take(fd)

    def close(self) -> None:
        """Give the device back; closing twice is fine."""
        self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, fd: int) -> bytes:
        try:
            data = os.read(fd, _READ_BYTES)
        except OSError as error:  # EIO: a USB-CDC device that was pulled out, a pty whose other end closed
            raise DeviceGone(f"{self.name}: {self._path} went away ({error}). Plug the scanner in again.") from error
        if not data:
            raise DeviceGone(f"{self.name}: {self._path} went away. Plug the scanner in again.")
        return data


async def scans(
    source: ByteSource, *, now: Callable[[], datetime], silence_s: float = 0.5
) -> AsyncGenerator[Scan | Garbled, None]:
    """Yield what a scanner reads, for as long as it is there.

    Args:
        now: The clock, aware UTC.
        silence_s: A frame that stops for so long is given up, seconds. At 9,600 baud our longest code takes 0.2 s.

    Raises:
        DeviceGone: The scanner was unplugged: the supervisor reopens it.
    """
    codec = ScannerCodec()
    while True:
        try:
            async with asyncio.timeout(silence_s if codec.is_mid_frame else None):
                codec.receive(await source.read())
        except TimeoutError:
            codec.line_fell_silent()
        while (event := codec.next_event()) is not None:
            if isinstance(event, ScannedCode):
                yield Scan(payload=event.payload, symbology=event.symbology, device=source.name, read_at=now())
            else:
                yield event
