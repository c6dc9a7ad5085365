"""The box's devices, each kept open by a supervisor: none of them ever stops the counter.

Only a box that has a camera loads OpenCV.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any

import structlog

from drivers.escpos.shell import EscposPrinter, open_printer
from drivers.escpos.tcp import TcpLink
from drivers.escpos.words import conditions_of, words_for
from drivers.scan import Scan
from drivers.scanner.duplicates import DuplicateFilter
from drivers.scanner.serial_port import SerialPort
from drivers.scanner.serial_port import scans as serial_scans
from drivers.supervise import Backoff, Clock, DeviceReport, DeviceState, supervise
from edge_config.settings import BoxSettings, CameraSettings, PrinterSettings, ScannerSettings
from gateway.eyes import open_eye, opened
from gateway.presenting import Desk
from gateway.previews import Previews
from gateway.receipts import confirm_by_of
from gateway.spooler import Spooler
from gateway.words import choose

_SETTLE_S = 2.0
_log = structlog.get_logger("comptoir.devices")
Open = Callable[[Callable[[], None]], Awaitable[None]]


class DeviceBoard:
    """How every device stands, in words."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        """Set up.

        Args:
            changed: Called whenever a device stands otherwise.
        """
        self.reports: dict[str, DeviceReport] = {}
        self.hints: dict[str, str] = {}
        self._changed = changed

    @property
    def wants(self) -> set[str]:
        """The devices that need a hand: paper, say."""
        return {name for name, words in self.hints.items() if words}

    def report(self, report: DeviceReport) -> None:
        """Take a device's change of state."""
        self.reports[report.device] = report
        self.hints.pop(report.device, None)
        level = _log.warning if report.state is DeviceState.GONE else _log.info
        level("device", device=report.device, state=report.state.value, reason=report.message)
        self._changed()

    def hint(self, device: str, words: str) -> None:
        """What a device that is there would like: paper, say. Empty for nothing."""
        if self.hints.get(device, "") != words:
            self.hints[device] = words
            self._changed()

    @property
    def states(self) -> dict[str, str]:
        """A word by device."""
        return {name: report.state.value for name, report in self.reports.items()}


class Devices:
    """Runs what the settings name."""

    def __init__(
        self,
        *,
        settings: BoxSettings,
        desk: Desk,
        spooler: Spooler | None,
        board: DeviceBoard,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._spooler = spooler
        self._board = board
        self._now = now
        self.previews = Previews(monotonic_s=time.monotonic)
        self._language = settings.language.value
        self._duplicates = DuplicateFilter()
        self._clock = Clock(monotonic_s=time.monotonic, sleep=asyncio.sleep, random=random.random)
        self._process_ids = itertools.count(int(time.time()))

    def tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What to run, by name."""
        running: dict[str, Coroutine[Any, Any, None]] = {}
        for scanner in self._settings.scanners:
            running[f"scanner {scanner.name}"] = self._keep(scanner.name, self._scanner(scanner))
        for camera in self._settings.cameras:
            running[f"camera {camera.name}"] = self._keep(camera.name, self._camera(camera))
        if self._settings.printer is not None and self._spooler is not None:
            name = self._settings.printer.name
            running[f"printer {name}"] = self._keep(name, self._printer(self._settings.printer, self._spooler))
        return running

    async def _keep(self, name: str, open_and_run: Open) -> None:
        await supervise(name, open_and_run, self._board.report, clock=self._clock, backoff=Backoff())

    def _scanner(self, settings: ScannerSettings) -> Open:
        async def run(ready: Callable[[], None]) -> None:
            with SerialPort(name=settings.name, path=str(settings.device), baud=settings.baud) as port:
                ready()
                async for read in serial_scans(port, now=self._now):
                    if isinstance(read, Scan):
                        self._take(read, sees_one=True)
                    else:
                        _log.warning("garbled scan", device=settings.name, reason=read.reason.value)
                        self._desk.place_garbled(device=settings.name)

        return run

    def _camera(self, settings: CameraSettings) -> Open:
        async def run(ready: Callable[[], None]) -> None:
            eye = await opened(lambda: open_eye(settings))
            with contextlib.closing(eye), self.previews.showing(settings.name) as show:
                ready()
                async for seen in eye.scans(self._now, show):
                    if isinstance(seen, Scan):
                        self._take(seen, sees_one=False)
                    else:
                        _log.warning("unreadable picture", device=settings.name, picture=str(seen))

        return run

    def _printer(self, settings: PrinterSettings, spooler: Spooler) -> Open:
        confirm_by = confirm_by_of(settings)

        async def run(ready: Callable[[], None]) -> None:
            link = await TcpLink.open(name=settings.name, host=settings.host, port=settings.port)
            async with open_printer(link, confirm_by=confirm_by, next_process_id=self._next_process_id) as printer:
                watching = asyncio.create_task(self._watch(settings.name, printer, spooler, ready))
                serving = asyncio.create_task(spooler.serve(printer), name=f"spooler {settings.name}")
                try:
                    await asyncio.wait({watching, serving}, return_when=asyncio.FIRST_COMPLETED)
                    with contextlib.suppress(TimeoutError):  # a job whose printer went ends by itself, and says how
                        async with asyncio.timeout(_SETTLE_S):
                            await spooler.settled()
                finally:
                    await _end(watching, serving)

        return run

    async def _watch(self, name: str, printer: EscposPrinter, spooler: Spooler, ready: Callable[[], None]) -> None:
        async for status in printer.watch():
            ready()
            words = [words_for(condition) for condition in conditions_of(status)]
            quiet = status.is_ready and not status.paper_near_end
            said = "" if quiet else " ".join(choose(self._language, word.fr, word.en) for word in words)
            self._board.hint(name, said)
            spooler.wake()

    def _take(self, scan: Scan, *, sees_one: bool) -> None:
        now_s = time.monotonic()
        if self._duplicates.is_new(device=scan.device, payload=scan.payload, now_s=now_s, sees_one=sees_one):
            self._desk.place(scan.payload, device=scan.device, read_at=scan.read_at)

    def _next_process_id(self) -> bytes:
        # GS ( H: four characters from 20h to 7Eh; ten thousand jobs apart is not "recent"
        return f"{next(self._process_ids) % 10_000:04}".encode("ascii")


async def _end(*tasks: asyncio.Task[None]) -> None:
    """Stop tasks, and raise what ended the first of them that failed."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()
