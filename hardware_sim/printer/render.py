"""The typesetter: print commands in, strips of dots out. Whether a strip reaches the paper is the engine's business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import segno
from PIL import Image, ImageChops, ImageDraw

from hardware_sim.printer.commands import (
    Alignment,
    Barcode,
    ColumnImage,
    Command,
    Feed,
    HorizontalTab,
    Initialise,
    LineFeed,
    PrintQr,
    RasterImage,
    SelectCodePage,
    SetLineSpacing,
    SetQr,
    SetStyle,
    StoreQr,
    Text,
)
from hardware_sim.printer.glyphs import CODE_PAGES, FONT_A, FONT_B, GlyphBook

_INK, _PAPER = 0, 255
_DEFAULT_SPACING_DOTS = 30  # Epson, ESC 2: 3.75 mm at 203 dpi
_TAB_CHARACTERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """Rows of dots on their way to the paper.

    Attributes:
        text: The line as plain text, recorded once the last row is printed; None for white space and pictures.
        qr_payload: The payload of the QR code in this strip.
        splittable: A picture stops at the row where the paper ends; a line of text is always finished.
    """

    image: Image.Image
    text: str | None = None
    qr_payload: str | None = None
    splittable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How the next characters look."""

    bold: bool = False
    underline: bool = False
    reverse: bool = False
    small_font: bool = False
    width: int = 1
    height: int = 1
    alignment: Alignment = Alignment.LEFT


