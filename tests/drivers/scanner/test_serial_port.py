"""A serial scanner on a real pseudo-terminal."""

import asyncio
import fcntl
import os
import termios
import tty
from collections.abc import AsyncGenerator, Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drivers.errors import DeviceGone
from drivers.scan import Scan, Symbology
from drivers.scanner.framing import Garbled, GarbledReason
from drivers.scanner.serial_port import SerialPort, scans

NOON = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class PseudoScanner:
    """The other end of the line."""

    fd: int
    path: str
    is_plugged: bool = True

    def sends(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.fd, data) :]

    def is_pulled_out(self) -> None:
        if self.is_plugged:
            os.close(self.fd)
            self.is_plugged = False


@pytest.fixture
def scanner() -> Iterator[PseudoScanner]:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    pseudo = PseudoScanner(fd=ours, path=os.ttyname(theirs))
    yield pseudo
    os.close(theirs)
    pseudo.is_pulled_out()


def run(conversation: Coroutine[Any, Any, None]) -> None:
    async def within_ten_seconds() -> None:
        async with asyncio.timeout(10):
            await conversation

    asyncio.run(within_ten_seconds())


def reads_of(port: SerialPort, *, silence_s: float = 5.0) -> AsyncGenerator[Scan | Garbled, None]:
    return scans(port, now=lambda: NOON, silence_s=silence_s)


def test_a_read_becomes_a_scan(scanner: PseudoScanner) -> None:
    async def conversation() -> None:
        with SerialPort(name="counter", path=scanner.path) as port:
            scanner.sends(b"]Q1CPT1:ABC\r")

            assert await anext(reads_of(port)) == Scan(
                payload="CPT1:ABC", symbology=Symbology.QR, device="counter", read_at=NOON
            )

    run(conversation())


def test_a_code_that_comes_in_two_pieces_is_one_scan(scanner: PseudoScanner) -> None:
    async def conversation() -> None:
        with SerialPort(name="counter", path=scanner.path) as port:
            next_read = asyncio.ensure_future(anext(reads_of(port)))
            scanner.sends(b"CAR")
            await asyncio.sleep(0)
            scanner.sends(b"D-1\r\n")

            scan = await next_read

        assert isinstance(scan, Scan)
        assert scan.payload == "CARD-1"

    run(conversation())


def test_ten_thousand_bytes_without_an_end_are_reported_once_and_the_next_read_works(scanner: PseudoScanner) -> None:
    async def conversation() -> None:
        with SerialPort(name="counter", path=scanner.path) as port:
            reads = reads_of(port)
            flood = asyncio.ensure_future(asyncio.to_thread(scanner.sends, b"A" * 10_000 + b"\rCARD-1\r"))
            first, second = await anext(reads), await anext(reads)
            await flood

        assert isinstance(first, Garbled)
        assert first.reason is GarbledReason.TOO_LONG
        assert isinstance(second, Scan)
        assert second.payload == "CARD-1"

    run(conversation())


def test_a_read_that_stops_in_the_middle_is_given_up(scanner: PseudoScanner) -> None:
    async def conversation() -> None:
        with SerialPort(name="counter", path=scanner.path) as port:
            reads = reads_of(port, silence_s=0.01)
            scanner.sends(b"CAR")

            assert await anext(reads) == Garbled(reason=GarbledReason.UNFINISHED, dropped_bytes=3)

    run(conversation())


def test_pulling_the_scanner_out_is_said_with_its_name_and_the_remedy(scanner: PseudoScanner) -> None:
    async def conversation() -> None:
        with SerialPort(name="counter", path=scanner.path) as port:
            next_read = asyncio.ensure_future(anext(reads_of(port)))
            scanner.is_pulled_out()

            with pytest.raises(DeviceGone, match=r"counter: .* Plug the scanner in again"):
                await next_read

    run(conversation())


def test_a_scanner_that_is_not_there_is_gone(tmp_path: Path) -> None:
    with pytest.raises(DeviceGone, match=r"counter: can't open .* Plug the scanner in"):
        SerialPort(name="counter", path=str(tmp_path / "ttyACM0"))


def test_a_scanner_pulled_out_while_it_is_set_up_is_gone(
    scanner: PseudoScanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanish(*_: object) -> None:
        raise termios.error(5, "Input/output error")

    monkeypatch.setattr(termios, "tcsetattr", vanish)

    with pytest.raises(DeviceGone, match=r"counter: can't open .*Input/output error.* Plug the scanner in"):
        SerialPort(name="counter", path=scanner.path)


def test_a_speed_that_the_device_refuses_is_named(scanner: PseudoScanner, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(fcntl, "ioctl", refuse)

    with pytest.raises(DeviceGone, match=r"counter: can't open .* at 12345 baud .*check its baud"):
        SerialPort(name="counter", path=scanner.path, baud=12_345)


def test_a_scanner_that_another_program_reads_is_refused(scanner: PseudoScanner) -> None:
    with (
        SerialPort(name="counter", path=scanner.path),
        pytest.raises(DeviceGone, match="counter 2: can't open"),
    ):
        SerialPort(name="counter 2", path=scanner.path)


def test_waiting_for_a_read_can_be_cancelled(scanner: PseudoScanner) -> None:
    async def conversation() -> None:
        with SerialPort(name="counter", path=scanner.path) as port:
            next_read = asyncio.ensure_future(port.read())
            await asyncio.sleep(0)
            next_read.cancel()
            with pytest.raises(asyncio.CancelledError):
                await next_read

            scanner.sends(b"CARD-1\r")
            assert await port.read() == b"CARD-1\r"

    run(conversation())
