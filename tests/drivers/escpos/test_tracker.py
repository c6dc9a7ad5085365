"""A printer's status, put together from its replies."""

from drivers.escpos.status import AutomaticStatus, BufferedReply, PrinterStatus, RealTimeReply, RealTimeRequest
from drivers.escpos.tracker import StatusTracker

ALL = tuple(RealTimeRequest)


def answered(*replies: int) -> PrinterStatus | None:
    """The status after a whole round of DLE EOT 1 to 4."""
    tracker = StatusTracker()
    tracker.plan(ALL)
    for bits in replies:
        tracker.next_question()
        tracker.take(RealTimeReply(bits=bits))
    return tracker.status


def test_nothing_is_known_at_first() -> None:
    assert StatusTracker().status is None


def test_a_round_of_a_ready_printer() -> None:
    assert answered(0x12, 0x12, 0x12, 0x12) == PrinterStatus(online=True)


def test_a_round_of_a_printer_without_paper() -> None:
    assert answered(0x1A, 0x32, 0x12, 0x7E) == PrinterStatus(online=False, paper_out=True, paper_near_end=True)


def test_a_round_of_a_printer_with_little_paper() -> None:
    assert answered(0x12, 0x12, 0x12, 0x1E) == PrinterStatus(online=True, paper_near_end=True)


def test_a_round_of_a_printer_with_an_open_cover_and_drawer() -> None:
    assert answered(0x1E, 0x16, 0x12, 0x12) == PrinterStatus(online=False, cover_open=True, drawer_pin_high=True)


def test_a_round_of_a_printer_with_every_error() -> None:
    assert answered(0x1A, 0x52, 0x7E, 0x12) == PrinterStatus(
        online=False, recoverable_error=True, cutter_error=True, unrecoverable_error=True, overheated=True
    )


def test_questions_go_one_at_a_time() -> None:
    tracker = StatusTracker()
    tracker.plan((RealTimeRequest.PRINTER, RealTimeRequest.PAPER))

    assert tracker.next_question() is RealTimeRequest.PRINTER
    assert tracker.next_question() is None
    tracker.take(RealTimeReply(bits=0x12))
    assert tracker.next_question() is RealTimeRequest.PAPER
    assert not tracker.is_round_over
    tracker.take(RealTimeReply(bits=0x12))
    assert tracker.is_round_over


def test_an_answer_to_nothing_teaches_nothing() -> None:
    tracker = StatusTracker()
    tracker.take(RealTimeReply(bits=0x1A))
    tracker.take(BufferedReply(bits=0x0C))

    assert tracker.status is None


def test_a_question_that_was_given_up_makes_room_for_the_next() -> None:
    tracker = StatusTracker()
    tracker.plan(ALL)
    tracker.next_question()

    tracker.give_up()
    tracker.plan((RealTimeRequest.PAPER,))

    assert tracker.next_question() is RealTimeRequest.PAPER


def test_an_automatic_status_replaces_all() -> None:
    tracker = StatusTracker()
    tracker.take(AutomaticStatus(status=PrinterStatus(online=False, cover_open=True)))
    tracker.take(AutomaticStatus(status=PrinterStatus(online=True)))

    assert tracker.status == PrinterStatus(online=True)
