"""Receipts: a layout of our own, composed into ESC/POS by python-escpos.

Text can never command the printer: whatever is in it, control characters are taken out before it is encoded, and CP858
has printable characters only above 7Fh. python-escpos is imported when something is composed, since that costs 290 ms.
"""

import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from escpos.printer import Dummy

_CODE_PAGE = "CP858"  # Western Europe with the euro sign: ESC t 19
_QR_LEVEL_M = 1  # GS ( k function 69: 48 + 1 = level M, recovers 15 %
QR_PAYLOAD_LIMIT_BYTES = 512
_CONTROLS_TO_SPACE = str.maketrans({"\n": " ", "\r": " ", "\t": " "})


class Align(Enum):
    """Where a line or a QR code stands."""

    LEFT = "left"
    CENTRE = "center"
    RIGHT = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A width of paper.

    Attributes:
        columns: Characters of font A in a line.
        qr_module_dots: Side of a QR module. Our tokens have 45 modules, so 225 of 576 or 384 dots at 5 each: 28 mm.
    """

    columns: int
    qr_module_dots: int = 5


# Font A is 12 dots wide (TM-T20III technical reference, printing specifications): 48 characters in 576 dots, 32 in 384.
PAPER_80_MM = Paper(columns=48)
PAPER_58_MM = Paper(columns=32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Text, broken between words where it is too long. Line breaks in it count as spaces.

    Attributes:
        double: Twice as wide and high, so half as many columns.
    """

    text: str
    bold: bool = False
    align: Align = Align.LEFT
    double: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A label at the left and a value (an amount) at the right of the same line."""

    left: str
    right: str
    bold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A line across the paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QrCode:
    """A QR code in the middle, model 2, level M, with white above and below it.

    Attributes:
        payload: Printable ASCII, 1 to 512 characters.
    """

    payload: str

    def __post_init__(self) -> None:
        if not (self.payload.isascii() and self.payload.isprintable() and self.payload):
            raise ValueError("A QR code on a receipt holds printable ASCII, at least one character")
        if len(self.payload) > QR_PAYLOAD_LIMIT_BYTES:
            raise ValueError(f"A QR code on a receipt holds at most {QR_PAYLOAD_LIMIT_BYTES} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Blank lines.

    Attributes:
        lines: 1 to 255.
    """

    lines: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.lines <= 255:
            raise ValueError(f"Feed 1 to 255 lines, not {self.lines}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Feed past the blade and cut, leaving one point so that the receipt doesn't fall."""


Element = Line | Columns | Rule | QrCode | Feed | Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What to print, from top to bottom."""

    elements: tuple[Element, ...]


def printable(text: str) -> str:
    """What the printer will show: "?" for characters outside CP858, spaces for breaks, nothing for other controls."""
    composed = unicodedata.normalize("NFC", text).translate(_CONTROLS_TO_SPACE)
    visible = "".join(c for c in composed if unicodedata.category(c) not in ("Cc", "Cf"))
    return visible.encode(_CODE_PAGE.lower(), errors="replace").decode(_CODE_PAGE.lower())


def compose(receipt: Receipt, paper: Paper = PAPER_80_MM) -> bytes:
    """Turn a receipt into the bytes of one job. It doesn't reset the printer: the shell does."""
    from escpos.printer import Dummy  # 290 ms: only where something is printed

    printer = Dummy()
    printer.charcode(_CODE_PAGE)
    for element in receipt.elements:
        _compose_element(printer, element, paper)
    output: bytes = printer.output
    return output


def _compose_element(printer: "Dummy", element: Element, paper: Paper) -> None:
    match element:
        case Line():
            _style(printer, bold=element.bold, align=element.align, double=element.double)
            width = paper.columns // 2 if element.double else paper.columns
            for row in break_lines(printable(element.text), width):
                printer.textln(row)
        case Columns():
            _style(printer, bold=element.bold)
            for row in justify(printable(element.left), printable(element.right), paper.columns):
                printer.textln(row)
        case Rule():
            _style(printer)
            printer.textln("-" * paper.columns)
        case QrCode():
            _style(printer, align=Align.CENTRE)
            printer.ln()  # the quiet zone: 4 modules of 5 dots are less than one line
            printer.qr(element.payload, ec=_QR_LEVEL_M, size=paper.qr_module_dots, native=True)
            printer.ln()
        case Feed():
            printer.print_and_feed(element.lines)
        case Cut():
            printer.cut(mode="PART")


def _style(printer: "Dummy", *, bold: bool = False, align: Align = Align.LEFT, double: bool = False) -> None:
    printer.set(
        align=align.value,
        bold=bold,
        normal_textsize=not double,
        double_width=double or None,
        double_height=double or None,
    )


def break_lines(text: str, width: int) -> list[str]:
    """Break a text between words, and words that are too long anywhere; an empty text is one empty line."""
    rows: list[str] = []
    row = ""
    for word in text.split(" "):
        candidate = f"{row} {word}" if row else word
        if len(candidate) <= width:
            row = candidate
            continue
        if row:
            rows.append(row)
        row = word
        while len(row) > width:
            rows.append(row[:width])
            row = row[width:]
    return [*rows, row]


def justify(left: str, right: str, width: int) -> list[str]:
    """Put `right` at the right edge of the last line of `left`, with a space between, or on a line of its own."""
    *above, last = break_lines(left, width)
    *values_above, value = break_lines(right, width)
    if values_above or len(last) + 1 + len(value) > width:
        return [*above, last, *(part.rjust(width) for part in [*values_above, value])]
    return [*above, last + value.rjust(width - len(last))]
