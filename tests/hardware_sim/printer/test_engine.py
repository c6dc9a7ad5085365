"""Conversations with the printer, and with people at its cover and roll."""

from dataclasses import dataclass, field

import pytest

from hardware_sim.printer.engine import PrinterEngine
from hardware_sim.printer.profile import NARROW, WIDE, PrinterProfile
from hardware_sim.printer.receipt import Receipt
from hardware_sim.printer.state import PrinterError

ASB_READY = bytes.fromhex("14 00 00 0f")
ASB_PAPER_OUT = bytes.fromhex("1c 00 0f 0f")
ASB_COVER_OPEN = bytes.fromhex("3c 00 00 0f")
ASB_NEAR_END = bytes.fromhex("14 00 03 0f")
PAPER_PRESENT = b"\x00"
ENABLE_ASB = b"\x1da\xff"
LINE_DOTS = 30


@dataclass
class Bench:
    """A printer on the workbench."""

    profile: PrinterProfile = WIDE
    receipts: list[Receipt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.printer = PrinterEngine(profile=self.profile, first_number=1, on_receipt=self.receipts.append)

    def send(self, data: bytes) -> bytes:
        self.printer.receive(data)
        return self.printer.take_output()

    def printed(self) -> tuple[str, ...]:
        return self.printer.printed_lines


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_cut_ends_a_receipt(bench: Bench) -> None:
    bench.send(b"one\n\x1dV\x00two\nthree\n\x1dV\x00")

    assert [(receipt.number, receipt.lines) for receipt in bench.receipts] == [(1, ("one",)), (2, ("two", "three"))]
    assert bench.receipts[0].image.width == 576


def test_cutting_blank_paper_makes_no_receipt(bench: Bench) -> None:
    bench.send(b"\x1dV\x00")

    assert bench.receipts == []


def test_asb_answers_at_once_and_then_at_each_change(bench: Bench) -> None:
    assert bench.send(ENABLE_ASB) == ASB_READY

    bench.printer.open_cover()
    assert bench.printer.take_output() == ASB_COVER_OPEN

    bench.printer.close_cover()
    assert bench.printer.take_output() == ASB_READY


def test_nothing_is_said_while_nothing_changes(bench: Bench) -> None:
    bench.send(ENABLE_ASB)

    assert bench.send(b"a line\n") == b""


def test_asb_says_only_what_was_asked_for(bench: Bench) -> None:
    paper_only = b"\x1da\x08"
    bench.send(paper_only)

    bench.printer.open_cover()

    assert bench.printer.take_output() == b""


def test_initialise_turns_asb_off(bench: Bench) -> None:
    bench.send(ENABLE_ASB + b"\x1b@")

    bench.printer.open_cover()

    assert bench.printer.take_output() == b""


def test_the_near_end_is_announced_while_printing(bench: Bench) -> None:
    bench.send(ENABLE_ASB)
    bench.printer.leave_paper(WIDE.near_end_dots + 1)

    assert bench.send(b"this line uses it up\n") == ASB_NEAR_END


class TestOutOfPaper:
    """What did not print is not in the picture."""

    def test_printing_stops_where_the_paper_ends_and_goes_on_with_the_next_roll(self, bench: Bench) -> None:
        bench.printer.leave_paper(2 * LINE_DOTS)

        bench.send(b"one\ntwo\nthree\nfour\n\x1dV\x00")

        assert bench.printed() == ("one", "two")
        assert bench.receipts == []

        bench.printer.load_paper()

        (receipt,) = bench.receipts
        assert receipt.lines == ("one", "two", "three", "four")

    def test_a_qr_code_cut_in_half_by_the_end_of_the_roll_is_not_a_printed_code(self, bench: Bench) -> None:
        bench.printer.leave_paper(40)

        bench.send(b"\x1d(k\x03\x001C\x06\x1d(k\x08\x001P0HELLO\x1d(k\x03\x001Q0")
        bench.printer.load_paper()
        bench.send(b"after\n\x1dV\x00")

        (receipt,) = bench.receipts
        assert receipt.qr_payloads == ()
        assert receipt.lines == ("after",)

    def test_real_time_questions_are_answered_and_buffered_ones_are_not(self, bench: Bench) -> None:
        bench.printer.leave_paper(0)

        assert bench.send(b"\x1dr\x01\x1dI\x01\x10\x04\x01\x10\x04\x02\x10\x04\x04") == bytes.fromhex("1e 32 7e")

    def test_a_held_answer_and_asb_come_glued_when_paper_is_put_in(self, bench: Bench) -> None:
        bench.send(ENABLE_ASB)
        bench.printer.leave_paper(0)
        assert bench.printer.take_output() == ASB_PAPER_OUT
        assert bench.send(b"\x1dr\x01") == b""

        bench.printer.load_paper()

        assert bench.printer.take_output() == ASB_READY + PAPER_PRESENT

    def test_enabling_asb_waits_too(self, bench: Bench) -> None:
        bench.printer.leave_paper(0)

        assert bench.send(ENABLE_ASB) == b""

        bench.printer.load_paper()
        assert bench.printer.take_output() == ASB_READY


class TestProcessReport:
    def test_it_comes_after_printing_completes(self, bench: Bench) -> None:
        bench.printer.leave_paper(LINE_DOTS)

        assert bench.send(b"one\ntwo\n\x1d(H\x06\x0000A7!z") == b""

        bench.printer.load_paper()
        assert bench.printer.take_output() == b"\x37\x22A7!z\x00"
        assert bench.printed() == ("one", "two")

    def test_a_model_without_it_says_nothing(self) -> None:
        assert Bench(profile=NARROW).send(b"one\n\x1d(H\x06\x0000A7!z") == b""


class TestDrawer:
    def test_a_kick_opens_it_and_asb_tells(self, bench: Bench) -> None:
        bench.send(ENABLE_ASB)

        assert bench.send(b"\x1bp\x00\x19\xfa") == bytes.fromhex("10 00 00 0f")
        assert bench.printer.mechanism.drawer_kicks == 1

        bench.printer.close_drawer()
        assert bench.printer.take_output() == ASB_READY

    def test_a_buffered_kick_waits_for_paper(self, bench: Bench) -> None:
        bench.printer.leave_paper(0)
        bench.send(b"\x1bp\x00\x19\xfa")
        assert bench.printer.mechanism.drawer_kicks == 0

        bench.printer.load_paper()
        assert bench.printer.mechanism.drawer_kicks == 1

    def test_a_real_time_kick_does_not_wait_and_counts_once(self, bench: Bench) -> None:
        bench.printer.leave_paper(0)

        bench.send(b"\x10\x14\x01\x00\x02")

        assert bench.printer.mechanism.drawer_kicks == 1


class TestErrors:
    def test_a_cutter_error_holds_printing_until_the_host_recovers_it(self, bench: Bench) -> None:
        bench.printer.fail(PrinterError.CUTTER)
        bench.send(b"held\n")
        assert bench.printed() == ()

        bench.send(b"\x10\x05\x01")

        assert bench.printed() == ("held",)

    def test_recovering_with_clear_forgets_what_was_held(self, bench: Bench) -> None:
        bench.printer.fail(PrinterError.CUTTER)
        bench.send(b"held\n")

        bench.send(b"\x10\x05\x02")
        bench.send(b"next\n")

        assert bench.printed() == ("next",)

    def test_an_unrecoverable_error_needs_the_switch(self, bench: Bench) -> None:
        bench.printer.fail(PrinterError.UNRECOVERABLE)

        assert bench.send(b"\x10\x05\x01\x10\x04\x03") == bytes([0x32])

        bench.printer.power_cycle()
        assert bench.send(b"\x10\x04\x03") == bytes([0x12])


def test_switching_off_forgets_the_buffer_but_not_the_paper(bench: Bench) -> None:
    bench.send(b"printed\n")
    bench.printer.open_cover()
    bench.send(b"buffered\n")

    bench.printer.power_cycle()
    bench.printer.close_cover()
    bench.send(b"after\n\x1dV\x00")

    assert bench.receipts[0].lines == ("printed", "after")


def test_tearing_off_ends_a_receipt_without_a_cutter(bench: Bench) -> None:
    bench.send(b"torn\n")

    bench.printer.tear_off()

    assert bench.receipts[0].lines == ("torn",)


def test_unknown_commands_are_remembered(bench: Bench) -> None:
    bench.send(b"\x1b\x07text\n")

    assert bench.printer.unsupported == [b"\x1b\x07"]
    assert bench.printed() == ("text",)
