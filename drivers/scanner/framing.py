"""The bytes of a scanner become codes: a sans-IO codec.

Scanners end each read with CR, LF or CRLF (a suffix programmed into them) and may put an AIM identifier before it.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum

from drivers.scan import ScannedCode, is_plain_text, symbology_of

FRAME_LIMIT_BYTES = 4_096
"""Our own codes end at 170 characters; no identifier that a programme printed before comes near the limit."""

_AIM_IDENTIFIER_LENGTH = 3  # ISO/IEC 15424: "]", code character, modifier


class GarbledReason(Enum):
    """Why a read was thrown away."""

    TOO_LONG = "too long, or the scanner's suffix (CR) is not programmed"
    NOT_UTF_8 = "not UTF-8"
    NOT_PRINTABLE = "empty, or control characters inside"
    UNFINISHED = "it stopped in the middle, or the scanner's suffix (CR) is not programmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbled:
    """A read that can't be used: ask for another one.

    Attributes:
        dropped_bytes: What was thrown away when this was reported. For TOO_LONG that is at the limit; the rest of the
            frame goes too, without another report.
    """

    reason: GarbledReason
    dropped_bytes: int


class ScannerCodec:
    """Cut a scanner's bytes into codes.

    Call `receive` with what was read, then `next_event` until it returns None. It never raises, and never holds more
    than `limit_bytes` of an unfinished frame.
    """

    def __init__(self, *, limit_bytes: int = FRAME_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._events: deque[ScannedCode | Garbled] = deque()
        self._frame = bytearray()
        self._skipping = False

    @property
    def is_mid_frame(self) -> bool:
        """Whether a frame has begun and not ended: more bytes should follow at once."""
        return self._skipping or bool(self._frame)

    def receive(self, data: bytes) -> None:
        """Take bytes as they came from the device, in pieces of any size."""
        *ended, rest = data.replace(b"\r", b"\n").split(b"\n")
        for piece in ended:
            self._extend(piece)
            self._end_frame()
        self._extend(rest)

    def next_event(self) -> ScannedCode | Garbled | None:
        """The next code or the next unusable read; None means that more bytes are needed."""
        return self._events.popleft() if self._events else None

    def line_fell_silent(self) -> None:
        """Give up an unfinished frame, so that it doesn't spoil the next read.

        The shell calls this when nothing has come for a while in the middle of a frame.
        """
        if self._frame:
            self._drop(GarbledReason.UNFINISHED)
        self._skipping = False

    def _extend(self, piece: bytes) -> None:
        if self._skipping:
            return
        room_bytes = self._limit_bytes - len(self._frame)
        self._frame += piece[: room_bytes + 1]
        if len(self._frame) > self._limit_bytes:
            self._drop(GarbledReason.TOO_LONG)
            self._skipping = True

    def _end_frame(self) -> None:
        if self._frame:  # CRLF and doubled suffixes end an empty frame: nothing to say
            self._read_frame()
        self._skipping = False

    def _read_frame(self) -> None:
        try:
            text = self._frame.decode("utf-8")
        except UnicodeDecodeError:
            self._drop(GarbledReason.NOT_UTF_8)
            return
        symbology = symbology_of(text[:_AIM_IDENTIFIER_LENGTH])
        payload = text if symbology is None else text[_AIM_IDENTIFIER_LENGTH:]
        if not is_plain_text(payload):
            self._drop(GarbledReason.NOT_PRINTABLE)
            return
        self._events.append(ScannedCode(payload=payload, symbology=symbology))
        self._frame.clear()

    def _drop(self, reason: GarbledReason) -> None:
        self._events.append(Garbled(reason=reason, dropped_bytes=len(self._frame)))
        self._frame.clear()
