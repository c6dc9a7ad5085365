"""How long each ESC/POS command is, so that the twin can step over the ones it does not act on.

Source: Epson, "ESC/POS Command Reference"; parameter counts exclude the two bytes that name the command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

DLE, ESC, FS, GS = 0x10, 0x1B, 0x1C, 0x1D
EOT, ENQ, DC4, NUL = 0x04, 0x05, 0x14, 0x00

Measure = Callable[[bytes], "int | None"]

_ESC_PARAMETERS: Mapping[int, int] = MappingProxyType(
    {ord(name): count for name, count in (
        ("@", 0), ("!", 1), (" ", 1), ("$", 2), ("%", 1), ("-", 1), ("2", 0), ("3", 1), ("=", 1), ("?", 1), ("B", 2),
        ("E", 1), ("G", 1), ("J", 1), ("K", 1), ("L", 0), ("M", 1), ("R", 1), ("S", 0), ("T", 1), ("U", 1), ("V", 1),
        ("W", 8), ("\\", 2), ("a", 1), ("c", 2), ("d", 1), ("e", 1), ("i", 0), ("m", 0), ("p", 3), ("r", 1), ("t", 1),
        ("u", 1), ("v", 0), ("{", 1), ("\f", 0),
    )}
)  # fmt: skip
_GS_PARAMETERS: Mapping[int, int] = MappingProxyType(
    {ord(name): count for name, count in (
        ("!", 1), ("$", 2), ("/", 1), (":", 0), ("B", 1), ("E", 1), ("H", 1), ("I", 1), ("L", 2), ("P", 2), ("T", 1),
        ("W", 2), ("\\", 2), ("^", 3), ("a", 1), ("b", 1), ("c", 0), ("f", 1), ("g", 4), ("h", 1), ("j", 1), ("r", 1),
        ("w", 1), ("z", 3),
    )}
)  # fmt: skip
_FS_PARAMETERS: Mapping[int, int] = MappingProxyType(
    {ord(name): count for name, count in (
        ("!", 1), ("&", 0), ("-", 1), (".", 0), ("C", 1), ("S", 2), ("W", 1), ("p", 2),
    )}
)  # fmt: skip


def command_length(head: bytes) -> int | None:
    """Length of the control command at the start of `head`; None means more bytes are needed.

    An unknown command counts as its two naming bytes.
    """
    if len(head) < 2:
        return None
    lead, name = head[0], head[1]
    if lead == DLE:
        return _real_time_length(head)
    variable = _VARIABLE.get((lead, name))
    if variable is not None:
        return variable(head)
    table = {ESC: _ESC_PARAMETERS, GS: _GS_PARAMETERS, FS: _FS_PARAMETERS}[lead]
    return 2 + table.get(name, 0)


def is_known(raw: bytes) -> bool:
    """Whether the command's length is in the reference rather than assumed."""
    lead, name = raw[0], raw[1]
    if lead == DLE:
        return name in (EOT, ENQ, DC4)
    table = {ESC: _ESC_PARAMETERS, GS: _GS_PARAMETERS, FS: _FS_PARAMETERS}[lead]
    return name in table or (lead, name) in _VARIABLE


def _real_time_length(head: bytes) -> int | None:
    if head[1] in (EOT, ENQ):
        return 3
    if head[1] != DC4:
        return 1
    if len(head) < 3:
        return None
    return {1: 5, 2: 5, 3: 8, 7: 4, 8: 10}.get(head[2], 3)


def _up_to_nul(head: bytes) -> int | None:
    end = head.find(NUL, 2)
    return None if end < 0 else end + 1


def _parenthesis_length(head: bytes) -> int | None:
    return None if len(head) < 5 else 5 + head[3] + 256 * head[4]


def _long_graphics_length(head: bytes) -> int | None:
    return None if len(head) < 7 else 7 + int.from_bytes(head[3:7], "little")


def _download_image_length(head: bytes) -> int | None:
    return None if len(head) < 4 else 4 + head[2] * head[3] * 8


def _column_image_length(head: bytes) -> int | None:
    if len(head) < 5:
        return None
    bytes_per_column = 3 if head[2] in (32, 33) else 1
    return 5 + bytes_per_column * (head[3] + 256 * head[4])


def _cut_length(head: bytes) -> int | None:
    if len(head) < 3:
        return None
    return 3 if head[2] in (0, 1, 48, 49) else 4


def _barcode_length(head: bytes) -> int | None:
    if len(head) < 4:
        return None
    if head[2] < 65:
        end = head.find(NUL, 3)
        return None if end < 0 else end + 1
    return 4 + head[3]


def _raster_length(head: bytes) -> int | None:
    if len(head) < 8:
        return None
    return 8 + (head[4] + 256 * head[5]) * (head[6] + 256 * head[7])


_VARIABLE: Mapping[tuple[int, int], Measure] = MappingProxyType(
    {
        (ESC, ord("*")): _column_image_length,
        (ESC, ord("D")): _up_to_nul,
        (ESC, ord("(")): _parenthesis_length,
        (GS, ord("(")): _parenthesis_length,
        (FS, ord("(")): _parenthesis_length,
        (GS, ord("8")): _long_graphics_length,
        (GS, ord("*")): _download_image_length,
        (GS, ord("V")): _cut_length,
        (GS, ord("k")): _barcode_length,
        (GS, ord("v")): _raster_length,
    }
)
