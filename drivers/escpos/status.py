"""What an ESC/POS printer sends back: a sans-IO codec.

Every kind of reply is told by the fixed bits of its first byte, so they may come glued together in any order:

    0xx1xx00   ASB, and three more bytes 0xx0xxxx     (GS a)
    0xx1xx10   a real-time status                     (DLE EOT)
    0xx0xxxx   a status asked through the buffer      (GS r, GS I)
    11h, 13h   XON and XOFF, also amid an ASB
    35h 37h 3Bh 3Dh 5Fh   a block that ends with NUL  (GS ( H, GS I, …)

Source of all constants: Epson, ESC/POS Command Reference, the command named at each, and its annex "Transmission status
identification".
"""

from dataclasses import dataclass
from enum import IntEnum

from drivers.errors import ProtocolError

XON = 0x11
XOFF = 0x13
ASB_BYTES = 4
BLOCK_HEADERS = frozenset({0x35, 0x37, 0x3B, 0x3D, 0x5F})
BLOCK_END = 0x00
BLOCK_LIMIT_BYTES = 256
"""No answer to a command that we send is longer (GS I answers at most 80 characters)."""

PROCESS_ID_HEADER = 0x37  # GS ( H, function 48: 37h 22h d1 d2 d3 d4 00h
PROCESS_ID_FLAG = 0x22
PROCESS_ID_BYTES = 4

_FIXED_MASK = 0b1001_0011
_ASB_FIRST = 0b0001_0000
_REAL_TIME = 0b0001_0010
_CONTINUED_MASK = 0b1001_0000  # ASB bytes 2 to 4, GS r, GS I: bits 4 and 7 are off


class RealTimeRequest(IntEnum):
    """The n of DLE EOT n; the reply doesn't repeat it."""

    PRINTER = 1
    OFFLINE_CAUSE = 2
    ERROR_CAUSE = 3
    PAPER = 4

    @property
    def command(self) -> bytes:
        """DLE EOT n, which the printer obeys even when it is offline or its buffer is full."""
        return bytes((0x10, 0x04, self.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class PrinterStatus:
    """Everything a printer says about itself.

    Attributes:
        online: It obeys commands.
        cover_open: The roll cover is open.
        paper_out: The roll's end was reached; printing stops.
        paper_near_end: Few metres are left; printing goes on. Only printers with the sensor say so.
        feed_button: Somebody is feeding paper by the button.
        recoverable_error: E.g. a paper jam: ends once a person has seen to it.
        cutter_error: The cutter is blocked.
        unrecoverable_error: Switch it off; if it comes again, it needs repair.
        overheated: Recovers by itself once it has cooled down (or its voltage is back).
        drawer_pin_high: The drawer's switch, pin 3; which level means open depends on the drawer.
    """

    online: bool
    cover_open: bool = False
    paper_out: bool = False
    paper_near_end: bool = False
    feed_button: bool = False
    recoverable_error: bool = False
    cutter_error: bool = False
    unrecoverable_error: bool = False
    overheated: bool = False
    drawer_pin_high: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether a job may be started."""
        return self.online and not (
            self.cover_open
            or self.paper_out
            or self.recoverable_error
            or self.cutter_error
            or self.unrecoverable_error
            or self.overheated
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomaticStatus:
    """An ASB: sent at each change, and once in answer to GS a."""

    status: PrinterStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RealTimeReply:
    """An answer to DLE EOT n; only the asker knows which n. See `tracker`."""

    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferedReply:
    """An answer to GS r n: all that was sent before it has been processed."""

    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdReply:
    """An answer to GS ( H function 48: all that was sent before it is on paper."""

    process_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Another block, e.g. a model name (header 5Fh); the header and the NUL are taken off."""

    header: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowControl:
    """XON or XOFF; TCP has its own, so this is for serial lines."""

    may_send: bool


PrinterEvent = AutomaticStatus | RealTimeReply | BufferedReply | ProcessIdReply | Block | FlowControl


def decode_asb(block: bytes) -> PrinterStatus:
    """Read the four bytes of an ASB whose fixed bits are right. Source: GS a."""
    first, second, third, _ = block
    return PrinterStatus(
        drawer_pin_high=bool(first & 0x04),
        online=not first & 0x08,
        cover_open=bool(first & 0x20),
        feed_button=bool((first & 0x40) | (second & 0x02)),
        recoverable_error=bool(second & 0x04),
        cutter_error=bool(second & 0x08),
        unrecoverable_error=bool(second & 0x20),
        overheated=bool(second & 0x40),
        paper_near_end=bool(third & 0x03),
        paper_out=bool(third & 0x0C),
    )


class StatusDecoder:
    """Cut what a printer sends into typed events.

    Call `receive` with what was read, then `next_event` until it returns None.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> None:
        """Take bytes as they came from the printer, in pieces of any size."""
        self._buffer += data

    def next_event(self) -> PrinterEvent | None:
        """Decode one reply; None means that more bytes are needed.

        Raises:
            ProtocolError: Fixed bits are wrong. What can't be a reply was dropped; call again to resynchronise.
        """
        if not self._buffer:
            return None
        first = self._buffer[0]
        if first in (XON, XOFF):
            del self._buffer[0]
            return FlowControl(may_send=first == XON)
        if first in BLOCK_HEADERS:
            return self._next_block()
        if first & _FIXED_MASK == _ASB_FIRST:
            return self._next_asb()
        if first & _FIXED_MASK == _REAL_TIME:
            return RealTimeReply(bits=self._take(1)[0])
        if first & _CONTINUED_MASK == 0:
            return BufferedReply(bits=self._take(1)[0])
        raise self._broken("a byte that starts no reply", length=1)

    def _next_asb(self) -> AutomaticStatus | FlowControl | None:
        for position in range(1, min(ASB_BYTES, len(self._buffer))):
            byte = self._buffer[position]
            if byte in (XON, XOFF):  # the only bytes that may cut in
                del self._buffer[position]
                return FlowControl(may_send=byte == XON)
            if byte & _CONTINUED_MASK:
                # The bytes before it look like answers to GS r and would confirm a job that never printed: they go too.
                raise self._broken("an automatic status that was cut short", length=position)
        if len(self._buffer) < ASB_BYTES:
            return None
        return AutomaticStatus(status=decode_asb(self._take(ASB_BYTES)))

    def _next_block(self) -> ProcessIdReply | Block | None:
        end = self._buffer.find(BLOCK_END, 0, BLOCK_LIMIT_BYTES)
        if end < 0:
            if len(self._buffer) < BLOCK_LIMIT_BYTES:
                return None
            raise self._broken("a block without an end", length=1)
        header, *body = self._take(end + 1)[:-1]
        is_process_id = header == PROCESS_ID_HEADER and body[:1] == [PROCESS_ID_FLAG]
        if is_process_id and len(body) == 1 + PROCESS_ID_BYTES:
            return ProcessIdReply(process_id=bytes(body[1:]))
        return Block(header=header, body=bytes(body))

    def _take(self, length: int) -> bytes:
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _broken(self, what: str, *, length: int) -> ProtocolError:
        dropped = self._take(length)
        return ProtocolError(f"The printer sent {what}: dropped {dropped.hex(' ')}.", dropped=dropped)
