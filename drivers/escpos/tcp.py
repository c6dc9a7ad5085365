"""ESC/POS over TCP, port 9100: the transport. It moves bytes and never resets the printer."""

import asyncio
import contextlib
import socket
from typing import Protocol, Self

from drivers.errors import DeviceGone

RAW_PRINTING_PORT = 9_100  # "JetDirect", the convention of all network receipt printers
_READ_BYTES = 4_096


class PrinterLink(Protocol):
    """A way to a printer."""

    @property
    def name(self) -> str:
        """The printer's name in the settings, for messages."""
        ...

    async def read(self) -> bytes:
        """Wait for bytes; never empty.

        Raises:
            DeviceGone: The printer can't be reached any more.
        """
        ...

    async def write(self, data: bytes) -> None:
        """Hand all bytes over. When it raises or is cancelled, any part of them may have been sent.

        Raises:
            DeviceGone: The printer can't be reached any more.
        """
        ...

    async def close(self) -> None:
        """Hang up; closing twice is fine."""
        ...


class TcpLink:
    """A TCP connection that is opened once and kept."""

    def __init__(self, *, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.name = name
        self._reader = reader
        self._writer = writer
        # drain() returns only once the kernel has all: a job that is stuck in a full printer is noticed here
        writer.transport.set_write_buffer_limits(high=0)
        endpoint = writer.get_extra_info("socket")
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    @classmethod
    async def open(cls, *, name: str, host: str, port: int = RAW_PRINTING_PORT, connect_timeout_s: float = 5.0) -> Self:
        """Connect.

        Raises:
            DeviceGone: Nobody answers at that address, or another computer holds the printer.
        """
        try:
            async with asyncio.timeout(connect_timeout_s):
                reader, writer = await asyncio.open_connection(host, port)
        except (OSError, UnicodeError) as error:  # the latter of a host that can't be a name
            raise DeviceGone(
                f"{name}: can't connect to {host}:{port} ({str(error) or 'no answer'}). "
                "Switch the printer on and check its network cable.",
                french=f"{name} : pas de réponse de {host}:{port}. "
                "Allumez l'imprimante, vérifiez son câble réseau et son adresse.",
            ) from error
        return cls(name=name, reader=reader, writer=writer)

    async def read(self) -> bytes:
        """Wait for bytes; never empty.

        Raises:
            DeviceGone: The connection ended.
        """
        try:
            data = await self._reader.read(_READ_BYTES)
        except OSError as error:
            raise self._gone(str(error)) from error
        if not data:
            raise self._gone("it hung up")
        return data

    async def write(self, data: bytes) -> None:
        """Hand all bytes over. When it raises or is cancelled, any part of them may have been sent.

        Raises:
            DeviceGone: The connection ended.
        """
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise self._gone(str(error)) from error

    async def close(self) -> None:
        """Hang up; closing twice is fine."""
        if self._writer.transport.get_write_buffer_size() > 0:
            self._writer.transport.abort()  # a printer that takes nothing would keep a polite close waiting for ever
        self._writer.close()
        with contextlib.suppress(OSError):  # it ended in an error that reading has reported already
            await self._writer.wait_closed()

    def _gone(self, why: str) -> DeviceGone:
        return DeviceGone(
            f"{self.name}: connection lost ({why}). Check the printer's power and its network cable.",
            french=f"{self.name} : connexion perdue. Vérifiez que l'imprimante est allumée, et son câble réseau.",
        )
