"""Drivers and twins speak the same protocols, though neither shares code with the other."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.camera.decode import GatedDecoder
from drivers.errors import DeviceGone
from drivers.escpos.compose import (
    PAPER_58_MM,
    PAPER_80_MM,
    Align,
    Columns,
    Cut,
    Feed,
    Line,
    Paper,
    QrCode,
    Receipt,
    Rule,
    compose,
)
from drivers.escpos.outcomes import Confirmed, NotStarted, Uncertain
from drivers.escpos.shell import ConfirmBy, EscposPrinter, open_printer
from drivers.escpos.tcp import TcpLink
from drivers.escpos.words import Condition
from drivers.scan import Scan, Symbology
from drivers.scanner.serial_port import SerialPort, scans
from hardware_sim.photo import PhotoSettings, take_photograph
from hardware_sim.printer.profile import NARROW, WIDE, PrinterProfile
from hardware_sim.printer.state import PrinterError
from hardware_sim.printer.twin import PrinterTwin
from hardware_sim.scanner_pty import ScannerTwin

pytestmark = pytest.mark.anyio

# The longest token: 165 alphanumeric characters are version 7 at level M, 45 modules a side.
PAYLOAD = ("CPT1:" + "6BFOXN%TSMAHN-HQSCU6PPJO8ND*" * 6)[:165]
VOUCHER = Receipt(
    elements=(
        Line(text="Librairie des Halles", bold=True, align=Align.CENTRE, double=True),
        Rule(),
        Columns(left="Chèque-cadeau", right="20,00 €", bold=True),
        QrCode(payload=PAYLOAD),
        Line(text="Valable jusqu'au 31/12/2027", align=Align.CENTRE),
        Feed(lines=1),
        Cut(),
    )
)
NOON = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)


@asynccontextmanager
async def driver_of(twin: PrinterTwin, confirm_by: ConfirmBy) -> AsyncIterator[EscposPrinter]:
    link = await TcpLink.open(name="caisse", host=twin.host, port=twin.port)
    numbers = itertools.count(1)
    async with open_printer(
        link, confirm_by=confirm_by, next_process_id=lambda: f"{next(numbers):04d}".encode()
    ) as printer:
        yield printer


async def condition_reached(printer: EscposPrinter, *, ready: bool) -> None:
    async for status in printer.watch():
        if status.is_ready is ready:
            return


@pytest.mark.parametrize(
    ("profile", "paper", "confirm_by"),
    [
        (WIDE, PAPER_80_MM, ConfirmBy.PROCESS_ID),
        (WIDE, PAPER_80_MM, ConfirmBy.PAPER_STATUS),
        (NARROW, PAPER_58_MM, ConfirmBy.PAPER_STATUS),
    ],
    ids=["wide, GS ( H", "wide, GS r", "narrow, GS r"],
)
async def test_a_composed_voucher_is_confirmed_and_lies_printed(
    tmp_path: Path, profile: PrinterProfile, paper: Paper, confirm_by: ConfirmBy
) -> None:
    async with PrinterTwin(output=tmp_path, profile=profile) as twin:
        async with driver_of(twin, confirm_by) as printer:
            assert await printer.print(compose(VOUCHER, paper)) == Confirmed()
        receipt = await twin.receipt()

    assert receipt.qr_payloads == (PAYLOAD,)
    assert "Valable jusqu'au 31/12/2027" in receipt.lines
    assert twin.unsupported == ()


@pytest.mark.parametrize(
    ("fault", "remedy", "condition"),
    [
        (lambda twin: twin.leave_paper(0), lambda twin: twin.load_paper(), Condition.PAPER_OUT),
        (lambda twin: twin.open_cover(), lambda twin: twin.close_cover(), Condition.COVER_OPEN),
    ],
    ids=["paper out", "cover open"],
)
async def test_a_fault_before_a_job_is_named_and_after_its_remedy_the_job_prints(
    tmp_path: Path, fault: object, remedy: object, condition: Condition
) -> None:
    assert callable(fault)
    assert callable(remedy)
    async with PrinterTwin(output=tmp_path) as twin, driver_of(twin, ConfirmBy.PROCESS_ID) as printer:
        await condition_reached(printer, ready=True)
        fault(twin)

        assert await printer.print(b"held\n\x1dV\x00") == NotStarted(reason=condition)

        remedy(twin)
        await condition_reached(printer, ready=True)
        assert await printer.print(b"printed\n\x1dV\x00") == Confirmed()
        assert [receipt.lines for receipt in twin.receipts] == [("printed",)]


@pytest.mark.parametrize("confirm_by", list(ConfirmBy))
async def test_a_job_that_runs_out_of_paper_is_confirmed_when_the_rest_is_printed(
    tmp_path: Path, confirm_by: ConfirmBy
) -> None:
    async with PrinterTwin(output=tmp_path) as twin, driver_of(twin, confirm_by) as printer:
        await condition_reached(printer, ready=True)
        twin.leave_paper(60)
        job = asyncio.create_task(printer.print(compose(VOUCHER, PAPER_80_MM)))
        await condition_reached(printer, ready=False)
        assert not job.done()
        assert "QR" not in " ".join(twin.printed_lines)

        twin.load_paper()

        assert await job == Confirmed()
        assert (await twin.receipt()).qr_payloads == (PAYLOAD,)


async def test_a_cable_pulled_before_the_answer_leaves_the_job_uncertain(tmp_path: Path) -> None:
    async with PrinterTwin(output=tmp_path) as twin, driver_of(twin, ConfirmBy.PROCESS_ID) as printer:
        await condition_reached(printer, ready=True)
        twin.leave_paper(60)
        job = asyncio.create_task(printer.print(b"one\ntwo\nthree\n\x1dV\x00"))
        await condition_reached(printer, ready=False)

        await twin.drop_connection()

        assert await job == Uncertain(reason=Condition.GONE)


async def test_a_blocked_cutter_is_told_apart(tmp_path: Path) -> None:
    async with PrinterTwin(output=tmp_path) as twin, driver_of(twin, ConfirmBy.PROCESS_ID) as printer:
        await condition_reached(printer, ready=True)
        twin.fail(PrinterError.CUTTER)
        await condition_reached(printer, ready=False)

        assert await printer.print(b"held\n") == NotStarted(reason=Condition.CUTTER_BLOCKED)


async def test_a_scan_reaches_the_gateway_with_its_symbology(tmp_path: Path) -> None:
    with ScannerTwin(tmp_path / "scanner") as twin, SerialPort(name="douchette", path=str(twin.path)) as port:
        await twin.scan(PAYLOAD, symbology="]Q1")

        scan = await anext(scans(port, now=lambda: NOON))

    assert scan == Scan(payload=PAYLOAD, symbology=Symbology.QR, device="douchette", read_at=NOON)


async def test_an_unplugged_scanner_is_gone_and_opens_again_under_its_name(tmp_path: Path) -> None:
    with ScannerTwin(tmp_path / "scanner") as twin:
        with SerialPort(name="douchette", path=str(twin.path)) as port:
            twin.unplug()
            with pytest.raises(DeviceGone):
                await anext(scans(port, now=lambda: NOON))
        with pytest.raises(DeviceGone, match="Plug the scanner in"):
            SerialPort(name="douchette", path=str(twin.path))

        twin.replug()

        with SerialPort(name="douchette", path=str(twin.path)) as port:
            await twin.scan("1234")
            scan = await anext(scans(port, now=lambda: NOON))
            assert isinstance(scan, Scan)
            assert scan.payload == "1234"


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_camera_reads_a_photograph_of_the_printed_voucher(tmp_path: Path, seed: int) -> None:
    async with PrinterTwin(output=tmp_path / "receipts") as twin:
        async with driver_of(twin, ConfirmBy.PROCESS_ID) as printer:
            await printer.print(compose(VOUCHER, PAPER_80_MM))
        await twin.receipt()

    photo = take_photograph(
        picture=tmp_path / "receipts" / "receipt-0001.png",
        into=tmp_path / "camera",
        name="vue.jpg",
        settings=PhotoSettings(seed=seed, pixels_per_module=2, tilt_degrees=20),
    )

    frame = cv2.imread(str(photo), cv2.IMREAD_GRAYSCALE)
    assert frame is not None
    assert [code.payload for code in GatedDecoder().decode(np.asarray(frame, dtype=np.uint8))] == [PAYLOAD]
