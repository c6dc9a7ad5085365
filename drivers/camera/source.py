"""Where frames come from: a folder of pictures that is watched, or a video file."""

import stat
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.camera.decode import Grey
from drivers.camera.size import Size, is_too_large, picture_size, why_too_large, why_too_large_french
from drivers.errors import DeviceGone, SetUpError

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp"})
_MOST_FILE_BYTES = 64 * 1_048_576

Picture = NDArray[np.uint8]


class Capture(Protocol):
    """What we need of `cv2.VideoCapture`, which one thread at a time may touch: a release during a read crashes."""

    def isOpened(self) -> bool:
        """Whether there is something to read."""
        ...

    def get(self, key: int) -> float:
        """What it knows of itself, by `cv2.CAP_PROP_…`; 0 when it doesn't."""
        ...

    def read(self) -> tuple[bool, Picture]:
        """Wait for the next picture; False when it can't be read, or there is none."""
        ...

    def release(self) -> None:
        """Give the camera back."""
        ...


def size_of(capture: Capture) -> Size:
    """The size of its pictures, by what it says before any of them is made."""
    return int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture.

    Attributes:
        origin: A file name or a frame number, for reports.
    """

    grey: Grey
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadablePicture:
    """A file of the folder that can't be read as a picture, or not yet. It is tried again when it changes.

    Attributes:
        why: Where it is more than damaged.
    """

    origin: str
    why: str = ""


class FrameSource(Protocol):
    """Something that gives frames one by one."""

    @property
    def name(self) -> str:
        """The camera's name in the settings, for messages."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether no frame will ever come again."""
        ...

    def next_frame(self) -> Frame | UnreadablePicture | None:
        """The next frame; None when there is none just now. May block for as long as a frame takes.

        Raises:
            DeviceGone: The camera, folder or file can't be read any more.
        """
        ...

    def close(self) -> None:
        """Give the device back; closing twice is fine."""
        ...


class PictureFolder:
    """A folder whose pictures, and those that are put there later, are frames in the order of their names.

    Write a picture under another suffix or a name with a leading dot, then rename it: a half-written one would be
    reported unreadable first.
    """

    has_ended = False

    def __init__(self, *, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._waiting: deque[Path] = deque()

    def next_frame(self) -> Frame | UnreadablePicture | None:
        """The next new picture; None when there is none just now.

        Raises:
            DeviceGone: The folder isn't there.
        """
        if not self._waiting:
            self._look()
        while self._waiting:
            path = self._waiting.popleft()
            try:
                grey = load_grey(path)
            except FileNotFoundError:
                continue  # taken away since
            except OSError:
                return UnreadablePicture(origin=path.name)
            except SetUpError as error:
                return UnreadablePicture(origin=path.name, why=str(error))
            return UnreadablePicture(origin=path.name) if grey is None else Frame(grey=grey, origin=path.name)
        return None

    def close(self) -> None:
        """Nothing is held open."""

    def _look(self) -> None:
        try:
            found = {path.name: _version(path) for path in self._folder.iterdir() if _is_picture(path)}
        except OSError as error:
            raise DeviceGone(f"{self.name}: can't read the folder {self._folder} ({error}). Create it.") from error
        new = sorted(name for name, version in found.items() if version and version != self._seen.get(name))
        self._seen = {name: version for name, version in found.items() if version}
        self._waiting.extend(self._folder / name for name in new)


def _capture_of(path: str) -> Capture:
    return cv2.VideoCapture(path)  # type: ignore[return-value]


class VideoFile:
    """The frames of a video at its own pace; it ends with the file. It may be closed while another thread reads it."""

    def __init__(
        self,
        *,
        name: str,
        path: Path,
        open_capture: Callable[[str], Capture] = _capture_of,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open it.

        Raises:
            DeviceGone: It isn't there or isn't a video.
            SetUpError: Its pictures are too large.
        """
        self.name = name
        self.has_ended = False
        self._number = 0
        self._one_at_a_time = threading.Lock()
        self._capture = open_capture(str(path))
        if not self._capture.isOpened():
            self._capture.release()
            raise DeviceGone(f"{name}: can't open the video {path}. Check that it exists and is a video.")
        if is_too_large(size := size_of(self._capture)):
            self._capture.release()
            raise SetUpError(f"{name}: the pictures of {path} have {why_too_large(size)}.")
        frames_per_s = self._capture.get(cv2.CAP_PROP_FPS)
        self._frame_s = 1 / frames_per_s if frames_per_s > 0 else 0.0
        self._monotonic_s = monotonic_s
        self._due_s = monotonic_s()

    def next_frame(self) -> Frame | None:
        """The next frame; None before its time, and at the end. Frames that are late come at once: none is left out."""
        if self._monotonic_s() < self._due_s:
            return None
        self._due_s += self._frame_s
        with self._one_at_a_time:
            there_is_one, picture = self._capture.read()
        if not there_is_one:
            self.has_ended = True
            return None
        self._number += 1
        grey: Grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        return Frame(grey=grey, origin=f"frame {self._number}")

    def close(self) -> None:
        """Give the file back, once the frame that is being read is there; closing twice is fine."""
        with self._one_at_a_time:
            self._capture.release()


def load_grey(path: Path) -> Grey | None:
    """Read a picture file; None when it isn't a whole one.

    Raises:
        OSError: The file can't be read.
        SetUpError: It is no file, or the picture is too large.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # a pipe or a device may never end
        raise SetUpError(
            f"{path} is no file: name a picture, PNG or JPEG.",
            french=f"{path} n'est pas un fichier : donnez une image, PNG ou JPEG.",
        )
    if status.st_size > _MOST_FILE_BYTES:
        most_mib = _MOST_FILE_BYTES // 1_048_576
        raise SetUpError(
            f"{path.name}: larger than {most_mib} MiB, make it smaller",
            french=f"{path.name} : plus de {most_mib} Mio, réduisez l'image.",
        )
    return read_grey(path.read_bytes())


def read_grey(data: bytes) -> Grey | None:
    """Decode the bytes of a picture file; None when it isn't a whole one.

    Raises:
        SetUpError: The picture is too large.
    """
    size = picture_size(data)
    if size is None:
        return None
    if is_too_large(size):
        raise SetUpError(f"The picture has {why_too_large(size)}.", french=f"L'image a {why_too_large_french(size)}.")
    try:
        picture = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        return None
    return None if picture is None else np.asarray(picture, dtype=np.uint8)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")


def _version(path: Path) -> tuple[int, int, int] | None:
    """Changes whenever a file is written or replaced; None when it is gone already."""
    try:
        entry = path.stat()
    except OSError:
        return None
    return (entry.st_ino, entry.st_mtime_ns, entry.st_size)
