"""What distinguishes one printer model from another, as far as the twin shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PrinterProfile:
    """A model of printer.

    Attributes:
        width_dots: Printable width at 203 dpi.
        reports_process: Whether GS ( H function 48 is answered.
        near_end_dots: Paper left when the near-end sensor trips.
        cutter_distance_dots: Paper between head and cutter, fed by GS V functions B and C.
        receive_buffer_bytes: Once this much waits (paper out), the printer stops reading.
    """

    model: str
    width_dots: int
    reports_process: bool = True
    near_end_dots: int = 40_000
    roll_dots: int = 480_000
    cutter_distance_dots: int = 96
    receive_buffer_bytes: int = 65_536


WIDE = PrinterProfile(model="TM-T20III", width_dots=576)
NARROW = PrinterProfile(model="POS-58", width_dots=384, reports_process=False)
