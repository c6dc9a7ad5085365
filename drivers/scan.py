"""What a scanner or a camera read."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum


class Symbology(Enum):
    """The kind of a bar code; the value is its AIM code character.

    Source: ISO/IEC 15424, table 1 (AIM identifiers: "]", code character, modifier).
    """

    CODE_39 = "A"
    CODE_128 = "C"
    DATA_MATRIX = "d"
    EAN_UPC = "E"
    CODABAR = "F"
    CODE_93 = "G"
    INTERLEAVED_2_OF_5 = "I"
    PDF417 = "L"
    QR = "Q"
    AZTEC = "z"
    GS1_DATABAR = "e"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedCode:
    """A code as it was read, before anybody asks where and when.

    Attributes:
        payload: Printable text, never empty; the AIM identifier is taken off.
        symbology: None when the device doesn't say.
    """

    payload: str
    symbology: Symbology | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One read of one code at the counter.

    Attributes:
        payload: Printable text, never empty.
        symbology: None when the device doesn't say.
        device: The name of the scanner or camera in the settings.
        read_at: Aware UTC.
    """

    payload: str
    symbology: Symbology | None
    device: str
    read_at: datetime

    def __post_init__(self) -> None:
        if self.read_at.utcoffset() != timedelta(0):
            raise ValueError(f"read_at of a scan by {self.device} must be aware UTC, got {self.read_at!r}")


def symbology_of(aim_identifier: str) -> Symbology | None:
    """Read an AIM identifier such as "]Q1"; None when it isn't one of those that we know."""
    if len(aim_identifier) != 3 or aim_identifier[0] != "]" or not aim_identifier[2].isalnum():
        return None
    try:
        return Symbology(aim_identifier[1])
    except ValueError:
        return None


def is_plain_text(payload: str) -> bool:
    """Whether a payload may go on: printable, not empty, no control or formatting characters."""
    return payload != "" and payload.isprintable()
