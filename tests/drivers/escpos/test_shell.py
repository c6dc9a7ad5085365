"""Jobs on a printer that is kept open: confirmed, uncertain, or not started. The fake printer speaks real TCP."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from drivers.errors import DeviceGone
from drivers.escpos.outcomes import Confirmed, NotStarted, Uncertain
from drivers.escpos.shell import ConfirmBy, EscposPrinter, Timings, open_printer
from drivers.escpos.status import PrinterStatus
from drivers.escpos.tcp import TcpLink
from drivers.escpos.words import Condition

PATIENT = Timings(reply_s=5.0, quiet_s=60.0, trouble_s=60.0)
HASTY = Timings(reply_s=0.02, quiet_s=60.0, trouble_s=60.0)
INQUISITIVE = Timings(reply_s=5.0, quiet_s=0.2, trouble_s=0.2)

READY = PrinterStatus(online=True)
_COMMANDS = re.compile(
    rb"(?P<real_time>\x10\x04[\x01-\x04])"
    rb"|(?P<reset>\x1b@)|(?P<asb>\x1da\xff)|(?P<paper>\x1dr\x01)"
    rb"|\x1d\(H\x06\x0000(?P<process_id>....)|(?P<nul>\x00)|(?P<text>[ -~]+)",
    re.DOTALL,
)


class FakePrinter:
    """Just enough of a printer: it prints text at once, unless something is wrong with it."""

    def __init__(self) -> None:
        self.asb = bytes.fromhex("10 00 00 0f")
        self.real_time = {1: 0x12, 2: 0x12, 3: 0x12, 4: 0x12}
        self.answers_real_time = True
        self.swallows_next_asb = False
        self.hangs_up_on: bytes | None = None
        self.is_held = False
        self.hold_after_next_asb = False
        self.when_held: Callable[[], None] = lambda: None
        self.times_asked = 0
        self.when_asked_for_the_fifth_time: Callable[[], None] = lambda: None
        self.paper = b""
        self.closed_raster_bytes = 0
        self.connections = 0
        self._held: list[re.Match[bytes]] = []
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writer = writer
        while data := await reader.read(65_536):
            for command in _COMMANDS.finditer(data):
                self._obey(command)
        writer.close()

    def says(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    def opens_its_cover(self) -> None:
        self.asb = bytes.fromhex("38 00 00 0f")
        self.real_time |= {1: 0x1A, 2: 0x16}
        self.says(self.asb)

    def is_mended(self) -> None:
        """What was held back is done now, and the answers arrive glued together."""
        self.is_held = False
        held, self._held = self._held, []
        for command in held:
            self._obey(command)

    def hangs_up(self) -> None:
        assert self._writer is not None
        self._writer.close()

    def _obey(self, command: re.Match[bytes]) -> None:
        if command["real_time"]:
            self.times_asked += command[0][2] == 1
            if self.times_asked == 5:
                self.when_asked_for_the_fifth_time()
            if self.answers_real_time:
                self.says(bytes((self.real_time[command[0][2]],)))
        elif self.is_held:
            self._held.append(command)
            self.when_held()
        elif command["asb"]:
            if self.swallows_next_asb:
                self.swallows_next_asb = False
            else:
                self.says(self.asb)
            self.is_held, self.hold_after_next_asb = self.hold_after_next_asb, False
        elif command["paper"]:
            self.says(b"\x00")
        elif command["process_id"]:
            self.says(b"\x37\x22" + command["process_id"] + b"\x00")
        elif command["nul"]:
            self.closed_raster_bytes += 1
        elif command["text"]:
            self.paper += command[0]
            if self.hangs_up_on is not None and self.hangs_up_on in self.paper:
                self.hangs_up()


@asynccontextmanager
async def opened(
    fake: FakePrinter, confirm_by: ConfirmBy = ConfirmBy.PROCESS_ID, timings: Timings = PATIENT
) -> AsyncIterator[EscposPrinter]:
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    async with server:
        link = await TcpLink.open(name="receipts", host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        numbers = itertools.count(1)
        async with open_printer(
            link, confirm_by=confirm_by, next_process_id=lambda: b"%04d" % next(numbers), timings=timings
        ) as printer:
            yield printer


def run(conversation: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def within_twenty_seconds() -> None:
        async with asyncio.timeout(20):
            await conversation()

    asyncio.run(within_twenty_seconds())


async def first_status(printer: EscposPrinter) -> PrinterStatus:
    return await anext(printer.watch())


async def statuses_until(printer: EscposPrinter, wanted: Callable[[PrinterStatus], bool]) -> PrinterStatus:
    async for status in printer.watch():
        if wanted(status):
            return status
    raise AssertionError("watch ended")


@pytest.mark.parametrize("confirm_by", ConfirmBy)
def test_a_job_is_confirmed_when_the_printer_says_so(confirm_by: ConfirmBy) -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake, confirm_by) as printer:
            assert await printer.print(b"Merci") == Confirmed()
        assert fake.paper == b"Merci"

    run(conversation)


def test_jobs_go_one_after_the_other_on_one_connection() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake) as printer:
            outcomes = await asyncio.gather(printer.print(b"A"), printer.print(b"B"), printer.print(b"C"))
        assert list(outcomes) == [Confirmed()] * 3
        assert fake.paper == b"ABC"
        assert fake.connections == 1

    run(conversation)


def test_the_status_is_watched_and_each_change_is_told() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake) as printer:
            statuses = printer.watch()
            assert await anext(statuses) == READY
            fake.opens_its_cover()
            assert await anext(statuses) == PrinterStatus(online=False, cover_open=True)

    run(conversation)


@pytest.mark.parametrize(
    ("real_time", "reason"),
    [
        ({1: 0x1A, 2: 0x16}, Condition.COVER_OPEN),
        ({1: 0x1A, 2: 0x32}, Condition.PAPER_OUT),
        ({1: 0x1A, 2: 0x12}, Condition.OFFLINE),
    ],
    ids=["cover open", "no paper", "offline"],
)
def test_a_printer_in_trouble_gets_no_byte_of_the_job(real_time: dict[int, int], reason: Condition) -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake) as printer:
            await first_status(printer)
            fake.real_time |= real_time
            assert await printer.print(b"Merci") == NotStarted(reason=reason)
        assert fake.paper == b""

    run(conversation)


def test_trouble_that_only_the_automatic_status_tells_keeps_the_job_too() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake) as printer:
            await first_status(printer)
            fake.asb = bytes.fromhex("18 08 00 0f")  # cutter blocked
            assert await printer.print(b"Merci") == NotStarted(reason=Condition.CUTTER_BLOCKED)
        assert fake.paper == b""

    run(conversation)


def test_a_printer_that_does_not_answer_gets_no_byte_of_the_job() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        fake.answers_real_time = False
        async with opened(fake, timings=HASTY) as printer:
            await first_status(printer)
            assert await printer.print(b"Merci") == NotStarted(reason=Condition.SILENT)
        assert fake.paper == b""

    run(conversation)


def test_an_interrupted_command_of_an_earlier_job_is_closed_first() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake, timings=Timings(reply_s=1.0, quiet_s=60.0)) as printer:
            await first_status(printer)
            fake.swallows_next_asb = True
            assert await printer.print(b"Merci") == Confirmed()
        assert fake.closed_raster_bytes >= 8_192

    run(conversation)


def test_a_connection_lost_before_the_job_leaves_it_unstarted() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake) as printer:
            await first_status(printer)
            fake.hangs_up()
            assert await printer.print(b"Merci") == NotStarted(reason=Condition.GONE)

    run(conversation)


def test_a_connection_lost_after_data_began_is_uncertain() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        fake.hangs_up_on = b"Merci"
        async with opened(fake) as printer:
            assert await printer.print(b"Merci") == Uncertain(reason=Condition.GONE)

    run(conversation)


@pytest.mark.parametrize("confirm_by", ConfirmBy)
def test_no_answer_after_data_began_is_uncertain_and_a_late_answer_never_confirms_the_next_job(
    confirm_by: ConfirmBy,
) -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake, confirm_by) as printer:
            await first_status(printer)
            assert await printer.print(b"A") == Confirmed()

            fake.hold_after_next_asb = True
            assert await printer.print(b"B", deadline_s=0.02) == Uncertain(reason=Condition.SILENT)

            fake.is_mended()
            fake.hold_after_next_asb = True
            assert await printer.print(b"C", deadline_s=0.02) == Uncertain(reason=Condition.SILENT)

            fake.is_mended()
            assert await printer.print(b"D") == Confirmed()
        assert fake.paper == b"ABCD"

    run(conversation)


def test_an_answer_to_an_earlier_job_that_comes_amid_the_next_one_does_not_confirm_it() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake, ConfirmBy.PAPER_STATUS) as printer:
            await first_status(printer)
            fake.hold_after_next_asb = True
            assert await printer.print(b"A", deadline_s=0.02) == Uncertain(reason=Condition.SILENT)

            # ESC @, GS a, data and GS r of the next job are held too, but an ASB comes by itself (a cover was closed)
            says = iter([b"", fake.asb, b"", b"\x00"])
            fake.when_held = lambda: fake.says(next(says))

            assert await printer.print(b"B", deadline_s=0.5) == Uncertain(reason=Condition.SILENT)
            assert next(says, None) is None

    run(conversation)


def test_paper_that_runs_out_amid_a_job_is_named() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake) as printer:
            await first_status(printer)
            fake.hold_after_next_asb = True
            job = asyncio.ensure_future(printer.print(b"Merci", deadline_s=1.0))
            fake.when_held = lambda: fake.says(bytes.fromhex("18 00 0f 0f"))

            assert await job == Uncertain(reason=Condition.PAPER_OUT)

    run(conversation)


def test_a_silent_printer_is_asked_how_it_is() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake, timings=INQUISITIVE) as printer:
            await first_status(printer)
            fake.real_time |= {1: 0x1A, 2: 0x32, 4: 0x7E}  # no ASB tells this one
            status = await statuses_until(printer, lambda status: status.paper_near_end)
        assert status == PrinterStatus(online=False, paper_out=True, paper_near_end=True)

    run(conversation)


def test_a_silent_printer_that_answers_each_time_stays_open() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake, timings=INQUISITIVE) as printer:
            await first_status(printer)
            fake.when_asked_for_the_fifth_time = lambda: fake.real_time.update({1: 0x16})
            status = await statuses_until(printer, lambda status: status.drawer_pin_high)
        assert status.online

    run(conversation)


def test_a_printer_that_answers_nothing_any_more_is_gone() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        fake.answers_real_time = False
        async with opened(fake, timings=INQUISITIVE) as printer:
            with pytest.raises(DeviceGone, match=r"receipts: the printer does not answer\. Switch it off"):
                await statuses_until(printer, lambda status: not status.online)

    run(conversation)


def test_a_printer_that_hangs_up_is_gone() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake) as printer:
            await first_status(printer)
            fake.hangs_up()
            with pytest.raises(DeviceGone, match=r"receipts: connection lost .* network cable"):
                await statuses_until(printer, lambda status: not status.online)

    run(conversation)


def test_noise_between_replies_is_passed_over() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake) as printer:
            await first_status(printer)
            fake.says(b"\xff\xfe")
            assert await printer.print(b"Merci") == Confirmed()

    run(conversation)


def test_a_cancelled_job_leaves_the_printer_usable() -> None:
    async def conversation() -> None:
        fake = FakePrinter()
        async with opened(fake) as printer:
            await first_status(printer)
            fake.hold_after_next_asb = True
            job = asyncio.ensure_future(printer.print(b"A"))
            held = asyncio.Event()
            fake.when_held = held.set
            await held.wait()
            job.cancel()
            with pytest.raises(asyncio.CancelledError):
                await job

            fake.is_mended()
            assert await printer.print(b"B") == Confirmed()

    run(conversation)