class Typesetter:
    """Holds the print modes and the line buffer."""

    def __init__(self, *, width_dots: int) -> None:
        self._width_dots = width_dots
        self._glyphs = GlyphBook()
        self.reset()

    def reset(self) -> None:
        """Empty the line buffer and return to the power-on modes (ESC @)."""
        self._style = Style()
        self._code_page = CODE_PAGES[0]
        self._spacing_dots = _DEFAULT_SPACING_DOTS
        self._line: list[Image.Image] = []
        self._characters: list[str] = []
        self._qr_module_dots = 3
        self._qr_error_level = "L"
        self._qr_payload = b""

    def set(self, command: Command) -> Sequence[Strip]:
        """The strips this command sends to the print head; most commands send none."""
        match command:
            case Text(characters=characters):
                return self._set_text(characters.decode(self._code_page, errors="replace"))
            case HorizontalTab():
                return self._set_text(" " * (_TAB_CHARACTERS - len(self._characters) % _TAB_CHARACTERS))
            case LineFeed():
                return self._end_line()
            case Feed(dots=dots, lines=lines):
                return self._feed(dots=dots, lines=lines)
            case RasterImage() | ColumnImage():
                return self._set_picture(command)
            case PrintQr():
                return self._set_qr()
            case Barcode(payload=payload):
                return [*self._set_text(payload.decode("ascii", errors="replace")), *self._end_line()]
            case _:
                self._change_mode(command)
                return []

    def _change_mode(self, command: Command) -> None:
        match command:
            case Initialise():
                self.reset()
            case SetStyle():
                changes = {
                    name: value for name in Style.__dataclass_fields__ if (value := getattr(command, name)) is not None
                }
                self._style = replace(self._style, **changes)
            case SetLineSpacing(dots=dots):
                self._spacing_dots = _DEFAULT_SPACING_DOTS if dots is None else dots
            case SelectCodePage(page=page):
                self._code_page = CODE_PAGES.get(page, CODE_PAGES[0])
            case SetQr(module_dots=module_dots, error_level=error_level):
                self._qr_module_dots = module_dots or self._qr_module_dots
                self._qr_error_level = error_level or self._qr_error_level
            case StoreQr(payload=payload):
                self._qr_payload = payload

    def _set_text(self, text: str) -> list[Strip]:
        strips: list[Strip] = []
        for character in text:
            glyph = self._glyph(character)
            if self._used_dots() + glyph.width > self._width_dots:
                strips += self._end_line()
            self._line.append(glyph)
            self._characters.append(character)
        return strips

    def _glyph(self, character: str) -> Image.Image:
        style = self._style
        cell = FONT_B if style.small_font else FONT_A
        glyph = self._glyphs.glyph(character, cell=cell, width=style.width, height=style.height, bold=style.bold)
        if style.underline:
            glyph = glyph.copy()
            bottom = glyph.height - 1
            ImageDraw.Draw(glyph).line((0, bottom, glyph.width, bottom), fill=_INK, width=2)
        return ImageChops.invert(glyph) if style.reverse else glyph

    def _used_dots(self) -> int:
        return sum(glyph.width for glyph in self._line)

    def _end_line(self) -> list[Strip]:
        if not self._line:
            return [self._blank(self._spacing_dots)]
        text_height = max(glyph.height for glyph in self._line)
        height = max(text_height, self._spacing_dots)
        image = Image.new("L", (self._width_dots, height), _PAPER)
        x = self._left(self._used_dots())
        for glyph in self._line:
            # Characters of different heights share the bottom of the line.
            image.paste(glyph, (x, text_height - glyph.height))
            x += glyph.width
        text = "".join(self._characters).rstrip()
        self._line.clear()
        self._characters.clear()
        return [Strip(image=image, text=text)]

    def _feed(self, *, dots: int, lines: int) -> list[Strip]:
        strips = self._end_line() if self._line else []
        if strips and not dots:
            lines -= 1  # printing the buffer already moved the paper by one line
        height = dots + max(0, lines) * self._spacing_dots
        return [*strips, self._blank(height)] if height else strips

    def _blank(self, height: int) -> Strip:
        return Strip(image=Image.new("L", (self._width_dots, height), _PAPER))

    def _left(self, used_dots: int) -> int:
        free = max(0, self._width_dots - used_dots)
        return {Alignment.LEFT: 0, Alignment.CENTRE: free // 2, Alignment.RIGHT: free}[self._style.alignment]

    def _placed(self, picture: Image.Image, *, qr_payload: str | None = None) -> list[Strip]:
        strips = self._end_line() if self._line else []
        image = Image.new("L", (self._width_dots, picture.height), _PAPER)
        image.paste(picture, (self._left(picture.width), 0))
        return [*strips, Strip(image=image, qr_payload=qr_payload, splittable=True)]

    def _set_picture(self, command: RasterImage | ColumnImage) -> list[Strip]:
        if not command.dots:
            return []
        if isinstance(command, ColumnImage):
            glyph = _columns(command)
            self._line.append(glyph)
            return []
        return self._placed(_raster(command))

    def _set_qr(self) -> list[Strip]:
        """Draw the stored symbol without a quiet zone: on a real printer, too, that is the host's business."""
        if not self._qr_payload:
            return []
        try:
            content: str | bytes = self._qr_payload.decode("ascii")
        except UnicodeDecodeError:
            content = self._qr_payload
        symbol = segno.make(content, error=self._qr_error_level, micro=False, boost_error=False)
        picture = _enlarged([bytes(row) for row in symbol.matrix], self._qr_module_dots)
        if picture.width > self._width_dots:
            return []  # Epson, function 181: a symbol wider than the print area is not printed
        return self._placed(picture, qr_payload=self._qr_payload.decode("utf-8", errors="replace"))


def _enlarged(rows: Sequence[bytes], module_dots: int) -> Image.Image:
    side = len(rows)
    levels = bytes(_INK if module else _PAPER for row in rows for module in row)
    small = Image.frombytes("L", (side, side), levels)
    return small.resize((side * module_dots, side * module_dots), Image.Resampling.NEAREST)


def _raster(command: RasterImage) -> Image.Image:
    bits = Image.frombytes("1", (command.width_bytes * 8, command.height), command.dots)
    picture = ImageChops.invert(bits.convert("L"))
    size = (picture.width * command.scale_x, picture.height * command.scale_y)
    return picture.resize(size, Image.Resampling.NEAREST)


def _columns(command: ColumnImage) -> Image.Image:
    height = command.bytes_per_column * 8
    picture = Image.new("L", (command.columns, height), _PAPER)
    pixels = picture.load()
    if pixels is None:  # only for images without storage, which a new one has
        raise TypeError("Pillow gave an image without pixels")
    for position, value in enumerate(command.dots):
        column, part = divmod(position, command.bytes_per_column)
        for bit in range(8):
            if value & (0x80 >> bit):
                pixels[column, part * 8 + bit] = _INK
    # Eight-dot modes print at a third of the vertical density.
    scale_y = 1 if command.bytes_per_column == 3 else 3
    return picture.resize((command.columns * command.scale_x, height * scale_y), Image.Resampling.NEAREST)
