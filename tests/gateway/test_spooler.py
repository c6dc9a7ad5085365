"""Print jobs are durable: they wait for paper, and are never printed twice by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from uuid_utils.compat import uuid7

from drivers.escpos.compose import PAPER_80_MM
from drivers.escpos.outcomes import Confirmed, NotStarted, PrintOutcome, Uncertain
from drivers.escpos.words import Condition
from edge_config.settings import BoxSettings, Confirmation, PrinterSettings
from gateway.devices import DeviceBoard
from gateway.orders import Kind, Order
from gateway.receipts import RECEIPT_JOB, encode_ticket, sample_receipt
from gateway.spooler import Spooler
from gateway.tickets import ticket_for
from hardware_sim.printer.twin import PrinterTwin
from programme.decide import Sell
from sync.errors import JournalError
from sync.journal import Job, JobState, Journal
from tests.gateway.playing import run_devices, until
from tests.gateway.world import NOON, VOUCHER, Box


class FakePrinter:
    """Ends each job as told, in order; the last end again and again."""

    def __init__(self, *ends: PrintOutcome) -> None:
        self._ends = list(ends)
        self.printed: list[bytes] = []

    async def print(self, job: bytes) -> PrintOutcome:
        self.printed.append(job)
        return self._ends.pop(0) if len(self._ends) > 1 else self._ends[0]


def sell(box: Box) -> None:
    """Sell a voucher, which queues its print."""
    asyncio.run(box.counter.operate(Sell(programme=VOUCHER, face_minor=2_000), uuid7()))


def spooler(box: Box) -> Spooler:
    return Spooler(journal=box.journal, paper=PAPER_80_MM, language="fr", compose_job=lambda _, __: b"job")


def serve_until(work: Spooler, printer: FakePrinter, condition: Callable[[], bool]) -> None:
    """Serve a printer until something holds."""

    async def run() -> None:
        serving = asyncio.create_task(work.serve(printer))
        try:
            await until(condition)
        finally:
            serving.cancel()
            await asyncio.wait({serving})

    asyncio.run(run())


def states(box: Box) -> list[JobState]:
    return [job.state for job in box.journal.jobs()]


def test_a_confirmed_job_is_done(printing_box: Box) -> None:
    printing_box.give_grant(7)
    sell(printing_box)
    printer = FakePrinter(Confirmed())

    serve_until(spooler(printing_box), printer, lambda: states(printing_box) == [JobState.CONFIRMED])

    assert printer.printed == [b"job"]


class FaultyAtFirst:
    """A journal that can't be read once."""

    def __init__(self, journal: Journal) -> None:
        self.update_job = journal.update_job
        self._read = journal.jobs
        self._is_first = True

    def jobs(self, state: JobState | None = None) -> list[Job]:
        if self._is_first:
            self._is_first = False
            raise JournalError("the journal can't be read: check the disk")
        return self._read(state)


def test_a_journal_that_can_not_be_read_is_read_again_later(printing_box: Box) -> None:
    printing_box.give_grant(7)
    sell(printing_box)
    work = Spooler(
        journal=FaultyAtFirst(printing_box.journal),
        paper=PAPER_80_MM,
        language="fr",
        retry_s=0.0,
        compose_job=lambda _, __: b"job",
    )
    printer = FakePrinter(Confirmed())

    serve_until(work, printer, lambda: states(printing_box) == [JobState.CONFIRMED])

    assert printer.printed == [b"job"]


def test_an_uncertain_job_is_not_sent_again(printing_box: Box) -> None:
    box = printing_box
    box.give_grant(7, 8)
    sell(box)
    sell(box)
    printer = FakePrinter(Uncertain(reason=Condition.SILENT), Confirmed())

    serve_until(spooler(box), printer, lambda: states(box) == [JobState.UNCERTAIN, JobState.CONFIRMED])

    assert len(printer.printed) == 2
    assert box.journal.jobs()[0].detail != ""


def test_a_job_that_could_not_start_waits_for_a_change(printing_box: Box) -> None:
    box = printing_box
    box.give_grant(7)
    sell(box)
    printer = FakePrinter(NotStarted(reason=Condition.PAPER_OUT), Confirmed())
    work = spooler(box)

    serve_until(work, printer, lambda: states(box) == [JobState.QUEUED] and bool(box.journal.jobs()[0].detail))
    detail = box.journal.jobs()[0].detail
    serve_until(work, printer, lambda: states(box) == [JobState.CONFIRMED])

    assert "papier" in detail.lower()


def test_a_job_found_sending_after_a_crash_is_uncertain(printing_box: Box) -> None:
    box = printing_box
    box.give_grant(7)
    sell(box)
    box.journal.update_job(1, JobState.SENDING)
    box.restart()

    assert spooler(box).recover() == 1
    assert states(box) == [JobState.UNCERTAIN]


