"""The serial scanner twin, read through its device name as a host does."""

import asyncio
import os
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

from hardware_sim.errors import UnpluggedError
from hardware_sim.scanner_pty import ScannerTwin

pytestmark = pytest.mark.anyio


@pytest.fixture
def scanner(tmp_path: Path) -> Iterator[ScannerTwin]:
    with ScannerTwin(tmp_path / "dev" / "scanner") as twin:
        yield twin


@contextmanager
def opened(path: Path) -> Iterator[serial.Serial]:
    with serial.Serial(str(path), timeout=5) as port:
        yield port


async def test_a_scan_arrives_whole_with_its_end(scanner: ScannerTwin) -> None:
    with opened(scanner.path) as port:
        await scanner.scan("CPT1:ABC")

        assert port.read_until(b"\r") == b"CPT1:ABC\r"


async def test_the_symbology_and_the_terminator_are_the_scanners_settings(scanner: ScannerTwin) -> None:
    with opened(scanner.path) as port:
        await scanner.scan("3760123456789", symbology="]E0", terminator=b"\r\n")

        assert port.read_until(b"\n") == b"]E03760123456789\r\n"


async def test_the_line_is_raw_no_byte_is_changed_or_echoed(scanner: ScannerTwin) -> None:
    every_byte = bytes(range(256))
    with opened(scanner.path) as port:
        await scanner.type_bytes(every_byte)

        assert port.read(256) == every_byte
        assert port.in_waiting == 0


async def test_the_pty_is_raw_even_for_a_host_that_sets_nothing(scanner: ScannerTwin) -> None:
    device = os.open(scanner.path, os.O_RDWR | os.O_NOCTTY)
    try:
        local_modes = termios.tcgetattr(device)[3]
    finally:
        os.close(device)

    assert local_modes & (termios.ECHO | termios.ICANON | termios.ISIG) == 0


async def test_ten_thousand_bytes_without_an_end_arrive(scanner: ScannerTwin) -> None:
    with opened(scanner.path) as port:
        sending = asyncio.create_task(scanner.type_bytes(b"9" * 10_000))
        received = await asyncio.to_thread(port.read, 10_000)
        await sending

    assert received == b"9" * 10_000


async def test_it_knows_whether_a_host_listens(scanner: ScannerTwin) -> None:
    assert not scanner.host_listens()
    with opened(scanner.path):
        await scanner.host_listening()
        assert scanner.host_listens()
    assert not scanner.host_listens()


async def test_unplugged_the_name_is_gone_and_the_reader_hangs_up(scanner: ScannerTwin) -> None:
    with opened(scanner.path) as port:
        scanner.unplug()

        assert not scanner.path.is_symlink()
        with pytest.raises((serial.SerialException, OSError)):
            port.read()
    with pytest.raises(UnpluggedError, match="replug"):
        await scanner.scan("nobody hears")


async def test_plugged_in_again_it_scans_under_the_same_name(scanner: ScannerTwin) -> None:
    scanner.unplug()

    scanner.replug()

    with opened(scanner.path) as port:
        await scanner.scan("back")
        assert port.read_until(b"\r") == b"back\r"
