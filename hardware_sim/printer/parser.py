"""Bytes in, typed ESC/POS commands out: what the printer's receive buffer does, without I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from hardware_sim.printer.commands import (
    Alignment,
    Barcode,
    ColumnImage,
    Command,
    Cut,
    EnableAsb,
    Feed,
    HorizontalTab,
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
from hardware_sim.printer.lengths import DC4, DLE, ENQ, EOT, ESC, FS, GS, command_length, is_known

_LF, _HT = 0x0A, 0x09
_FIRST_PRINTABLE = 0x20
_TEXT = re.compile(rb"[\x20-\xff]+")


class CommandParser:
    """Turn the byte stream into commands, however it was split into packets."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def pending_bytes(self) -> int:
        """Bytes received and not yet part of a command handed out."""
        return len(self._buffer)

    def receive(self, data: bytes) -> None:
        """Append bytes from the host."""
        self._buffer += data

    def clear(self) -> None:
        """Forget everything received: power off, or DLE ENQ 2."""
        self._buffer.clear()

    def next_command(self) -> Command | None:
        """The next complete command; None means more bytes are needed."""
        while self._buffer:
            first = self._buffer[0]
            if first >= _FIRST_PRINTABLE:
                return self._take_text()
            if first in (_LF, _HT):
                del self._buffer[0]
                return LineFeed() if first == _LF else HorizontalTab()
            if first not in (DLE, ESC, FS, GS):
                del self._buffer[0]  # NUL, CR and the other control characters do nothing in standard mode
                continue
            length = command_length(bytes(self._buffer[:16]) if first == DLE else self._head())
            if length is None or length > len(self._buffer):
                return None
            raw = bytes(self._buffer[:length])
            del self._buffer[:length]
            if length > 1:
                return decode(raw)
        return None

    def _head(self) -> bytes:
        # ESC D and GS k end at a NUL that may be a few hundred bytes away; nothing else needs more than eight bytes.
        return bytes(self._buffer[:512])

    def _take_text(self) -> Text:
        match = _TEXT.match(self._buffer)
        end = match.end() if match else 1
        characters = bytes(self._buffer[:end])
        del match, self._buffer[:end]
        return Text(characters=characters)


class RealTimeScanner:
    """Spot the real-time commands in the raw stream, before the receive buffer and even inside other commands' data.

    Source: Epson, DLE EOT: executed upon receiving it, also when the sequence is part of another command.
    """

    _PATTERN = re.compile(rb"\x10(?:\x04[\x01-\x04]|\x05[\x01\x02]|\x14\x01[\x00\x01][\x01-\x08])")
    _LONGEST = 5

    def __init__(self) -> None:
        self._tail = b""

    def receive(self, data: bytes) -> list[Command]:
        """The real-time commands completed by these bytes."""
        stream = self._tail + data
        found: list[Command] = []
        end = 0
        for match in self._PATTERN.finditer(stream):
            found.append(decode(match.group()))
            end = match.end()
        self._tail = stream[max(end, len(stream) - self._LONGEST + 1) :]
        return found


def decode(raw: bytes) -> Command:
    """The typed value of one complete command."""
    if raw[0] == DLE:
        return _decode_real_time(raw)
    decoder = _DECODERS.get((raw[0], raw[1]))
    command = decoder(raw) if decoder else None
    return command or Ignored(raw=raw, known=is_known(raw))


def _decode_real_time(raw: bytes) -> Command:
    if raw[1] == EOT:
        return TransmitRealTimeStatus(what=raw[2])
    if raw[1] == ENQ:
        return Recover(clear_buffers=raw[2] == 2)
    if raw[1] == DC4 and raw[2] == 1:
        return KickDrawer(pin=raw[3])
    return Ignored(raw=raw, known=True)


def _print_mode(mode: int) -> SetStyle:
    return SetStyle(
        small_font=bool(mode & 0x01),
        bold=bool(mode & 0x08),
        height=2 if mode & 0x10 else 1,
        width=2 if mode & 0x20 else 1,
        underline=bool(mode & 0x80),
    )


