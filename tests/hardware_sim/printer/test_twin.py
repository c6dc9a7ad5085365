"""The printer twin on TCP, with hosts that come and go; python-escpos is the independent one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import zxingcpp
from escpos.printer import Network
from PIL import Image

from hardware_sim.printer.profile import PrinterProfile
from hardware_sim.printer.twin import PrinterTwin

pytestmark = pytest.mark.anyio

ASK_PRINTER_STATUS = b"\x10\x04\x01"
READY = b"\x16"
OFFLINE = b"\x1e"


@pytest.fixture
async def printer(tmp_path: Path) -> AsyncIterator[PrinterTwin]:
    async with PrinterTwin(output=tmp_path / "receipts") as twin:
        yield twin


class Host:
    """A till connected to the printer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, printer: PrinterTwin) -> "Host":
        return cls(*await asyncio.open_connection(printer.host, printer.port))

    async def ask(self, data: bytes, *, reply_bytes: int) -> bytes:
        self.writer.write(data)
        return await self.reader.readexactly(reply_bytes)

    async def leave(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def test_each_receipt_is_a_picture_with_its_text_beside_it(printer: PrinterTwin, tmp_path: Path) -> None:
    host = await Host.connect(printer)
    host.writer.write(b"\x1bt\x13Librairie\n20,00 \xd5\n\x1dVB\x00second\n\x1dVB\x00")
    await printer.receipt(2)
    await host.leave()

    folder = tmp_path / "receipts"
    assert sorted(path.name for path in folder.iterdir()) == [
        "receipt-0001.png",
        "receipt-0001.txt",
        "receipt-0002.png",
        "receipt-0002.txt",
    ]
    assert (folder / "receipt-0001.txt").read_text(encoding="utf-8") == "Librairie\n20,00 €\n"
    with Image.open(folder / "receipt-0001.png") as picture:
        assert picture.width == 576


async def test_numbering_goes_on_after_a_restart(tmp_path: Path) -> None:
    for expected in (1, 2):
        async with PrinterTwin(output=tmp_path) as printer:
            host = await Host.connect(printer)
            host.writer.write(b"again\n\x1dV\x00")
            assert (await printer.receipt()).number == expected
            await host.leave()


async def test_a_second_host_waits_until_the_first_leaves(printer: PrinterTwin) -> None:
    first = await Host.connect(printer)
    assert await first.ask(ASK_PRINTER_STATUS, reply_bytes=1) == READY
    second = await Host.connect(printer)
    waiting = asyncio.create_task(second.ask(ASK_PRINTER_STATUS, reply_bytes=1))
    assert await first.ask(ASK_PRINTER_STATUS, reply_bytes=1) == READY
    assert not waiting.done()

    await first.leave()

    assert await waiting == READY
    await second.leave()


async def test_switched_off_it_refuses_and_switched_on_it_is_back_on_its_port(printer: PrinterTwin) -> None:
    host = await Host.connect(printer)
    await host.ask(ASK_PRINTER_STATUS, reply_bytes=1)

    await printer.power_off()

    assert await host.reader.read() == b""
    await host.leave()
    with pytest.raises(ConnectionRefusedError):
        await Host.connect(printer)
    await printer.power_on()
    again = await Host.connect(printer)
    assert await again.ask(ASK_PRINTER_STATUS, reply_bytes=1) == READY
    await again.leave()


async def test_a_pulled_cable_ends_the_connection_and_keeps_the_buffer(printer: PrinterTwin) -> None:
    host = await Host.connect(printer)
    printer.open_cover()
    assert await host.ask(b"held\n\x1dV\x00" + ASK_PRINTER_STATUS, reply_bytes=1) == OFFLINE

    await printer.drop_connection()
    await host.leave()
    printer.close_cover()

    assert (await printer.receipt()).lines == ("held",)


async def test_a_mute_printer_prints_and_does_not_answer(printer: PrinterTwin) -> None:
    host = await Host.connect(printer)
    printer.mute()
    host.writer.write(b"printed\n\x1dV\x00" + ASK_PRINTER_STATUS)
    await printer.receipt()

    printer.unmute()

    # The answer that arrives is the second one: nothing came before it.
    printer.open_cover()
    assert await host.ask(ASK_PRINTER_STATUS, reply_bytes=1) == OFFLINE
    await host.leave()


async def test_a_full_buffer_stops_reading_until_there_is_paper(tmp_path: Path) -> None:
    small = PrinterProfile(model="SMALL", width_dots=384, receive_buffer_bytes=2_000)
    async with PrinterTwin(output=tmp_path, profile=small) as printer:
        printer.leave_paper(0)
        host = await Host.connect(printer)
        assert await host.ask(b"x" * 31 + b"\n" + ASK_PRINTER_STATUS, reply_bytes=1) == OFFLINE
        host.writer.write((b"x" * 31 + b"\n") * 400 + b"last\n\x1dV\x00")

        printer.load_paper()

        assert (await printer.receipt()).lines == (*["x" * 31] * 401, "last")
        await host.leave()


async def test_python_escpos_prints_and_reads_the_status(printer: PrinterTwin) -> None:
    payload = "CPT1:" + "6BFOXN%TSMAHN-HQSCU6PPJO" * 6

    def print_with_python_escpos() -> tuple[bool, int]:
        till = Network(printer.host, printer.port, timeout=10)
        till.open()
        try:
            till.charcode("CP858")
            till.set(align="center", bold=True, double_height=True, double_width=True)
            till.textln("Café Été")
            till.set(align="left", bold=False, normal_textsize=True)
            till.textln("Crème brûlée          7,50 €")
            till.set(align="center")
            till.qr(payload, native=True, size=6, ec=1)
            till.ln(2)  # a quiet zone
            till.image(Image.new("1", (200, 40), 0))
            till.cut()
            return till.is_online(), till.paper_status()
        finally:
            till.close()

    online, paper_status = await asyncio.to_thread(print_with_python_escpos)
    receipt = await printer.receipt()

    assert (online, paper_status) == (True, 2)
    assert receipt.lines == ("Café Été", "Crème brûlée          7,50 €", f"QR: {payload}")
    assert [code.text for code in zxingcpp.read_barcodes(receipt.image)] == [payload]
    assert printer.unsupported == ()
