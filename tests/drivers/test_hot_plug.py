"""Devices that are pulled out and plugged in again: the supervisor with a real pty and a real TCP printer."""

import asyncio
import os
import tty
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drivers.escpos.outcomes import Confirmed, PrintOutcome
from drivers.escpos.shell import ConfirmBy, EscposPrinter, open_printer
from drivers.escpos.tcp import TcpLink
from drivers.scan import Scan
from drivers.scanner.framing import Garbled
from drivers.scanner.serial_port import SerialPort, scans
from drivers.supervise import Backoff, Clock, DeviceReport, DeviceState, supervise

NOON = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)


class Supervised:
    """A supervised device, whose waits end when the test says so."""

    def __init__(self) -> None:
        self.states: asyncio.Queue[DeviceState] = asyncio.Queue()
        self._try_again = asyncio.Event()

    def keep(self, open_and_run: Callable[[Callable[[], None]], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        clock = Clock(monotonic_s=lambda: 0.0, sleep=self._sleep, random=lambda: 0.0)
        return asyncio.create_task(supervise("counter", open_and_run, self._report, clock=clock, backoff=Backoff()))

    async def reaches(self, state: DeviceState) -> None:
        while await self.states.get() is not state:
            pass

    def time_passes(self) -> None:
        self._try_again.set()

    async def _sleep(self, _seconds: float) -> None:
        await self._try_again.wait()
        self._try_again.clear()

    def _report(self, report: DeviceReport) -> None:
        self.states.put_nowait(report.state)


def plug(link: Path) -> tuple[int, int]:
    """A new pty under the old name, as udev does it."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    link.unlink(missing_ok=True)
    link.symlink_to(os.ttyname(theirs))
    return ours, theirs


def run(conversation: Coroutine[Any, Any, None]) -> None:
    async def within_twenty_seconds() -> None:
        async with asyncio.timeout(20):
            await conversation

    asyncio.run(within_twenty_seconds())


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def test_a_scanner_is_pulled_out_and_plugged_in_again(tmp_path: Path) -> None:
    path = tmp_path / "scanner"

    async def conversation() -> None:
        reads: asyncio.Queue[Scan | Garbled] = asyncio.Queue()

        async def open_and_run(ready: Callable[[], None]) -> None:
            with SerialPort(name="counter", path=str(path)) as port:
                ready()
                async with aclosing(scans(port, now=lambda: NOON)) as codes:
                    async for code in codes:
                        reads.put_nowait(code)

        supervised = Supervised()
        first = plug(path)
        task = supervised.keep(open_and_run)
        await supervised.reaches(DeviceState.READY)
        os.write(first[0], b"V1\r")
        assert await reads.get() == Scan(payload="V1", symbology=None, device="counter", read_at=NOON)

        os.close(first[0])
        await supervised.reaches(DeviceState.GONE)
        os.close(first[1])
        second = plug(path)
        supervised.time_passes()
        await supervised.reaches(DeviceState.READY)
        os.write(second[0], b"V2\r")
        assert await reads.get() == Scan(payload="V2", symbology=None, device="counter", read_at=NOON)

        await end(task)
        os.close(second[0])
        os.close(second[1])

    run(conversation())


async def simple_printer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each thing it is asked; nothing is ever wrong with it."""
    while data := await reader.read(4_096):
        writer.write(b"\x12" * data.count(b"\x10\x04"))
        writer.write(b"\x10\x00\x00\x0f" * data.count(b"\x1da\xff"))
        writer.write(b"\x00" * data.count(b"\x1dr\x01"))
    writer.close()


def test_a_printer_is_switched_off_and_on_again() -> None:
    async def conversation() -> None:
        writers: list[asyncio.StreamWriter] = []
        printers: list[EscposPrinter] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            await simple_printer(reader, writer)

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port: int = server.sockets[0].getsockname()[1]

            async def open_and_run(ready: Callable[[], None]) -> None:
                link = await TcpLink.open(name="receipts", host="127.0.0.1", port=port)
                async with open_printer(
                    link, confirm_by=ConfirmBy.PAPER_STATUS, next_process_id=lambda: b"0001"
                ) as printer:
                    printers.append(printer)
                    ready()
                    async for _ in printer.watch():
                        pass

            async def printed() -> PrintOutcome:
                return await printers[-1].print(b"Merci")

            supervised = Supervised()
            task = supervised.keep(open_and_run)
            await supervised.reaches(DeviceState.READY)
            assert await printed() == Confirmed()

            writers[-1].close()
            await supervised.reaches(DeviceState.GONE)
            supervised.time_passes()
            await supervised.reaches(DeviceState.READY)
            assert await printed() == Confirmed()

            await end(task)

    run(conversation())
