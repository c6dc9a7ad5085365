"""What the printer twin understands, one typed value per ESC/POS command.

Source of every command code named here: Epson, "ESC/POS Command Reference",
download4.epson.biz/sec_pubs/pos/reference_en/escpos.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Alignment(Enum):
    """ESC a n."""

    LEFT = 0
    CENTRE = 1
    RIGHT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One complete command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Command):
    """Characters for the line buffer, still in the selected code page."""

    characters: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFeed(Command):
    """LF: print the line buffer and feed one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizontalTab(Command):
    """HT: move to the next tab position (every eight characters)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed(Command):
    """ESC J (dots) and ESC d (lines): print the line buffer and feed."""

    dots: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Initialise(Command):
    """ESC @: clear the print buffer, reset the modes. The receive buffer stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStyle(Command):
    """ESC !, ESC E, ESC G, ESC -, ESC M, ESC a, GS !, GS B. None leaves an attribute as it is."""

    bold: bool | None = None
    underline: bool | None = None
    reverse: bool | None = None
    small_font: bool | None = None
    width: int | None = None
    height: int | None = None
    alignment: Alignment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLineSpacing(Command):
    """ESC 3 n, and ESC 2 (None, the default spacing)."""

    dots: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectCodePage(Command):
    """ESC t n."""

    page: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(Command):
    """GS V, ESC i, ESC m.

    Attributes:
        feed_dots: None cuts where the paper is; a number feeds to the cutter and that much further (functions B and C).
    """

    partial: bool
    feed_dots: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KickDrawer(Command):
    """ESC p m t1 t2, and its real-time twin DLE DC4 1 m t."""

    pin: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnableAsb(Command):
    """GS a n: which status items are sent back by themselves when they change."""

    mask: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransmitStatus(Command):
    """GS r n."""

    what: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransmitIdentity(Command):
    """GS I n."""

    what: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportProcess(Command):
    """GS ( H function 48: send this identifier back once everything before it is printed."""

    process_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TransmitRealTimeStatus(Command):
    """DLE EOT n."""

    what: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recover(Command):
    """DLE ENQ n: leave a recoverable error; with n = 2 forget what was buffered."""

    clear_buffers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterImage(Command):
    """GS v 0: rows of dots, most significant bit left, 1 is black."""

    width_bytes: int
    height: int
    scale_x: int
    scale_y: int
    dots: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnImage(Command):
    """ESC *: columns of 8 or 24 dots in the line buffer, top bit first."""

    columns: int
    bytes_per_column: int
    scale_x: int
    dots: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SetQr(Command):
    """GS ( k functions 167 and 169. None leaves a setting as it is."""

    module_dots: int | None = None
    error_level: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreQr(Command):
    """GS ( k function 180."""

    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintQr(Command):
    """GS ( k function 181."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Barcode(Command):
    """GS k: a one-dimensional code; the twin prints its text only."""

    kind: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored(Command):
    """A command of known length that changes nothing the twin can show, or an unknown one."""

    raw: bytes
    known: bool
