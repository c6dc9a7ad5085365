"""Photographs of a receipt as a shop's camera takes them: small, tilted, blurred, noisy; the same for a seed.

OpenCV, numpy and the locating decoder are imported on use, so that twins without a camera don't pay for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hardware_sim.errors import PictureError
from hardware_sim.files import write_atomically

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Matrix = NDArray[np.float64]

_FINDER_MODULES = 7  # ISO/IEC 18004: a finder pattern is seven modules wide
_PAPER_BGR = (238.0, 244.0, 247.0)
_INK_BGR = (52.0, 46.0, 44.0)
_COUNTER_BGR = (58.0, 82.0, 112.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoSettings:
    """How the photograph is taken.

    Attributes:
        pixels_per_module: Size of one QR module in the photograph.
        tilt_degrees: Rotation, counter-clockwise as seen.
        perspective: Change of scale over half the frame's width; 0 looks straight down.
        blur_sigma_px: Gaussian blur of lens and motion.
        noise_sigma: Sensor noise in grey levels of 255.
        darkest: Light in the darkest corner, as a share of the brightest.
    """

    seed: int
    pixels_per_module: float = 2.0
    tilt_degrees: float = 20.0
    perspective: float = 0.06
    blur_sigma_px: float = 0.75
    noise_sigma: float = 6.0
    darkest: float = 0.55
    frame_width_px: int = 1280
    frame_height_px: int = 720
    jpeg_quality: int = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePlace:
    """Where the QR code is on the crisp picture.

    Attributes:
        module_dots: Size of one module.
    """

    centre_x: float
    centre_y: float
    module_dots: float


def take_photograph(*, picture: Path, into: Path, name: str, settings: PhotoSettings) -> Path:
    """Photograph the QR code on `picture`; the file appears whole in `into` under `name` (.jpg or .png).

    Raises:
        PictureError: The picture can't be read, or shows no QR code.
    """
    import cv2

    frame = photograph(_read(picture), settings)
    parameters = [cv2.IMWRITE_JPEG_QUALITY, settings.jpeg_quality] if name.endswith((".jpg", ".jpeg")) else []
    encoded, content = cv2.imencode(Path(name).suffix, frame, parameters)
    if not encoded:
        raise PictureError(f"OpenCV can't write {name!r}: use a name ending in .jpg or .png")
    path = into / name
    write_atomically(path, content.tobytes())
    return path


def photograph(crisp: Pixels, settings: PhotoSettings) -> Pixels:
    """The camera's frame (BGR), the code near its middle.

    Raises:
        PictureError: The picture shows no QR code.
    """
    import numpy as np

    random = np.random.default_rng(settings.seed)
    place = locate_code(crisp)
    view = _view(place, settings, random)
    scene = _scene(crisp, view, place, settings, random)
    return _expose(scene, settings, random)


def locate_code(crisp: Pixels) -> CodePlace:
    """Find the QR code on an upright, crisp picture.

    Raises:
        PictureError: There is none, or more than one.
    """
    import zxingcpp

    found = zxingcpp.read_barcodes(crisp, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCodeModel2))
    if len(found) != 1:
        raise PictureError(f"the picture shows {len(found)} QR codes: give one with exactly one")
    corners = found[0].position
    left, top = corners.top_left.x, corners.top_left.y
    row = crisp[min(top + 1, crisp.shape[0] - 1), max(0, left - 2) :] < 128
    start = int(row.argmax())
    run = int((~row[start:]).argmax())
    if run < _FINDER_MODULES:
        raise PictureError("the QR code's corner can't be measured: give an upright picture with crisp edges")
    points = (corners.top_left, corners.top_right, corners.bottom_right, corners.bottom_left)
    return CodePlace(
        centre_x=sum(point.x for point in points) / 4,
        centre_y=sum(point.y for point in points) / 4,
        module_dots=run / _FINDER_MODULES,
    )


def _read(picture: Path) -> Pixels:
    import cv2
    import numpy as np

    grey = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE) if picture.exists() else None
    if grey is None:
        raise PictureError(f"{picture} is not a readable picture")
    return np.asarray(grey, dtype=np.uint8)


def _view(place: CodePlace, settings: PhotoSettings, random: np.random.Generator) -> Matrix:
    """The homography from the receipt's dots to the frame's pixels."""
    import numpy as np

    angle = np.deg2rad(-settings.tilt_degrees)
    scale = settings.pixels_per_module / place.module_dots
    to_centre = np.array([[1, 0, -place.centre_x], [0, 1, -place.centre_y], [0, 0, 1]])
    turn = np.array(
        [
            [scale * np.cos(angle), -scale * np.sin(angle), 0],
            [scale * np.sin(angle), scale * np.cos(angle), 0],
            [0, 0, 1],
        ]
    )
    direction = random.uniform(0, 2 * np.pi)
    lean = settings.perspective / (settings.frame_width_px / 2)
    lens = np.array([[1, 0, 0], [0, 1, 0], [lean * np.cos(direction), lean * np.sin(direction), 1]])
    offset_x, offset_y = random.uniform(-0.1, 0.1, size=2) * settings.frame_height_px
    to_frame = np.array(
        [[1, 0, settings.frame_width_px / 2 + offset_x], [0, 1, settings.frame_height_px / 2 + offset_y], [0, 0, 1]]
    )
    return np.asarray(to_frame @ lens @ turn @ to_centre, dtype=np.float64)


def _scene(
    crisp: Pixels, view: Matrix, place: CodePlace, settings: PhotoSettings, random: np.random.Generator
) -> NDArray[np.float32]:
    """The receipt on the counter, evenly lit. Drawn enlarged, then averaged down as a sensor's pixels do."""
    import cv2
    import numpy as np

    size = (settings.frame_width_px, settings.frame_height_px)
    enlarge = max(1, round(place.module_dots / settings.pixels_per_module))
    big = (size[0] * enlarge, size[1] * enlarge)
    matrix = np.diag([enlarge, enlarge, 1.0]) @ view
    whiteness = cv2.warpPerspective(crisp, matrix, big, flags=cv2.INTER_LINEAR, borderValue=0)
    presence = cv2.warpPerspective(np.full_like(crisp, 255), matrix, big, flags=cv2.INTER_LINEAR, borderValue=0)
    white = cv2.resize(whiteness, size, interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    paper = cv2.resize(presence, size, interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    grain = random.normal(0, 1, size=(settings.frame_height_px // 24, 8)).astype(np.float32)
    wood = cv2.resize(grain, size, interpolation=cv2.INTER_CUBIC)[..., None] * 7
    counter = np.array(_COUNTER_BGR, dtype=np.float32) + wood
    ink = np.array(_INK_BGR, dtype=np.float32)
    printed = ink + (np.array(_PAPER_BGR, dtype=np.float32) - ink) * np.minimum(1, white / np.maximum(paper, 1e-3))
    return np.asarray(counter * (1 - paper) + printed * paper, dtype=np.float32)


def _expose(scene: NDArray[np.float32], settings: PhotoSettings, random: np.random.Generator) -> Pixels:
    """Light from one side, blur, sensor noise."""
    import cv2
    import numpy as np

    height, width = scene.shape[:2]
    direction = random.uniform(0, 2 * np.pi)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * np.cos(direction)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.sin(direction)
    ramp = (x + y) / (abs(np.cos(direction)) + abs(np.sin(direction)))
    light = settings.darkest + (1 - settings.darkest) * (ramp + 1) / 2
    lit = (scene * light[..., None]).astype(np.float32)
    if settings.blur_sigma_px > 0:
        lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), settings.blur_sigma_px), dtype=np.float32)
    noisy = lit + random.normal(0, settings.noise_sigma, size=lit.shape)
    return np.asarray(np.clip(noisy, 0, 255), dtype=np.uint8)
