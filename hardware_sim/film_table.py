"""How well and how fast the box's decoder reads filmed codes.

Every frame goes through JPEG, as on its way from a network camera. A clip counts from the frame in which its thing
begins to come in, so that the first half second is motion blur.
"""

from __future__ import annotations

import csv
import io
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from hardware_sim.files import write_atomically
from hardware_sim.film import FRAMES_PER_S, HEIGHT_PX, WIDTH_PX, Film, FilmSettings, as_jpeg
from hardware_sim.things import Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from drivers.camera.decode import Decoder

WITHIN_FRAMES = (15, 30, 45)
_BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"  # RFC 9285, table 1
_TOKEN_LENGTH = 165


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One filmed code.

    Attributes:
        read_after: Frames until its exact payload was read, 1 for the first; None when it never was.
        wrong: Frames before that in which anything else was read.
        frame_ms: Time of decoding, frame by frame.
    """

    kind: Kind
    seed: int
    read_after: int | None
    wrong: int
    frame_ms: tuple[float, ...]


def film_clips(*, clips: int, seed: int = 1) -> Iterator[Clip]:
    """Film so many codes of each kind and let the box's decoder look at them, until it has read them."""
    from drivers.camera.decode import GatedDecoder
    from drivers.camera.still import StillDecoder

    for kind in Kind:
        for number in range(seed, seed + clips):
            yield _watch(kind, number, StillDecoder(GatedDecoder()))


def report(clips: Iterable[Clip], *, out: Path) -> str:
    """Write film.csv; return the table as text."""
    told = list(clips)
    lines = [_row(kind, [clip for clip in told if clip.kind is kind]) for kind in Kind]
    write_atomically(out / "film.csv", _csv(told).encode())
    within = "".join(f"  within {frames}" for frames in WITHIN_FRAMES)
    return "\n".join([f"kind   clips{within}  wrong  median ms  p95 ms", *lines])


def save_film(kind: Kind, seed: int, path: Path) -> None:
    """Write a clip as a video, to look at or to put before a box as a camera."""
    import cv2

    film = Film(token_of(seed), FilmSettings(kind=kind, seed=seed))
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), float(FRAMES_PER_S), (WIDTH_PX, HEIGHT_PX))
    for number in range(len(film)):
        writer.write(film.frame(number))
    writer.release()


def token_of(seed: int) -> str:
    """Letters of the look and the length of a token."""
    return "CPT1:" + "".join(random.Random(seed).choices(_BASE45, k=_TOKEN_LENGTH - 5))


def _watch(kind: Kind, seed: int, decoder: Decoder) -> Clip:
    token = token_of(seed)
    film = Film(token, FilmSettings(kind=kind, seed=seed))
    wrong, frame_ms = 0, []
    read_after = None
    for number in range(len(film)):
        grey = _through_jpeg(film.frame(number))
        started_s = time.perf_counter()
        payloads = {code.payload for code in decoder.decode(grey)}
        frame_ms.append((time.perf_counter() - started_s) * 1_000)
        wrong += bool(payloads - {token})
        if token in payloads:
            read_after = number + 1
            break
    return Clip(kind=kind, seed=seed, read_after=read_after, wrong=wrong, frame_ms=tuple(frame_ms))


def _through_jpeg(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2
    import numpy as np

    return np.asarray(cv2.imdecode(np.frombuffer(as_jpeg(frame), dtype=np.uint8), cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def _row(kind: Kind, clips: list[Clip]) -> str:
    times_ms = [frame_ms for clip in clips for frame_ms in clip.frame_ms]
    shares = ""
    for frames in WITHIN_FRAMES:
        share = sum(clip.read_after is not None and clip.read_after <= frames for clip in clips) / len(clips)
        shares += f"  {share:>9.1%}"
    slow_ms = quantiles(times_ms, n=20)[-1]
    wrong = sum(clip.wrong for clip in clips)
    return f"{kind.value:<6} {len(clips):>5}{shares}  {wrong:>5}  {median(times_ms):>9.1f}  {slow_ms:>6.1f}"


def _csv(clips: list[Clip]) -> str:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(("kind", "seed", "read_after_frames", "wrong_frames", "median_ms"))
    for clip in clips:
        after = "" if clip.read_after is None else clip.read_after
        table.writerow((clip.kind.value, clip.seed, after, clip.wrong, f"{median(clip.frame_ms):.2f}"))
    return text.getvalue()
