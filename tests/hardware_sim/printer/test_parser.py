"""The receive buffer: bytes become commands, however they arrive."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.printer.commands import (
    Alignment,
    Barcode,
    ColumnImage,
    Command,
    Cut,
    EnableAsb,
    Feed,
    Ignored,
    Initialise,
    KickDrawer,
    LineFeed,
    PrintQr,
    RasterImage,
    Recover,
    ReportProcess,
    SelectCodePage,
    SetLineSpacing,
    SetQr,
    SetStyle,
    StoreQr,
    Text,
    TransmitIdentity,
    TransmitRealTimeStatus,
    TransmitStatus,
)
from hardware_sim.printer.parser import CommandParser, RealTimeScanner

ONE_OF_EACH: list[tuple[bytes, Command]] = [
    (b"\x1b@", Initialise()),
    (b"caf\x82", Text(characters=b"caf\x82")),
    (b"\n", LineFeed()),
    (b"\x1bE\x01", SetStyle(bold=True)),
    (b"\x1b-\x00", SetStyle(underline=False)),
    (b"\x1bM\x01", SetStyle(small_font=True)),
    (b"\x1ba\x01", SetStyle(alignment=Alignment.CENTRE)),
    (b"\x1ba2", SetStyle(alignment=Alignment.RIGHT)),
    (b"\x1d!\x11", SetStyle(width=2, height=2)),
    (b"\x1dB\x01", SetStyle(reverse=True)),
    (b"\x1b!\x38", SetStyle(small_font=False, bold=True, height=2, width=2, underline=False)),
    (b"\x1b2", SetLineSpacing(dots=None)),
    (b"\x1b3\x40", SetLineSpacing(dots=64)),
    (b"\x1bJ\x20", Feed(dots=32)),
    (b"\x1bd\x03", Feed(lines=3)),
    (b"\x1bt\x13", SelectCodePage(page=19)),
    (b"\x1bp\x00\x19\xfa", KickDrawer(pin=0)),
    (b"\x1dV\x00", Cut(partial=False)),
    (b"\x1dVB\x10", Cut(partial=True, feed_dots=16)),
    (b"\x1bi", Cut(partial=True)),
    (b"\x1da\xff", EnableAsb(mask=255)),
    (b"\x1dr\x01", TransmitStatus(what=1)),
    (b"\x1dI\x43", TransmitIdentity(what=67)),
    (b"\x1d(H\x06\x0000A7!z", ReportProcess(process_id=b"A7!z")),
    (b"\x10\x04\x02", TransmitRealTimeStatus(what=2)),
    (b"\x10\x05\x02", Recover(clear_buffers=True)),
    (b"\x10\x14\x01\x00\x02", KickDrawer(pin=0)),
    (b"\x1d(k\x04\x001A2\x00", Ignored(raw=b"\x1d(k\x04\x001A2\x00", known=True)),
    (b"\x1d(k\x03\x001C\x06", SetQr(module_dots=6)),
    (b"\x1d(k\x03\x001E1", SetQr(error_level="M")),
    (b"\x1d(k\x08\x001P0HELLO", StoreQr(payload=b"HELLO")),
    (b"\x1d(k\x03\x001Q0", PrintQr()),
    (
        b"\x1dv0\x00\x02\x00\x02\x00\x10\x04\x1b@",
        RasterImage(width_bytes=2, height=2, scale_x=1, scale_y=1, dots=b"\x10\x04\x1b@"),
    ),
    (
        b"\x1b*\x21\x02\x00ABCDEF",
        ColumnImage(columns=2, bytes_per_column=3, scale_x=1, dots=b"ABCDEF"),
    ),
    (b"\x1dk\x02376010\x00", Barcode(kind=2, payload=b"376010")),
    (b"\x1dk\x49\x03abc", Barcode(kind=0x49, payload=b"abc")),
]


def parse(*packets: bytes) -> list[Command]:
    """All commands in the packets, with text joined again where a packet ended inside it."""
    parser = CommandParser()
    commands: list[Command] = []
    for packet in packets:
        parser.receive(packet)
        while (command := parser.next_command()) is not None:
            commands.append(command)
    joined: list[Command] = []
    for is_text, group in groupby(commands, key=lambda command: isinstance(command, Text)):
        members = list(group)
        if is_text:
            members = [Text(characters=b"".join(c.characters for c in members if isinstance(c, Text)))]
        joined += members
    return joined


@pytest.mark.parametrize(("raw", "command"), ONE_OF_EACH, ids=lambda value: repr(value)[:40])
def test_each_command_is_read(raw: bytes, command: Command) -> None:
    assert parse(raw) == [command]


@pytest.mark.parametrize(("raw", "command"), ONE_OF_EACH, ids=lambda value: repr(value)[:40])
def test_what_follows_a_command_is_not_swallowed(raw: bytes, command: Command) -> None:
    assert parse(raw + b"\n" + raw) == [command, LineFeed(), command]


def test_a_conversation_byte_by_byte_reads_as_the_whole() -> None:
    stream = b"".join(raw for raw, _ in ONE_OF_EACH)

    assert parse(*(bytes([byte]) for byte in stream)) == [command for _, command in ONE_OF_EACH]


@given(stream=st.binary(max_size=200), cut=st.integers(0, 200))
def test_any_bytes_are_survived_and_packets_do_not_matter(stream: bytes, cut: int) -> None:
    assert parse(stream[:cut], stream[cut:]) == parse(stream)


@pytest.mark.parametrize(
    "command",
    [
        b"\x1bR\x01",
        b"\x1d\x5e\x01\x02\x03",
        b"\x1d(A\x02\x00\x00\x01",
        b"\x1c.",
        b"\x1d8L\x03\x00\x00\x000p0",
        b"\x1bc5\x01",
    ],
    ids=repr,
)
def test_a_command_the_twin_cannot_show_is_stepped_over_whole(command: bytes) -> None:
    before, ignored, after = parse(b"before" + command + b"after")

    assert (before, after) == (Text(characters=b"before"), Text(characters=b"after"))
    assert ignored == Ignored(raw=command, known=True)


def test_an_unknown_command_is_named_and_the_text_goes_on() -> None:
    assert parse(b"\x1b\x07after") == [Ignored(raw=b"\x1b\x07", known=False), Text(characters=b"after")]


def test_nulls_end_a_raster_image_whose_host_went_away() -> None:
    interrupted = b"\x1dv0\x00\x48\x00\x64\x00" + b"\xff" * 100

    commands = parse(interrupted, bytes(8192), b"\x1b@")

    assert [type(command) for command in commands] == [RasterImage, Initialise]


class TestRealTimeScanner:
    def test_a_request_is_seen_across_packets(self) -> None:
        scanner = RealTimeScanner()

        assert scanner.receive(b"text\x10") == []
        assert scanner.receive(b"\x04") == []
        assert scanner.receive(b"\x01more") == [TransmitRealTimeStatus(what=1)]
        assert scanner.receive(b"and no second answer") == []

    def test_a_request_inside_an_image_is_answered_as_epson_warns(self) -> None:
        image = b"\x1dv0\x00\x01\x00\x03\x00\x10\x04\x01"

        assert RealTimeScanner().receive(image) == [TransmitRealTimeStatus(what=1)]

    @given(cut=st.integers(0, 40))
    def test_packets_do_not_matter(self, cut: int) -> None:
        stream = b"\x10\x04\x01\x10\x10\x04\x02ab\x10\x05\x02\x10\x14\x01\x00\x02\x10\x04\x04\x10"
        scanner = RealTimeScanner()

        found = scanner.receive(stream[:cut]) + scanner.receive(stream[cut:])

        assert found == RealTimeScanner().receive(stream)
        assert len(found) == 5
