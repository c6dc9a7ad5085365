"""A serial hand scanner on a pseudo-terminal, under a name that stays when it is unplugged and plugged in again."""

from __future__ import annotations

import asyncio
import os
import select
import tty
from pathlib import Path
from types import TracebackType

from hardware_sim.errors import UnpluggedError

_POLL_S = 0.01


class ScannerTwin:
    """A scanner whose serial device is `path`, a symbolic link to the current pty as udev would make it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._master: int | None = None

    def __enter__(self) -> ScannerTwin:
        self.replug()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.unplug()

    @property
    def plugged(self) -> bool:
        """Whether the device exists."""
        return self._master is not None

    def replug(self) -> None:
        """A new pty appears under the same name."""
        if self._master is not None:
            return
        master, slave = os.openpty()
        try:
            tty.setraw(slave)
            os.set_blocking(master, False)
            self._link(os.ttyname(slave))
        finally:
            # Only the host holds the slave, so that the master can tell whether a host is listening.
            os.close(slave)
        self._master = master

    def unplug(self) -> None:
        """The name disappears, and whoever reads the device gets a hang-up."""
        master, self._master = self._master, None
        if master is not None:
            self.path.unlink(missing_ok=True)
            os.close(master)

    def host_listens(self) -> bool:
        """Whether a program has the device open."""
        if self._master is None:
            return False
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        return not any(event & select.POLLHUP for _, event in poll.poll(0))

    async def host_listening(self) -> None:
        """Wait until a program opens the device; the kernel has no event for it."""
        while not self.host_listens():
            await asyncio.sleep(_POLL_S)

    async def scan(self, payload: str, *, symbology: str = "", terminator: bytes = b"\r") -> None:
        """Read one code.

        Args:
            symbology: AIM identifier sent before the payload, for example "]Q1".

        Raises:
            UnpluggedError: There is no device to send on.
        """
        await self.type_bytes(symbology.encode("ascii") + payload.encode("utf-8") + terminator)

    async def type_bytes(self, raw: bytes) -> None:
        """Send any bytes, waiting while the host's buffer is full.

        Raises:
            UnpluggedError: There is no device to send on, or it was unplugged meanwhile.
        """
        while raw:
            if self._master is None:
                raise UnpluggedError(f"the scanner at {self.path} is unplugged: call replug() first")
            try:
                raw = raw[os.write(self._master, raw) :]
            except BlockingIOError:
                await asyncio.sleep(_POLL_S)

    def _link(self, device: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(device)
        temporary.replace(self.path)
