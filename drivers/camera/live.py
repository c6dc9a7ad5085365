"""Cameras that film by themselves: on USB, or on the network."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

from drivers.camera.decode import Grey
from drivers.camera.size import Size, is_too_large, why_too_large
from drivers.camera.source import Capture, Frame, Picture, size_of
from drivers.errors import DeviceGone, DriverError, SetUpError

FROZEN_AFTER_S = 5.0
_OPENS_WITHIN_S = 8.0
_LOOK_S = 0.25
# A second of pictures: the first ones of many USB cameras, and any after a disturbance, can't be decoded
_MOST_FAILURES_IN_A_ROW = 15
# Of FFmpeg, which would wait for half a minute
_FFMPEG_PATIENCE_MS = 5_000
# Halving this costs our dense codes 22 points; 15 frames a second are enough to read a card that is held still
_WIDTH_PIXELS, _HEIGHT_PIXELS, _FRAMES_PER_S = 1_280, 720, 15


class LiveCamera:
    """The newest frame of a camera; what isn't taken in time is dropped.

    A thread of its own reads, and it alone touches the capture, so that a camera that hangs can be left to itself:
    its thread ends with its read, which the capture bounds.
    """

    has_ended = False

    def __init__(
        self,
        *,
        name: str,
        where: str,
        open_capture: Callable[[], Capture],
        monotonic_s: Callable[[], float] = time.monotonic,
        opens_within_s: float = _OPENS_WITHIN_S,
    ) -> None:
        """Open it and wait for its first picture.

        Args:
            where: The device or the address, without passwords, for messages.

        Raises:
            DeviceGone: It can't be opened, or sends nothing.
            SetUpError: Its pictures are too large.
        """
        self.name = name
        self._where = where
        self._open_capture = open_capture
        self._monotonic_s = monotonic_s
        self._news = threading.Condition()
        self._newest: Picture | None = None
        self._number = self._taken = 0
        self._filmed_at_s = monotonic_s()
        self._over: DriverError | None = None
        self._is_closing = False
        threading.Thread(target=self._film, name=f"camera {name}").start()
        with self._news:
            self._news.wait_for(lambda: self._number or self._over, timeout=opens_within_s)
            if self._number:
                return
            self._is_closing = True
            raise self._over or self._gone("sends no picture. Switch it off and on, and check its address.")

    def next_frame(self) -> Frame | None:
        """The newest frame that wasn't given yet; None when there is none just now. Blocks for a moment.

        Raises:
            DeviceGone: It sends no more pictures, or has sent none for a while.
            SetUpError: Its pictures are too large.
        """
        with self._news:
            self._news.wait_for(lambda: self._number != self._taken or self._over, timeout=_LOOK_S)
            if self._over is not None:
                raise self._over
            if self._number == self._taken:
                self._complain_when_frozen()
                return None
            picture, self._newest = self._newest, None
            self._taken = self._number
        assert picture is not None  # a new number comes with its picture
        return Frame(grey=self._grey(picture), origin=f"frame {self._taken}")

    def close(self) -> None:
        """Let the camera go, as soon as its read ends; closing twice is fine."""
        with self._news:
            self._is_closing = True

    def _complain_when_frozen(self) -> None:
        silent_s = self._monotonic_s() - self._filmed_at_s
        if silent_s >= FROZEN_AFTER_S:
            raise self._gone(f"has sent no new picture for {silent_s:.0f} s. Switch it off and on.")

    def _grey(self, picture: Picture) -> Grey:
        # Also here: a stream may change its size while it runs
        self._check_size((picture.shape[1], picture.shape[0]))
        return picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), dtype=np.uint8)

    def _check_size(self, size: Size) -> None:
        if is_too_large(size):
            raise SetUpError(f"{self.name}: its pictures have {why_too_large(size)}: set the camera to 1280 × 720.")

    def _gone(self, why: str) -> DeviceGone:
        return DeviceGone(f"{self.name}: {self._where} {why}")

    def _film(self) -> None:
        over: DriverError = self._gone("was closed.")
        try:
            capture = self._open_capture()
            try:
                over = self._read_all(capture)
            finally:
                capture.release()
        except cv2.error as error:
            over = self._gone(f"can't be read ({error}). Unplug it and plug it in again.")
        except SetUpError as error:
            over = error
        finally:
            with self._news:
                self._over = over
                self._news.notify_all()

    def _read_all(self, capture: Capture) -> DeviceGone:
        """Take pictures until there are no more; returns why.

        Raises:
            SetUpError: They are too large: none was made.
        """
        if not capture.isOpened():
            return self._gone(
                "can't be opened. Check that it is plugged in and switched on, and that no other program uses it."
            )
        self._check_size(size_of(capture))
        failures = 0
        while failures < _MOST_FAILURES_IN_A_ROW:
            there_is_one, picture = capture.read()
            failures = 0 if there_is_one else failures + 1
            with self._news:
                if self._is_closing:
                    return self._gone("was closed.")
                if there_is_one:
                    self._newest = picture
                    self._number += 1
                    self._filmed_at_s = self._monotonic_s()
                    self._news.notify_all()
        if self._number == 0:
            return self._gone("sends nothing that can be read. Set it to MJPEG or H.264 at 1280 × 720.")
        return self._gone("sends no more pictures. Check its cable and its power.")


def open_device(*, name: str, device: str) -> LiveCamera:
    """Open a camera of this machine, e.g. `/dev/video0`, its name under /dev/v4l/by-path, or its number.

    Raises:
        DeviceGone: It isn't there, is in use, or sends nothing.
    """
    return LiveCamera(name=name, where=device, open_capture=lambda: _open_v4l2(device))


def open_network(*, name: str, url: str) -> LiveCamera:
    """Open a network camera: MJPEG over http://, or rtsp://.

    Raises:
        DeviceGone: It doesn't answer, or sends nothing.
        SetUpError: The address is none.
    """
    try:
        where = _without_password(url)
    except ValueError as error:
        raise SetUpError(f"{name}: its address can't be used ({error}). Correct it in the settings.") from None
    return LiveCamera(name=name, where=where, open_capture=lambda: _open_ffmpeg(url))


def _open_v4l2(device: str) -> Capture:
    number_or_path = int(device) if device.isdecimal() else str(Path(device).resolve())
    capture = cv2.VideoCapture(number_or_path, cv2.CAP_V4L2)
    # Wishes: a camera that can't gives what it has. Raw pictures of this size don't fit through USB 2 fast enough.
    for key, wish in (
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, _WIDTH_PIXELS),
        (cv2.CAP_PROP_FRAME_HEIGHT, _HEIGHT_PIXELS),
        (cv2.CAP_PROP_FPS, _FRAMES_PER_S),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ):
        capture.set(key, wish)
    return capture  # type: ignore[return-value]


def _open_ffmpeg(url: str) -> Capture:
    patience = [
        *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _FFMPEG_PATIENCE_MS),
        *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, _FFMPEG_PATIENCE_MS),
    ]
    return cv2.VideoCapture(url, cv2.CAP_FFMPEG, patience)  # type: ignore[return-value]


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
