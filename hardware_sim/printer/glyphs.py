"""Characters as dots: DejaVu Sans Mono, which covers CP858 (€ and the accents), drawn into the printer's cells."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from PIL import Image, ImageDraw, ImageFont

from hardware_sim.errors import FontNotFoundError

# ESC t n, as in Epson's reference; other pages print as code page 437.
CODE_PAGES: Mapping[int, str] = MappingProxyType(
    {0: "cp437", 2: "cp850", 3: "cp860", 4: "cp863", 5: "cp865", 16: "cp1252", 17: "cp866", 18: "cp852", 19: "cp858"}
)
_INK = 0
_PAPER = 255
_THRESHOLD = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A printer font: its cell in dots, and the size at which DejaVu Sans Mono fills it.

    DejaVu's advance is 0.602 em, so 20 px fill 12 dots and 15 px fill 9.
    """

    width: int
    height: int
    size_px: int


FONT_A = Cell(width=12, height=24, size_px=20)
FONT_B = Cell(width=9, height=17, size_px=15)


def font_path() -> Path:
    """Where PyPI's python-barcode keeps DejaVu Sans Mono.

    Raises:
        FontNotFoundError: python-barcode is not installed.
    """
    spec = importlib.util.find_spec("barcode")
    places = list(spec.submodule_search_locations or []) if spec else []
    for place in places:
        path = Path(place) / "fonts" / "DejaVuSansMono.ttf"
        if path.exists():
            return path
    raise FontNotFoundError("DejaVu Sans Mono is missing: install the simulator with `pip install comptoir[sim]`")


class GlyphBook:
    """Draws characters and remembers them."""

    def __init__(self) -> None:
        self._path = font_path()
        self._fonts: dict[int, ImageFont.FreeTypeFont] = {}
        self._drawn: dict[tuple[str, Cell, int, int, bool], Image.Image] = {}

    def glyph(self, character: str, *, cell: Cell, width: int, height: int, bold: bool) -> Image.Image:
        """The character black on white, `width` × `height` times its cell."""
        key = (character, cell, width, height, bold)
        if key not in self._drawn:
            self._drawn[key] = self._draw(character, cell=cell, width=width, height=height, bold=bold)
        return self._drawn[key]

    def _draw(self, character: str, *, cell: Cell, width: int, height: int, bold: bool) -> Image.Image:
        scale = max(width, height)
        image = Image.new("L", (cell.width * scale, cell.height * scale), _PAPER)
        draw = ImageDraw.Draw(image)
        # One-bit drawing lets the font's hinting put stems on whole dots, as a print head does.
        draw.fontmode = "1" if width == height else "L"
        font = self._font(cell.size_px * scale)
        ascent, descent = font.getmetrics()
        top = (cell.height * scale - ascent - descent) // 2
        draw.text((0, top), character, font=font, fill=_INK)
        if bold:
            draw.text((max(1, scale // 2), top), character, font=font, fill=_INK)
        if width != height:
            image = image.resize((cell.width * width, cell.height * height), Image.Resampling.LANCZOS)
        return image.point(lambda level: _INK if level < _THRESHOLD else _PAPER)

    def _font(self, size_px: int) -> ImageFont.FreeTypeFont:
        if size_px not in self._fonts:
            self._fonts[size_px] = ImageFont.truetype(str(self._path), size_px)
        return self._fonts[size_px]