def _alignment(raw: bytes) -> SetStyle | None:
    value = raw[2] - 48 if raw[2] >= 48 else raw[2]
    return SetStyle(alignment=Alignment(value)) if value <= 2 else None


def _cut(raw: bytes) -> Cut:
    partial = raw[2] in (1, 49, 66, 98, 104)
    return Cut(partial=partial, feed_dots=raw[3] if len(raw) > 3 else None)


def _column_image(raw: bytes) -> ColumnImage | None:
    if raw[2] not in (0, 1, 32, 33):
        return None
    return ColumnImage(
        columns=raw[3] + 256 * raw[4],
        bytes_per_column=3 if raw[2] >= 32 else 1,
        scale_x=1 if raw[2] in (1, 33) else 2,
        dots=raw[5:],
    )


def _raster(raw: bytes) -> RasterImage | None:
    mode = raw[3] & 0x0F
    if raw[2] != ord("0") or mode > 3:
        return None
    return RasterImage(
        width_bytes=raw[4] + 256 * raw[5],
        height=raw[6] + 256 * raw[7],
        scale_x=2 if mode & 1 else 1,
        scale_y=2 if mode & 2 else 1,
        dots=raw[8:],
    )


def _parenthesis(raw: bytes) -> Command | None:
    if raw[2] == ord("H") and len(raw) == 11 and raw[5] in (0, 48):
        return ReportProcess(process_id=raw[7:11])
    if raw[2] == ord("k") and len(raw) >= 8 and raw[5] == 49:
        return _qr(function=raw[6], parameters=raw[7:])
    return None


def _qr(*, function: int, parameters: bytes) -> Command | None:
    if function == 67:
        return SetQr(module_dots=max(1, min(16, parameters[0])))
    if function == 69:
        return SetQr(error_level="LMQH"[(parameters[0] - 48) & 3])
    if function == 80:
        return StoreQr(payload=parameters[1:])
    if function == 81:
        return PrintQr()
    return None


_DECODERS: Mapping[tuple[int, int], Callable[[bytes], Command | None]] = MappingProxyType(
    {
        (ESC, ord("@")): lambda _: Initialise(),
        (ESC, ord("!")): lambda raw: _print_mode(raw[2]),
        (ESC, ord("E")): lambda raw: SetStyle(bold=bool(raw[2] & 1)),
        (ESC, ord("G")): lambda raw: SetStyle(bold=bool(raw[2] & 1)),
        (ESC, ord("-")): lambda raw: SetStyle(underline=raw[2] not in (0, 48)),
        (ESC, ord("M")): lambda raw: SetStyle(small_font=raw[2] not in (0, 48)),
        (ESC, ord("a")): _alignment,
        (ESC, ord("2")): lambda _: SetLineSpacing(dots=None),
        (ESC, ord("3")): lambda raw: SetLineSpacing(dots=raw[2]),
        (ESC, ord("J")): lambda raw: Feed(dots=raw[2]),
        (ESC, ord("d")): lambda raw: Feed(lines=raw[2]),
        (ESC, ord("t")): lambda raw: SelectCodePage(page=raw[2]),
        (ESC, ord("p")): lambda raw: KickDrawer(pin=raw[2] & 1),
        (ESC, ord("i")): lambda _: Cut(partial=True),
        (ESC, ord("m")): lambda _: Cut(partial=True),
        (ESC, ord("*")): _column_image,
        (GS, ord("!")): lambda raw: SetStyle(width=1 + (raw[2] >> 4 & 7), height=1 + (raw[2] & 7)),
        (GS, ord("B")): lambda raw: SetStyle(reverse=bool(raw[2] & 1)),
        (GS, ord("V")): _cut,
        (GS, ord("a")): lambda raw: EnableAsb(mask=raw[2]),
        (GS, ord("r")): lambda raw: TransmitStatus(what=raw[2]),
        (GS, ord("I")): lambda raw: TransmitIdentity(what=raw[2]),
        (GS, ord("v")): _raster,
        (GS, ord("k")): lambda raw: Barcode(kind=raw[2], payload=raw[3:-1] if raw[2] < 65 else raw[4:]),
        (GS, ord("(")): _parenthesis,
    }
)
