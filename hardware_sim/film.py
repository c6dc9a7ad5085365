"""What a camera over a counter films when a customer holds a code before it: the same for a seed, frame by frame.

The thing comes in from a side, out of focus and blurred by its own speed; a hand holds it, tilted in two axes and never
quite still; the light is uneven, plastic and glass reflect it, a screen shines in lines; the sensor is noisy. Then it
leaves. Any frame can be asked for at any time, so that a film can be played in real time and skip what comes too late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hardware_sim.things import MODULE_PX, Kind, Thing, draw

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Light = NDArray[np.float32]
    Matrix = NDArray[np.float64]

WIDTH_PX, HEIGHT_PX, FRAMES_PER_S = 1_280, 720, 15
_JPEG_QUALITY = 85
_COUNTER_BGR = (58.0, 82.0, 112.0)
_DISTANCE_MODULES = 350.0  # of the camera, in modules of the code: some 20 cm
_MOVES_S = 0.45
_SPARE_PX = 64
_MOST_SMEAR_PX = 48
# The size of a module in the frame, pixels, as people hold things
_MODULE_IN_FRAME_PX = {Kind.CARD: (2.6, 4.0), Kind.PHONE: (3.0, 4.4), Kind.PAPER: (2.6, 4.2)}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmSettings:
    """How a code is held and filmed.

    Attributes:
        seconds: From the first frame to the last; coming and leaving take half a second each.
        tilt_degrees: Standard deviation of the tilt in each of the two axes.
        shake_px: How far a hand trembles.
        focus_sigma_px: Least and most blur of the lens once it has found its focus.
    """

    kind: Kind
    seed: int
    seconds: float = 3.0
    tilt_degrees: float = 12.0
    shake_px: float = 4.0
    focus_sigma_px: tuple[float, float] = (0.5, 1.2)


class Stage:
    """The counter that a camera looks at, its light, and the camera's sensor."""

    def __init__(self, seed: int, *, noise_sigma: float = 5.0) -> None:
        """Set up.

        Args:
            noise_sigma: Of the sensor, grey levels of 255.
        """
        import cv2
        import numpy as np

        random = np.random.default_rng([seed, 1])
        direction = random.uniform(0, 2 * np.pi)
        x = np.linspace(-1, 1, WIDTH_PX, dtype=np.float32)[None, :] * np.float32(np.cos(direction))
        y = np.linspace(-1, 1, HEIGHT_PX, dtype=np.float32)[:, None] * np.float32(np.sin(direction))
        ramp = (x + y) / (abs(np.cos(direction)) + abs(np.sin(direction)))
        self.light: Light = (0.5 + 0.5 * (ramp + 1) / 2).astype(np.float32)[..., None]
        grain = random.normal(0, 7, size=(HEIGHT_PX // 24, 8)).astype(np.float32)
        wood = cv2.resize(grain, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)[..., None]
        self.counter: Light = ((np.array(_COUNTER_BGR, dtype=np.float32) + wood) * self.light).astype(np.float32)
        spare = (HEIGHT_PX + _SPARE_PX, WIDTH_PX + _SPARE_PX)
        self._noise = random.normal(0, noise_sigma, size=spare).round().astype(np.int16)[..., None].repeat(3, axis=2)

    def expose(self, scene: Light, random: np.random.Generator) -> Pixels:
        """What the sensor makes of a scene (BGR)."""
        import cv2
        import numpy as np

        top, left = random.integers(_SPARE_PX, size=2)
        noise = self._noise[top : top + HEIGHT_PX, left : left + WIDTH_PX]
        return np.asarray(cv2.add(scene, noise, dtype=cv2.CV_8U), dtype=np.uint8)

    def empty(self, seed: int) -> Pixels:
        """The counter with nothing on it; only the noise differs."""
        import numpy as np

        return self.expose(self.counter, np.random.default_rng([seed, 2]))


class Film:
    """One code held before the camera, from its coming to its leaving."""

    def __init__(self, token: str, settings: FilmSettings, *, stage: Stage | None = None) -> None:
        """Draw the thing and decide how it is held.

        Args:
            stage: Where it is filmed; one made of the seed by default.
        """
        import numpy as np

        self._settings = settings
        self._random = np.random.default_rng([settings.seed, 3, list(Kind).index(settings.kind)])
        self._stage = stage or Stage(settings.seed)
        self._thing = draw(settings.kind, token, self._random)
        self._hold = _Hold.of(settings, self._random)

    def __len__(self) -> int:
        return round(self._settings.seconds * FRAMES_PER_S)

    def frame(self, number: int) -> Pixels:
        """The frame of this number (BGR); the empty counter before the first and after the last."""
        import numpy as np

        random = np.random.default_rng([self._settings.seed, 4, max(0, number)])
        scene = self._stage.counter
        if 0 <= number < len(self):
            scene = scene.copy()
            self._put(scene, number / FRAMES_PER_S)
        return self._stage.expose(scene, random)

    def _put(self, scene: Light, at_s: float) -> None:
        """Draw the thing into the scene, within the rectangle that it takes."""
        import cv2
        import numpy as np

        view = self._hold.view(self._thing, at_s, self._settings.seconds)
        rows, columns = _rectangle(view, self._thing.outline.shape)
        if rows.stop <= rows.start or columns.stop <= columns.start:
            return
        size = (columns.stop - columns.start, rows.stop - rows.start)
        shift = np.array([[1, 0, -columns.start], [0, 1, -rows.start], [0, 0, 1]], dtype=np.float64)
        smear = self._hold.smear(at_s, self._settings.seconds)

        def seen(flat: Pixels) -> Light:
            warped = cv2.warpPerspective(flat, shift @ view, size, flags=cv2.INTER_LINEAR).astype(np.float32)
            soft = cv2.GaussianBlur(warped, (0, 0), self._hold.focus(at_s))
            smeared = soft if smear is None else cv2.filter2D(soft, -1, smear)
            return np.asarray(smeared, dtype=np.float32)

        thing = self._thing
        light: Light = self._stage.light[rows, columns]
        if thing.screen is not None:
            shining = seen(thing.screen)[..., None] / 255
            light = np.asarray(light * (1 - shining) + self._hold.screen_light(at_s, rows) * shining, dtype=np.float32)
        opaque = seen(thing.outline)[..., None] / 255
        lit = seen(cv2.bitwise_and(thing.picture, thing.picture, mask=thing.outline).astype(np.uint8)) * light
        lit += self._hold.glare(rows, columns) * opaque
        scene[rows, columns] = scene[rows, columns] * (1 - opaque) + lit


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hold:
    """How one customer holds one thing.

    Attributes:
        rest_px: Where the code is held.
        from_px: From where it comes, relative to there.
        angles: Pitch, yaw and roll, radians.
        waves: Of the hand, for x, y and the three angles: amplitude, frequency (Hz) and phase of three waves each.
        glare_at: Centre (pixels), radius (pixels) and strength (levels) of the reflected lamp.
    """

    module_px: float
    rest_px: tuple[float, float]
    from_px: tuple[float, float]
    angles: tuple[float, float, float]
    waves: NDArray[np.float64]
    exposure_s: float
    focus_px: float
    glare_at: tuple[float, float, float, float]
    brightness: float
    band: tuple[float, float]

    @classmethod
    def of(cls, settings: FilmSettings, random: np.random.Generator) -> _Hold:
        import numpy as np

        side = random.uniform(0, 2 * np.pi)
        rest = (WIDTH_PX / 2 + random.uniform(-200, 200), HEIGHT_PX / 2 + random.uniform(-80, 80))
        tilt = np.deg2rad(settings.tilt_degrees)
        pitch, yaw = np.clip(random.normal(0, tilt, size=2), -2.5 * tilt, 2.5 * tilt)
        amplitudes = np.array([settings.shake_px, settings.shake_px, 0.012, 0.012, 0.012])[:, None] * [1.0, 0.5, 0.2]
        hertz = random.uniform([0.5, 3, 7], [1.5, 5, 10], size=(5, 3))
        phases = random.uniform(0, 2 * np.pi, size=(5, 3))
        glossy = settings.kind is not Kind.PAPER and random.uniform() < 0.6
        away = random.uniform(20, 160), random.uniform(0, 2 * np.pi)
        return cls(
            module_px=random.uniform(*_MODULE_IN_FRAME_PX[settings.kind]),
            rest_px=rest,
            from_px=(1.1 * WIDTH_PX * np.cos(side), 1.1 * WIDTH_PX * np.sin(side)),
            angles=(float(pitch), float(yaw), float(random.normal(0, 0.25))),
            waves=np.stack([amplitudes, hertz, phases]),
            exposure_s=random.uniform(1 / 250, 1 / 50),
            focus_px=random.uniform(*settings.focus_sigma_px),
            glare_at=(
                rest[0] + away[0] * np.cos(away[1]),
                rest[1] + away[0] * np.sin(away[1]),
                random.uniform(25, 90),
                random.uniform(60, 220) if glossy else 0.0,
            ),
            brightness=random.uniform(0.5, 1.0),
            band=(random.uniform(0, 0.15), random.uniform(2, 9)),
        )

    def view(self, thing: Thing, at_s: float, seconds: float) -> Matrix:
        """The homography from the flat thing to the frame at a time: it turns around its code before a pinhole."""
        import numpy as np

        x, y, *turns = self._trembling(at_s)
        off = self._away(at_s, seconds)
        pitch, yaw, roll = (angle + turn for angle, turn in zip(self.angles, turns, strict=True))
        about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
        about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
        about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
        pose = about_x @ about_y @ about_z
        plane = np.column_stack([pose[:, 0], pose[:, 1], [0, 0, _DISTANCE_MODULES]])
        centre_x, centre_y = thing.code_centre
        to_modules = np.array(
            [[1 / MODULE_PX, 0, -centre_x / MODULE_PX], [0, 1 / MODULE_PX, -centre_y / MODULE_PX], [0, 0, 1]]
        )
        focal = self.module_px * _DISTANCE_MODULES
        lens = np.array(
            [
                [focal, 0, self.rest_px[0] + x + off * self.from_px[0]],
                [0, focal, self.rest_px[1] + y + off * self.from_px[1]],
                [0, 0, 1],
            ]
        )
        return np.asarray(lens @ plane @ to_modules, dtype=np.float64)

    def smear(self, at_s: float, seconds: float) -> NDArray[np.float32] | None:
        """The blur of motion while the shutter is open, as a kernel; None when nothing moves far enough to show."""
        import cv2
        import numpy as np

        before, after = self._place(at_s, seconds), self._place(at_s + self.exposure_s, seconds)
        way = np.array(after) - np.array(before)
        length = float(np.hypot(*way))
        if length < 1:
            return None
        half = way / length * min(length, _MOST_SMEAR_PX) / 2
        side = 2 * int(np.ceil(np.abs(half).max())) + 3
        middle = np.array([side // 2, side // 2])
        kernel = np.zeros((side, side), dtype=np.float32)
        start, end = ((middle + sign * half).round().astype(int).tolist() for sign in (-1, 1))
        cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA)
        return np.asarray(kernel / kernel.sum(), dtype=np.float32)

    def focus(self, at_s: float) -> float:
        """The lens finds its focus within half a second, and sometimes hunts a little."""
        import numpy as np

        return float(self.focus_px + 2.5 * np.exp(-at_s / 0.15) + 0.15 * max(0.0, np.sin(2.1 * at_s + self.angles[2])))

    def glare(self, rows: slice, columns: slice) -> Light:
        """A lamp, reflected; it stays where it is in the frame."""
        import numpy as np

        x, y, radius, strength = self.glare_at
        across = np.exp(-(((np.arange(columns.start, columns.stop) - x) / radius) ** 2))
        down = np.exp(-(((np.arange(rows.start, rows.stop) - y) / radius) ** 2))
        return (strength * down[:, None] * across[None, :]).astype(np.float32)[..., None]

    def screen_light(self, at_s: float, rows: slice) -> Light:
        """How bright a screen is by row: its refresh shows as bands that roll."""
        import numpy as np

        depth, hertz = self.band
        turns = np.arange(rows.start, rows.stop) / HEIGHT_PX * 1.5 + at_s * hertz
        bands = self.brightness * (1 - depth * (0.5 + 0.5 * np.sin(2 * np.pi * turns)))
        return bands.astype(np.float32)[:, None, None]

    def _place(self, at_s: float, seconds: float) -> tuple[float, float]:
        x, y, *_ = self._trembling(at_s)
        off = self._away(at_s, seconds)
        return x + off * self.from_px[0], y + off * self.from_px[1]

    def _trembling(self, at_s: float) -> list[float]:
        import numpy as np

        amplitudes, hertz, phases = self.waves
        sums: list[float] = (amplitudes * np.sin(2 * np.pi * hertz * at_s + phases)).sum(axis=1).tolist()
        return sums

    def _away(self, at_s: float, seconds: float) -> float:
        """1 outside the picture, 0 where it is held; smoothly between the two."""
        near = min(1.0, at_s / _MOVES_S, max(0.0, seconds - at_s) / _MOVES_S)
        return 1 - near * near * (3 - 2 * near)


def as_jpeg(frame: Pixels) -> bytes:
    """A frame as a network camera sends it."""
    import cv2

    _, encoded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return encoded.tobytes()


def _rectangle(view: Matrix, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The rows and columns of the frame that a flat thing takes, with room for its blur."""
    import numpy as np

    height, width = shape[:2]
    corners = view @ np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]])
    xs, ys = corners[0] / corners[2], corners[1] / corners[2]
    spare = _MOST_SMEAR_PX // 2 + 8
    rows = slice(max(0, int(ys.min()) - spare), min(HEIGHT_PX, int(ys.max()) + spare))
    columns = slice(max(0, int(xs.min()) - spare), min(WIDTH_PX, int(xs.max()) + spare))
    return rows, columns
