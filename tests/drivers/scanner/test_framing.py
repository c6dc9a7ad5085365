"""A scanner's bytes become codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.scan import ScannedCode, Symbology, is_plain_text, symbology_of
from drivers.scanner.framing import FRAME_LIMIT_BYTES, Garbled, GarbledReason, ScannerCodec

Event = ScannedCode | Garbled


def read_whole(data: bytes) -> list[Event]:
    codec = ScannerCodec()
    codec.receive(data)
    return events_of(codec)


def read_byte_by_byte(data: bytes) -> list[Event]:
    codec = ScannerCodec()
    events: list[Event] = []
    for byte in data:
        codec.receive(bytes((byte,)))
        events += events_of(codec)
    return events


def events_of(codec: ScannerCodec) -> list[Event]:
    events: list[Event] = []
    while (event := codec.next_event()) is not None:
        events.append(event)
    return events


CARD = ScannedCode(payload="CARD-1")

CONVERSATIONS: list[tuple[str, bytes, list[Event]]] = [
    ("ended by CR", b"CARD-1\r", [CARD]),
    ("ended by LF", b"CARD-1\n", [CARD]),
    ("ended by CRLF, once", b"CARD-1\r\n", [CARD]),
    ("not ended yet", b"CARD-1", []),
    ("two codes in one read", b"CARD-1\r\nCARD-2\r\n", [CARD, ScannedCode(payload="CARD-2")]),
    ("the beginning of a second one", b"CARD-1\rCAR", [CARD]),
    ("ends alone", b"\r\n\r\n", []),
    ("an AIM identifier", b"]Q1CPT1:ABC\r", [ScannedCode(payload="CPT1:ABC", symbology=Symbology.QR)]),
    ("a bracket that is none", b"]?1 PROMO\r", [ScannedCode(payload="]?1 PROMO")]),
    ("an AIM identifier alone", b"]Q1\r", [Garbled(reason=GarbledReason.NOT_PRINTABLE, dropped_bytes=3)]),
    ("accents in UTF-8", "CHÈQUE\r".encode(), [ScannedCode(payload="CHÈQUE")]),
    ("Latin-1", b"CH\xc8QUE\r", [Garbled(reason=GarbledReason.NOT_UTF_8, dropped_bytes=6)]),
    ("a NUL inside", b"CARD\x00-1\r", [Garbled(reason=GarbledReason.NOT_PRINTABLE, dropped_bytes=7)]),
    ("an escape inside", b"CARD\x1b@\r", [Garbled(reason=GarbledReason.NOT_PRINTABLE, dropped_bytes=6)]),
    ("a bad one, then a good one", b"\xff\rCARD-1\r", [Garbled(reason=GarbledReason.NOT_UTF_8, dropped_bytes=1), CARD]),
    ("the longest that fits", b"A" * FRAME_LIMIT_BYTES + b"\r", [ScannedCode(payload="A" * FRAME_LIMIT_BYTES)]),
    (
        "10,000 bytes without an end, then one, then a good code",
        b"A" * 10_000 + b"\rCARD-1\r",
        [Garbled(reason=GarbledReason.TOO_LONG, dropped_bytes=FRAME_LIMIT_BYTES + 1), CARD],
    ),
]
CASES = [pytest.param(data, events, id=name) for name, data, events in CONVERSATIONS]


@pytest.mark.parametrize(("data", "events"), CASES)
def test_read_whole(data: bytes, events: list[Event]) -> None:
    assert read_whole(data) == events


@pytest.mark.parametrize(("data", "events"), CASES)
def test_read_byte_by_byte(data: bytes, events: list[Event]) -> None:
    assert read_byte_by_byte(data) == events


def test_an_overlong_frame_is_reported_before_it_ends() -> None:
    assert read_whole(b"A" * 10_000) == [Garbled(reason=GarbledReason.TOO_LONG, dropped_bytes=FRAME_LIMIT_BYTES + 1)]


def test_an_unfinished_frame_does_not_spoil_the_next_read() -> None:
    codec = ScannerCodec()
    codec.receive(b"CAR")
    assert codec.is_mid_frame

    codec.line_fell_silent()
    codec.receive(b"CARD-1\r")

    assert events_of(codec) == [Garbled(reason=GarbledReason.UNFINISHED, dropped_bytes=3), CARD]
    assert not codec.is_mid_frame


def test_silence_ends_an_overlong_frame_without_a_second_report() -> None:
    codec = ScannerCodec()
    codec.receive(b"A" * 10_000)
    codec.line_fell_silent()
    codec.receive(b"CARD-1\r")

    assert events_of(codec) == [
        Garbled(reason=GarbledReason.TOO_LONG, dropped_bytes=FRAME_LIMIT_BYTES + 1),
        CARD,
    ]


def test_silence_between_frames_says_nothing() -> None:
    codec = ScannerCodec()
    codec.line_fell_silent()

    assert events_of(codec) == []


@given(st.lists(st.binary(max_size=6_000), max_size=6))
def test_any_bytes_in_any_pieces_read_the_same_and_never_raise(pieces: list[bytes]) -> None:
    codec = ScannerCodec()
    events: list[Event] = []
    for piece in pieces:
        codec.receive(piece)
        events += events_of(codec)

    assert events == read_whole(b"".join(pieces))
    assert all(is_plain_text(event.payload) for event in events if isinstance(event, ScannedCode))


PAYLOADS = st.text(min_size=1, max_size=170).filter(lambda text: is_plain_text(text) and symbology_of(text[:3]) is None)


@given(st.lists(st.tuples(PAYLOADS, st.sampled_from(["\r", "\n", "\r\n"]))))
def test_every_printable_payload_arrives(reads: list[tuple[str, str]]) -> None:
    data = "".join(payload + end for payload, end in reads).encode()

    assert read_whole(data) == [ScannedCode(payload=payload) for payload, _ in reads]
