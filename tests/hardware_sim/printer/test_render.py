"""What the print head burns."""

import zxingcpp
from PIL import Image, ImageChops

from hardware_sim.printer.commands import Command
from hardware_sim.printer.parser import CommandParser
from hardware_sim.printer.profile import NARROW, WIDE, PrinterProfile
from hardware_sim.printer.render import Strip, Typesetter

EURO_IN_CP858 = b"\xd5"


def typeset(data: bytes, *, profile: PrinterProfile = WIDE) -> list[Strip]:
    parser = CommandParser()
    parser.receive(data)
    typesetter = Typesetter(width_dots=profile.width_dots)
    strips: list[Strip] = []
    command: Command | None
    while (command := parser.next_command()) is not None:
        strips += typesetter.set(command)
    return strips


def ink(strip: Strip) -> tuple[int, int, int, int]:
    """The box around the black dots: left, top, right, bottom."""
    box = ImageChops.invert(strip.image).getbbox()
    assert box is not None, "nothing was printed"
    return box


def black_dots(strip: Strip) -> int:
    return strip.image.histogram()[0]


def test_a_line_holds_48_characters_on_wide_and_32_on_narrow_paper() -> None:
    assert [strip.text for strip in typeset(b"x" * 50 + b"\n")] == ["x" * 48, "xx"]
    assert [strip.text for strip in typeset(b"x" * 33 + b"\n", profile=NARROW)] == ["x" * 32, "x"]


def test_strips_are_as_wide_as_the_print_head() -> None:
    assert typeset(b"x\n")[0].image.width == 576
    assert typeset(b"x\n", profile=NARROW)[0].image.width == 384


def test_dots_are_black_or_white_never_grey() -> None:
    for strip in typeset(b"\x1bt\x13d\x82j\x85 vu \x1d!\x10large\x1d!\x01haut\x1bE\x01gras\n"):
        assert sum(strip.image.histogram()[1:255]) == 0


def test_the_code_page_decides_what_a_byte_is() -> None:
    assert typeset(b"\x1bt\x1320 " + EURO_IN_CP858 + b" d\x82j\x85\n")[0].text == "20 € déjà"
    assert typeset(b"\x1bt\x00" + EURO_IN_CP858 + b"\n")[0].text == "╒"


def test_the_euro_and_the_accents_have_shapes_of_their_own() -> None:
    pictures = [typeset(b"\x1bt\x13" + bytes([code]) + b"\n")[0].image.tobytes() for code in b"\xd5\x82\x85\x87\x80e"]

    assert len(set(pictures)) == len(pictures)


def test_alignment_moves_the_ink() -> None:
    left, centre, right = (ink(typeset(b"\x1ba" + bytes([n]) + b"HHHH\n")[0]) for n in (0, 1, 2))

    assert left[0] < 6
    assert abs((centre[0] + centre[2]) / 2 - 288) <= 3
    assert right[2] > 570


def test_double_size_doubles_the_letters() -> None:
    single, double = ink(typeset(b"H\n")[0]), ink(typeset(b"\x1d!\x11H\n")[0])

    for low, high in ((0, 2), (1, 3)):
        assert abs((double[high] - double[low]) - 2 * (single[high] - single[low])) <= 2


def test_bold_and_reverse_use_more_ink() -> None:
    plain, bold, reverse = (black_dots(typeset(style + b"Halles\n")[0]) for style in (b"", b"\x1bE\x01", b"\x1dB\x01"))

    assert plain < bold < reverse


def test_initialise_returns_to_the_plain_modes_and_forgets_the_line() -> None:
    plain = typeset(b"Halles\n")

    again = typeset(b"\x1bE\x01\x1d!\x11\x1ba\x01lost\x1b@Halles\n")

    assert [strip.image.tobytes() for strip in again] == [strip.image.tobytes() for strip in plain]


def test_feeding_lines_and_dots_moves_white_paper() -> None:
    assert [strip.image.height for strip in typeset(b"\x1bd\x03\x1bJ\x11")] == [90, 17]


def test_a_raster_image_keeps_every_dot() -> None:
    (strip,) = typeset(b"\x1dv0\x00\x02\x00\x02\x00\x80\x01\xff\x00")

    rows = [[strip.image.getpixel((x, y)) == 0 for x in range(16)] for y in range(2)]
    assert rows == [[True] + [False] * 14 + [True], [True] * 8 + [False] * 8]


def test_a_column_image_is_drawn_from_top_to_bottom() -> None:
    (strip,) = typeset(b"\x1b*\x21\x01\x00\x80\x00\x01\n")

    assert [y for y in range(24) if strip.image.getpixel((0, y)) == 0] == [0, 23]


def qr_job(payload: bytes, *, module_dots: int) -> bytes:
    size = (len(payload) + 3).to_bytes(2, "little")
    settings = b"\x1d(k\x03\x001C" + bytes([module_dots]) + b"\x1d(k\x03\x001E1"
    return settings + b"\x1d(k" + size + b"1P0" + payload + b"\x1d(k\x03\x001Q0"


def test_a_qr_code_has_the_given_module_size_and_is_read_by_an_independent_decoder() -> None:
    payload = (b"CPT1:" + b"6BFOXN%TSMAHN-HQSCU6PPJO" * 7)[:165]

    (strip,) = typeset(b"\x1ba\x01" + qr_job(payload, module_dots=6))

    left, top, right, bottom = ink(strip)
    assert (right - left, bottom - top) == (45 * 6, 45 * 6)
    framed = Image.new("L", (576, 400), 255)
    framed.paste(strip.image, (0, 50))
    (code,) = zxingcpp.read_barcodes(framed)
    assert code.text == payload.decode()
    assert code.ec_level == "M"


def test_a_qr_code_wider_than_the_paper_is_not_printed() -> None:
    assert typeset(qr_job(b"A" * 150, module_dots=16), profile=NARROW) == []


def test_without_stored_data_no_qr_code_is_printed() -> None:
    assert typeset(b"\x1d(k\x03\x001Q0") == []