def test_a_job_that_this_version_can_not_print_fails_alone(printing_box: Box) -> None:
    box = printing_box
    box.give_grant(7)
    box.journal.submit(lambda tx: tx.add_job(RECEIPT_JOB, uuid7(), b"{}")).result()
    sell(box)

    serve_until(spooler(box), FakePrinter(Confirmed()), lambda: JobState.CONFIRMED in states(box))

    assert states(box) == [JobState.FAILED, JobState.CONFIRMED]


def printer_settings(box: Box, twin: PrinterTwin, confirm_by: Confirmation) -> BoxSettings:
    printer = PrinterSettings(name="imprimante", host=twin.host, port=twin.port, confirm_by=confirm_by)
    return BoxSettings(data_dir=box.folder, printer=printer)


def real_spooler(box: Box) -> Spooler:
    return Spooler(journal=box.journal, paper=PAPER_80_MM, language="fr")


@pytest.mark.parametrize("confirm_by", list(Confirmation))
def test_a_sold_voucher_comes_out_whole(printing_box: Box, tmp_path: Path, confirm_by: Confirmation) -> None:
    box = printing_box
    box.give_grant(7)
    sell(box)
    twin = PrinterTwin(output=tmp_path / "receipts")

    async def play(_: DeviceBoard) -> None:
        async with twin:
            receipt = await twin.receipt()
            await until(lambda: states(box) == [JobState.CONFIRMED])
            assert box.tickets()[0].code in receipt.qr_payloads
            text = "\n".join(receipt.lines)
            assert "Librairie des Halles" in text
            assert "Chèque cadeau Albret" in text
            assert "20,00" in text
            assert "04/05/2027" in text

    run_devices(box, printer_settings(box, twin, confirm_by), play, real_spooler(box))


def test_a_printer_that_is_off_then_out_of_paper_loses_nothing(printing_box: Box, tmp_path: Path) -> None:
    box = printing_box
    box.give_grant(7)
    sell(box)
    twin = PrinterTwin(output=tmp_path / "receipts")

    async def play(board: DeviceBoard) -> None:
        await until(lambda: board.states.get("imprimante") == "gone")
        assert states(box) == [JobState.QUEUED]
        async with twin:
            twin.leave_paper(0)
            await until(lambda: "papier" in board.hints.get("imprimante", "").lower())
            order = Order(kind=Kind.EARN, amount="23,50", code=box.central.card(1))
            earned = await box.counter.operate(box.orders.command(order), uuid7())
            assert earned.event is not None
            twin.load_paper()
            await twin.receipt()
            await until(lambda: states(box) == [JobState.CONFIRMED])

    run_devices(box, printer_settings(box, twin, Confirmation.PAPER_STATUS), play, real_spooler(box))
    assert len(twin.receipts) == 1


def test_a_duplicate_says_so(printing_box: Box, tmp_path: Path) -> None:
    box = printing_box
    box.give_grant(7)
    sell(box)
    (job,) = box.journal.jobs()
    reprint(box, job)
    twin = PrinterTwin(output=tmp_path / "receipts")

    async def play(_: DeviceBoard) -> None:
        async with twin:
            await twin.receipt(2)

    run_devices(box, printer_settings(box, twin, Confirmation.PROCESS_ID), play, real_spooler(box))
    assert [any("DUPLICATA" in line for line in receipt.lines) for receipt in twin.receipts] == [False, True]


def reprint(box: Box, job: Job) -> None:
    """Queue the same voucher again."""
    found = box.lookup.find(job.event_id)
    assert found is not None
    ticket = ticket_for(found.event, box.configured, code=box.tickets()[0].code, duplicate=True)
    box.journal.submit(lambda tx: tx.add_job(RECEIPT_JOB, job.event_id, encode_ticket(ticket))).result()


SLIP = sample_receipt("Librairie des Halles", NOON, ZoneInfo("Europe/Paris"))


@pytest.mark.parametrize("end", [Confirmed(), Uncertain(reason=Condition.SILENT)])
def test_a_slip_is_printed_now_and_leaves_no_job(printing_box: Box, end: PrintOutcome) -> None:
    assert print_slip(spooler(printing_box), FakePrinter(end)) is True
    assert printing_box.journal.jobs() == []


def test_a_slip_does_not_wait_for_paper(printing_box: Box) -> None:
    work, printer = spooler(printing_box), FakePrinter(NotStarted(reason=Condition.PAPER_OUT), Confirmed())

    assert print_slip(work, printer) is False
    serve_until(work, printer, lambda: True)

    assert len(printer.printed) == 1


def test_a_slip_does_not_wait_for_the_printer(printing_box: Box) -> None:
    work, printer = spooler(printing_box), FakePrinter(Confirmed())
    serve_until(work, printer, lambda: True)

    assert asyncio.run(work.print_slip(SLIP)) is False


def print_slip(work: Spooler, printer: FakePrinter) -> bool:
    """Print a slip while a printer is served."""
    printed: list[bool] = []

    async def run() -> None:
        serving = asyncio.create_task(work.serve(printer))
        await asyncio.sleep(0)  # the printer is taken up
        printed.append(await work.print_slip(SLIP))
        serving.cancel()
        await asyncio.wait({serving})

    asyncio.run(run())
    return printed[0]
