"""What came out of the printer: the paper so far, and the finished receipts on disk."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from hardware_sim.files import write_atomically

_INK, _PAPER = 0, 255
_DASH_DOTS, _GAP_DOTS, _CUT_HEIGHT_DOTS = 12, 8, 3
_TEAR_HEIGHT_DOTS = 40
_TOP_DOTS = 24  # the blank paper between head and cutter comes out first; shortened here


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A piece of paper, cut.

    Attributes:
        lines: Text lines and `QR: payload` lines in printing order, only what reached the paper.
        qr_payloads: The payloads of the QR codes that were printed completely on one roll.
    """

    number: int
    image: Image.Image
    lines: tuple[str, ...]
    qr_payloads: tuple[str, ...]


class Paper:
    """The paper hanging out of the printer since the last cut."""

    def __init__(self, *, width_dots: int) -> None:
        self._width_dots = width_dots
        self._pieces: list[Image.Image] = []
        self._lines: list[str] = []
        self._qr_payloads: list[str] = []

    @property
    def blank(self) -> bool:
        """Nothing is on it yet."""
        return not self._pieces

    @property
    def lines(self) -> tuple[str, ...]:
        """What can be read on it."""
        return tuple(self._lines)

    def add(self, image: Image.Image) -> None:
        """Rows that left the print head."""
        self._pieces.append(image)

    def note_line(self, text: str) -> None:
        """A text line whose last row is printed."""
        self._lines.append(text)

    def note_qr(self, payload: str) -> None:
        """A QR code whose last row is printed."""
        self._lines.append(f"QR: {payload}")
        self._qr_payloads.append(payload)

    def change_roll(self) -> None:
        """What follows is on another roll: a ragged gap shows where one ended."""
        if self._pieces:
            self._pieces.append(_ragged_gap(self._width_dots))

    def take(self, *, number: int) -> Receipt:
        """Cut: hand over the piece and start a new one."""
        top = Image.new("L", (self._width_dots, _TOP_DOTS), _PAPER)
        pieces = [top, *self._pieces, _dashes(self._width_dots)]
        image = Image.new("L", (self._width_dots, sum(piece.height for piece in pieces)), _PAPER)
        y = 0
        for piece in pieces:
            image.paste(piece, (0, y))
            y += piece.height
        receipt = Receipt(number=number, image=image, lines=tuple(self._lines), qr_payloads=tuple(self._qr_payloads))
        self._pieces, self._lines, self._qr_payloads = [], [], []
        return receipt


class ReceiptFolder:
    """Receipts as `receipt-0001.png` with `receipt-0001.txt` next to it; numbering goes on after a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def next_number(self) -> int:
        """One more than the highest number in the folder."""
        matches = (re.fullmatch(r"receipt-(\d+)\.png", path.name) for path in self.folder.iterdir())
        return 1 + max((int(match.group(1)) for match in matches if match), default=0)

    def save(self, receipt: Receipt) -> Path:
        """Write both files, the picture last, so that whoever sees the picture finds the text."""
        stem = self.folder / f"receipt-{receipt.number:04d}"
        write_atomically(stem.with_suffix(".txt"), _text_of(receipt.lines))
        picture = stem.with_suffix(".png")
        write_atomically(picture, png_of(receipt.image))
        return picture


def png_of(image: Image.Image) -> bytes:
    """The picture as PNG, 203 dots to the inch."""
    out = BytesIO()
    image.save(out, format="PNG", dpi=(203, 203), optimize=True)
    return out.getvalue()


def _text_of(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def _dashes(width_dots: int) -> Image.Image:
    image = Image.new("L", (width_dots, _CUT_HEIGHT_DOTS), _PAPER)
    draw = ImageDraw.Draw(image)
    for x in range(0, width_dots, _DASH_DOTS + _GAP_DOTS):
        draw.rectangle((x, 0, x + _DASH_DOTS - 1, _CUT_HEIGHT_DOTS), fill=_INK)
    return image


def _ragged_gap(width_dots: int) -> Image.Image:
    image = Image.new("L", (width_dots, _TEAR_HEIGHT_DOTS), _PAPER)
    draw = ImageDraw.Draw(image)
    for base in (8, _TEAR_HEIGHT_DOTS - 8):
        points = [(x, base + (4 if (x // 8) % 2 else -4)) for x in range(0, width_dots + 8, 8)]
        draw.line(points, fill=_INK, width=1)
    return image
