"""What an ESC/POS printer sends back. Bytes are written out by hand from Epson's tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ProtocolError
from drivers.escpos.status import (
    AutomaticStatus,
    Block,
    BufferedReply,
    FlowControl,
    PrinterEvent,
    PrinterStatus,
    ProcessIdReply,
    RealTimeReply,
    RealTimeRequest,
    StatusDecoder,
)

Read = PrinterEvent | bytes
"""An event, or the bytes that were dropped."""


def read_whole(data: bytes) -> list[Read]:
    decoder = StatusDecoder()
    decoder.receive(data)
    return events_of(decoder)


def read_byte_by_byte(data: bytes) -> list[Read]:
    decoder = StatusDecoder()
    events: list[Read] = []
    for byte in data:
        decoder.receive(bytes((byte,)))
        events += events_of(decoder)
    return events


def events_of(decoder: StatusDecoder) -> list[Read]:
    events: list[Read] = []
    while True:
        try:
            event = decoder.next_event()
        except ProtocolError as error:
            events.append(error.dropped)
            continue
        if event is None:
            return events
        events.append(event)


READY = AutomaticStatus(status=PrinterStatus(online=True))

CONVERSATIONS: list[tuple[str, str, list[Read]]] = [
    ("an ASB of a ready printer", "10 00 00 0f", [READY]),
    ("half an ASB", "10 00", []),
    ("an ASB and the beginning of the next", "10 00 00 0f 10", [READY]),
    ("the drawer's switch", "14 00 00 0f", [AutomaticStatus(status=PrinterStatus(online=True, drawer_pin_high=True))]),
    (
        "cover open, so offline",
        "38 00 00 0f",
        [AutomaticStatus(status=PrinterStatus(online=False, cover_open=True))],
    ),
    (
        "paper out, and so near its end",
        "18 00 0f 0f",
        [AutomaticStatus(status=PrinterStatus(online=False, paper_out=True, paper_near_end=True))],
    ),
    (
        "paper near its end",
        "10 00 03 0f",
        [AutomaticStatus(status=PrinterStatus(online=True, paper_near_end=True))],
    ),
    ("cutter blocked", "18 08 00 0f", [AutomaticStatus(status=PrinterStatus(online=False, cutter_error=True))]),
    ("paper jam", "18 04 00 0f", [AutomaticStatus(status=PrinterStatus(online=False, recoverable_error=True))]),
    ("broken", "18 20 00 0f", [AutomaticStatus(status=PrinterStatus(online=False, unrecoverable_error=True))]),
    ("too hot", "18 40 00 0f", [AutomaticStatus(status=PrinterStatus(online=False, overheated=True))]),
    ("feeding by the button", "58 00 00 0f", [AutomaticStatus(status=PrinterStatus(online=False, feed_button=True))]),
    ("real-time answers", "12 16", [RealTimeReply(bits=0x12), RealTimeReply(bits=0x16)]),
    ("an answer to GS r", "00", [BufferedReply(bits=0)]),
    ("a process id", "37 22 41 42 43 44 00", [ProcessIdReply(process_id=b"ABCD")]),
    ("a model name", "5f 54 4d 2d 54 32 30 00", [Block(header=0x5F, body=b"TM-T20")]),
    ("another block with the same header", "37 21 41 00", [Block(header=0x37, body=b"\x21A")]),
    ("XOFF and XON", "13 11", [FlowControl(may_send=False), FlowControl(may_send=True)]),
    ("XOFF amid an ASB", "10 00 13 00 0f", [FlowControl(may_send=False), READY]),
    (
        "glued after a fault: GS r, ASB, DLE EOT",
        "00 10 00 00 0f 12",
        [BufferedReply(bits=0), READY, RealTimeReply(bits=0x12)],
    ),
    ("noise, then an ASB", "ff 10 00 00 0f", [b"\xff", READY]),
    ("an ASB cut short by another", "10 00 00 10 00 00 0f", [b"\x10\x00\x00", READY]),
    ("an ASB cut short by a block", "10 37 22 41 42 43 44 00", [b"\x10", ProcessIdReply(process_id=b"ABCD")]),
    ("an ASB cut short by noise", "10 00 90 12", [b"\x10\x00", b"\x90", RealTimeReply(bits=0x12)]),
]
CASES = [pytest.param(bytes.fromhex(data), events, id=name) for name, data, events in CONVERSATIONS]


@pytest.mark.parametrize(("data", "events"), CASES)
def test_read_whole(data: bytes, events: list[Read]) -> None:
    assert read_whole(data) == events


@pytest.mark.parametrize(("data", "events"), CASES)
def test_read_byte_by_byte(data: bytes, events: list[Read]) -> None:
    assert read_byte_by_byte(data) == events


def test_a_status_that_was_cut_short_confirms_nothing() -> None:
    # Its second byte alone would pass for an answer to GS r
    assert not any(isinstance(event, BufferedReply) for event in read_whole(bytes.fromhex("10 00 00 ff")))


def test_a_block_without_an_end_does_not_hold_back_what_follows_for_ever() -> None:
    events = read_whole(b"\x5f" + b"A" * 300 + bytes.fromhex("10 00 00 0f"))

    assert events[0] == b"\x5f"
    assert events[-1] == READY


def test_the_question_of_a_real_time_request() -> None:
    assert RealTimeRequest.OFFLINE_CAUSE.command == bytes.fromhex("10 04 02")


@pytest.mark.parametrize(
    "status",
    [
        PrinterStatus(online=False),
        PrinterStatus(online=True, cover_open=True),
        PrinterStatus(online=True, paper_out=True),
        PrinterStatus(online=True, cutter_error=True),
        PrinterStatus(online=True, recoverable_error=True),
        PrinterStatus(online=True, unrecoverable_error=True),
        PrinterStatus(online=True, overheated=True),
    ],
)
def test_any_fault_keeps_a_job_waiting(status: PrinterStatus) -> None:
    assert not status.is_ready


def test_low_paper_and_an_open_drawer_do_not() -> None:
    assert PrinterStatus(online=True, paper_near_end=True, drawer_pin_high=True).is_ready


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_any_bytes_in_any_pieces_read_the_same_and_only_protocol_errors_rise(pieces: list[bytes]) -> None:
    decoder = StatusDecoder()
    events: list[Read] = []
    for piece in pieces:
        decoder.receive(piece)
        events += events_of(decoder)

    assert _dropped_joined(events) == _dropped_joined(read_whole(b"".join(pieces)))


def _dropped_joined(events: list[Read]) -> tuple[bytes, list[PrinterEvent]]:
    dropped = b"".join(event for event in events if isinstance(event, bytes))
    return dropped, [event for event in events if not isinstance(event, bytes)]
