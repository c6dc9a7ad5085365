"""What customers hold before a camera: a card, a receipt with a code, a phone; flat, crisp, as large as needed.

OpenCV, numpy and segno are imported on use, so that twins without a camera don't pay for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

MODULE_PX = 6
_QUIET_MODULES = 4  # ISO/IEC 18004, 9.1
_SUBPIXEL_PX = 3
_INKS_BGR = ((96, 44, 18), (42, 38, 112), (38, 84, 30), (60, 30, 80))
_PAPER_BGR, _PRINT_BGR = (238, 244, 247), (52, 46, 44)


class Kind(Enum):
    """What carries the code."""

    CARD = "card"
    PHONE = "phone"
    PAPER = "paper"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One flat thing.

    Attributes:
        picture: BGR.
        outline: 255 where the thing is, 0 beside it.
        code_centre: Of the QR code on the picture, x and y.
        screen: 255 where it shines by itself; None when it doesn't.
    """

    picture: Pixels
    outline: Pixels
    code_centre: tuple[float, float]
    screen: Pixels | None = None


def draw(kind: Kind, token: str, random: np.random.Generator) -> Thing:
    """Draw a thing that carries a token."""
    code = _code(token)
    if kind is Kind.CARD:
        return _card(code, random)
    return _phone(code, random) if kind is Kind.PHONE else _paper(code, random)


def _code(token: str) -> Pixels:
    import numpy as np
    import segno

    symbol = segno.make(token, error="M", micro=False, boost_error=False)
    modules = np.array([list(row) for row in symbol.matrix_iter(border=_QUIET_MODULES)], dtype=np.uint8)
    return ((1 - modules) * 255).astype(np.uint8).repeat(MODULE_PX, axis=0).repeat(MODULE_PX, axis=1)


def _card(code: Pixels, random: np.random.Generator) -> Thing:
    """ISO/IEC 7810 ID-1: 85.6 by 54 mm with corners of 3 mm; the code with its quiet zone takes 30 mm."""
    import cv2
    import numpy as np

    side = code.shape[0]
    width, height = round(side * 85.6 / 30), round(side * 54 / 30)
    ink = _INKS_BGR[int(random.integers(len(_INKS_BGR)))]
    slope = np.linspace(0.75, 1.25, width)[None, :, None]
    picture = np.clip(np.array(ink) * slope, 0, 255).astype(np.uint8).repeat(height, axis=0)
    cv2.putText(picture, "ALBRET", (side // 8, side // 3), cv2.FONT_HERSHEY_DUPLEX, side / 200, (255, 255, 255), 3)
    cv2.putText(
        picture, "carte de fidelite", (side // 8, side // 2), cv2.FONT_HERSHEY_SIMPLEX, side / 420, (230,) * 3, 2
    )
    left, top = width - side - side // 6, (height - side) // 2
    picture[top : top + side, left : left + side] = code[..., None]
    outline = _rounded(width, height, radius=round(side * 3 / 30))
    return Thing(picture=picture, outline=outline, code_centre=(left + side / 2, top + side / 2))


def _paper(code: Pixels, random: np.random.Generator) -> Thing:
    """A receipt from a roll of 80 mm at 8 dots a millimetre."""
    import cv2
    import numpy as np

    side, width = code.shape[0], 640
    top = 260
    picture = np.full((top + side + 200, width, 3), _PAPER_BGR, dtype=np.uint8)
    left = (width - side) // 2
    picture[top : top + side, left : left + side] = np.where(code[..., None] > 0, _PAPER_BGR, _PRINT_BGR)
    for number, line in enumerate(("LIBRAIRIE DES HALLES", "Cheque-cadeau 20,00 EUR", "Valable un an")):
        cv2.putText(picture, line, (60, 80 + 60 * number), cv2.FONT_HERSHEY_SIMPLEX, 1.1, _PRINT_BGR, 2)
    for number in range(2):
        digits = " ".join(f"{value:04}" for value in random.integers(10_000, size=4))
        cv2.putText(picture, digits, (100, top + side + 60 + 60 * number), cv2.FONT_HERSHEY_SIMPLEX, 1, _PRINT_BGR, 2)
    outline = np.full(picture.shape[:2], 255, dtype=np.uint8)
    return Thing(picture=picture, outline=outline, code_centre=(width / 2, top + side / 2))


def _phone(code: Pixels, random: np.random.Generator) -> Thing:
    """A phone of 71 by 148 mm; its screen shows the code 52 mm wide, in lines that a camera's pixels don't match."""
    import cv2
    import numpy as np

    side = code.shape[0]
    width, height, bezel = round(side * 71 / 52), round(side * 148 / 52), round(side * 4 / 52)
    screen = _rounded(width, height, radius=side // 8, inset=bezel)
    picture = np.where(screen[..., None] > 0, 250, 22).repeat(3, axis=2).astype(np.uint8)
    bar = bezel + side // 3
    picture[bezel:bar, bezel : width - bezel] = _INKS_BGR[int(random.integers(len(_INKS_BGR)))]
    cv2.putText(picture, "Ma carte", (bezel * 3, bar - side // 9), cv2.FONT_HERSHEY_DUPLEX, side / 330, (255,) * 3, 2)
    left, top = (width - side) // 2, (height - side) // 2
    picture[top : top + side, left : left + side] = code[..., None]
    lines = 1 - random.uniform(0.05, 0.25) * (np.arange(height) % _SUBPIXEL_PX == 0)
    shown = np.where(screen[..., None] > 0, picture * lines[:, None, None], picture).astype(np.uint8)
    outline = _rounded(width, height, radius=side // 7)
    return Thing(picture=shown, outline=outline, code_centre=(width / 2, top + side / 2), screen=screen)


def _rounded(width: int, height: int, *, radius: int, inset: int = 0) -> Pixels:
    """A filled rectangle with round corners."""
    import cv2
    import numpy as np

    shape = np.zeros((height, width), dtype=np.uint8)
    left, top, right, bottom = inset, inset, width - 1 - inset, height - 1 - inset
    cv2.rectangle(shape, (left + radius, top), (right - radius, bottom), 255, -1)
    cv2.rectangle(shape, (left, top + radius), (right, bottom - radius), 255, -1)
    for x in (left + radius, right - radius):
        for y in (top + radius, bottom - radius):
            cv2.circle(shape, (x, y), radius, 255, -1)
    return shape
