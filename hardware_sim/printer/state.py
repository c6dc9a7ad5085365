"""The printer's mechanism: paper, cover, errors, drawer, and the status bytes that tell them.

The bytes are written from Epson's "ESC/POS Command Reference" (DLE EOT, GS a, GS r), on purpose not with the drivers'
codec, so that codec and twin cannot share a mistake.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hardware_sim.printer.profile import PrinterProfile


class PrinterError(Enum):
    """Errors that stop printing, by who can clear them."""

    CUTTER = "cutter"  # a person, then DLE ENQ
    OVERHEATED = "overheated"  # clears by itself
    UNRECOVERABLE = "unrecoverable"  # power off


@dataclass(slots=True, kw_only=True)
class Mechanism:
    """The parts of the printer that a person or the wear of time can change.

    Attributes:
        paper_dots: Length of paper left.
        drawer_open: Seen on pin 3 of the drawer connector, which is HIGH while the drawer is closed.
    """

    profile: PrinterProfile
    paper_dots: int
    cover_open: bool = False
    error: PrinterError | None = None
    feeding: bool = False
    drawer_open: bool = False
    drawer_kicks: int = 0

    @property
    def paper_end(self) -> bool:
        """No paper under the end sensor."""
        return self.paper_dots <= 0

    @property
    def near_end(self) -> bool:
        """The roll is nearly used up."""
        return self.paper_dots <= self.profile.near_end_dots

    @property
    def offline(self) -> bool:
        """Whether buffered commands wait."""
        return self.cover_open or self.paper_end or self.feeding or self.error is not None

    def use_paper(self, dots: int) -> None:
        """Move the paper; the roll never has less than nothing."""
        self.paper_dots = max(0, self.paper_dots - dots)


def _bits(*flags: tuple[int, bool]) -> int:
    return sum(mask for mask, on in flags if on)


def real_time_status(mechanism: Mechanism, what: int) -> bytes:
    """The answer to DLE EOT n: bits 1 and 4 on, 0 and 7 off."""
    fixed = 0x12
    if what == 1:
        return bytes([fixed | _bits((0x04, not mechanism.drawer_open), (0x08, mechanism.offline))])
    if what == 2:
        flags = _bits(
            (0x04, mechanism.cover_open),
            (0x08, mechanism.feeding),
            (0x20, mechanism.paper_end),
            (0x40, mechanism.error is not None),
        )
        return bytes([fixed | flags])
    if what == 3:
        return bytes([fixed | _error_bits(mechanism)])
    return bytes([fixed | _bits((0x0C, mechanism.near_end), (0x60, mechanism.paper_end))])


def automatic_status(mechanism: Mechanism) -> bytes:
    """The four bytes of Automatic Status Back: the first is 0xx1xx00, the others 0xx0xxxx."""
    first = 0x10 | _bits(
        (0x04, not mechanism.drawer_open),
        (0x08, mechanism.offline),
        (0x20, mechanism.cover_open),
        (0x40, mechanism.feeding),
    )
    paper = _bits((0x03, mechanism.near_end), (0x0C, mechanism.paper_end))
    # The low nibble of the fourth byte is 1111 on current models ("reserved"); hosts must not read meaning into it.
    return bytes([first, _error_bits(mechanism), paper, 0x0F])


def watched_items(mechanism: Mechanism, mask: int) -> tuple[object, ...]:
    """The part of the state whose change makes GS a with this mask send a status."""
    return (
        mechanism.drawer_open if mask & 0x01 else None,
        (mechanism.offline, mechanism.cover_open) if mask & 0x02 else None,
        mechanism.error if mask & 0x04 else None,
        (mechanism.near_end, mechanism.paper_end) if mask & 0x08 else None,
        mechanism.feeding if mask & 0x40 else None,
    )


def transmitted_status(mechanism: Mechanism, what: int) -> bytes:
    """The answer to GS r n (1 paper, 2 drawer); empty for an n the printer does not know."""
    if what in (1, 49):
        return bytes([_bits((0x03, mechanism.near_end), (0x0C, mechanism.paper_end))])
    if what in (2, 50):
        return bytes([_bits((0x01, not mechanism.drawer_open))])
    return b""


def identity(profile: PrinterProfile, what: int) -> bytes:
    """The answer to GS I n: one byte for n ≤ 3, a block "_…NUL" for the texts (n ≥ 65)."""
    single = {1: 0x20, 49: 0x20, 2: 0x02, 50: 0x02, 3: 0x01, 51: 0x01}
    texts = {65: "1.00", 66: "EPSON", 67: profile.model, 68: "SIM0000001"}
    if what in single:
        return bytes([single[what]])
    return b"_" + texts[what].encode("ascii") + b"\x00" if what in texts else b""


def process_reply(process_id: bytes) -> bytes:
    """The answer to GS ( H function 48: header 37h, identifier 22h, the four characters, NUL."""
    return b"\x37\x22" + process_id + b"\x00"


def _error_bits(mechanism: Mechanism) -> int:
    return _bits(
        (0x08, mechanism.error is PrinterError.CUTTER),
        (0x20, mechanism.error is PrinterError.UNRECOVERABLE),
        (0x40, mechanism.error is PrinterError.OVERHEATED),
    )
