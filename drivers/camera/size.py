"""How large a picture is by its header alone: a hostile one is refused before anybody makes its pixels."""

import struct

MOST_PIXELS = 50_000_000
"""What today's phones take; a camera at the counter films a fiftieth."""

Size = tuple[int, int]
"""Width and height, pixels."""

# ITU-T T.81, table B.1: SOF0 to SOF15 without DHT, JPG and DAC; and the markers that stand alone
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# BITMAPCOREHEADER, whose numbers are 16 bits wide
_OS2_HEADER_BYTES = 12
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xDA)})


def picture_size(data: bytes) -> Size | None:
    """The size that a PNG, JPEG, BMP or WebP file states; None when it is none of them."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _pair(">II", data, 16)
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        if data.startswith(b"BM"):
            return _bmp(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError):  # cut short
        return None
    return None


def is_too_large(size: Size) -> bool:
    """Whether its pixels would need more memory than a box can spare."""
    return size[0] * size[1] > MOST_PIXELS


def why_too_large(size: Size) -> str:
    """The refusal in words."""
    return f"{size[0]} × {size[1]} pixels: at most {MOST_PIXELS // 1_000_000} million are read, make it smaller"


def why_too_large_french(size: Size) -> str:
    """The same in French."""
    return f"{size[0]} × {size[1]} pixels : {MOST_PIXELS // 1_000_000} millions au plus sont lus, réduisez-la"


def _jpeg(data: bytes) -> Size | None:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _JPEG_FRAMES:
            height, width = _pair(">HH", data, at + 5)
            return width, height
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _JPEG_ALONE:
            at += 2
        else:
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return None


def _bmp(data: bytes) -> Size:
    if int(struct.unpack_from("<I", data, 14)[0]) == _OS2_HEADER_BYTES:
        return _pair("<HH", data, 18)
    width, height = _pair("<ii", data, 18)
    return abs(width), abs(height)  # a negative height: rows from the top


def _webp(data: bytes) -> Size | None:
    """Source: RFC 9649, sections 2.5 to 2.7 and 3.4."""
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int(struct.unpack_from("<I", data, 21)[0])
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = _pair("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _pair(layout: str, data: bytes, at: int) -> Size:
    first, second = struct.unpack_from(layout, data, at)
    return int(first), int(second)
