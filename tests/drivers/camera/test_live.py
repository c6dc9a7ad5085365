"""A camera that films by itself: its newest frame, and what is said when there is none."""

import threading
from collections.abc import Callable, Iterator
from enum import Enum
from queue import Queue

import cv2
import numpy as np
import pytest

from drivers.camera.live import FROZEN_AFTER_S, LiveCamera, open_device, open_network
from drivers.camera.source import Frame, Picture
from drivers.errors import DeviceGone, SetUpError

SOON_S = 10.0


class End(Enum):
    """What no picture can be made of."""

    DAMAGED = "one picture"
    NO_MORE = "all that come"


class Film:
    """A capture that blocks until it is given a picture, as a camera does."""

    def __init__(self, size: tuple[int, int] = (6, 4)) -> None:
        self.released = threading.Event()
        self.reads = 0
        self._size = {cv2.CAP_PROP_FRAME_WIDTH: size[0], cv2.CAP_PROP_FRAME_HEIGHT: size[1]}
        self._given: Queue[Picture | cv2.error | End] = Queue()
        self._end: End | None = None

    def give(self, picture: Picture | cv2.error | End) -> None:
        """Film this."""
        self._given.put(picture)

    def give_and_wait(self, picture: Picture) -> None:
        """Film this, and wait until it was taken over."""
        self.give(picture)
        self._given.join()

    def isOpened(self) -> bool:
        return True

    def get(self, key: int) -> float:
        return float(self._size[key])

    def read(self) -> tuple[bool, Picture]:
        if self._end is End.NO_MORE:
            return False, shade(0)
        if self.reads:
            self._given.task_done()  # the one before was taken over
        picture = self._given.get()
        self.reads += 1
        if isinstance(picture, cv2.error):
            raise picture
        if isinstance(picture, End):
            self._end = picture
            return False, shade(0)
        return True, picture

    def release(self) -> None:
        self.released.set()


class Nothing(Film):
    """A capture that couldn't be opened."""

    def isOpened(self) -> bool:
        return False


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def shade(level: int) -> Picture:
    return np.full((4, 6, 3), level, dtype=np.uint8)


@pytest.fixture
def film() -> Iterator[Film]:
    film = Film()
    yield film
    film.give(End.NO_MORE)  # end the thread, whatever it waits for
    assert film.released.wait(SOON_S)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def filming(film: Film, clock: Callable[[], float]) -> LiveCamera:
    """A camera whose first picture is black, and taken."""
    film.give(shade(0))
    camera = LiveCamera(name="counter", where="/dev/video0", open_capture=lambda: film, monotonic_s=clock)
    assert isinstance(camera.next_frame(), Frame)
    return camera


def test_a_picture_is_a_grey_frame(film: Film, clock: Clock) -> None:
    camera = filming(film, clock)

    film.give(shade(200))
    frame = camera.next_frame()

    assert frame is not None
    assert frame.grey.shape == (4, 6)
    assert int(frame.grey[0, 0]) == 200


def test_only_the_newest_frame_counts(film: Film, clock: Clock) -> None:
    camera = filming(film, clock)

    for level in (10, 20, 30):
        film.give_and_wait(shade(level))
    frame = camera.next_frame()

    assert frame is not None
    assert (int(frame.grey[0, 0]), frame.origin) == (30, "frame 4")
    assert camera.next_frame() is None


def test_a_camera_that_films_in_grey_is_fine(film: Film, clock: Clock) -> None:
    camera = filming(film, clock)

    film.give(np.full((4, 6), 70, dtype=np.uint8))
    frame = camera.next_frame()

    assert frame is not None
    assert frame.grey.shape == (4, 6)


def test_a_frozen_camera_is_gone(film: Film, clock: Clock) -> None:
    camera = filming(film, clock)

    clock.now_s += FROZEN_AFTER_S - 0.1
    assert camera.next_frame() is None
    clock.now_s += 0.1
    with pytest.raises(
        DeviceGone, match=r"counter: /dev/video0 has sent no new picture for 5 s\. Switch it off and on"
    ):
        camera.next_frame()


def test_an_unplugged_camera_is_gone_and_given_back(film: Film, clock: Clock) -> None:
    camera = filming(film, clock)

    film.give(End.NO_MORE)

    with pytest.raises(DeviceGone, match=r"counter: /dev/video0 sends no more pictures\. Check its cable"):
        while camera.next_frame() is None:
            pass
    assert film.released.wait(SOON_S)


def test_a_picture_that_can_not_be_decoded_is_passed_over(film: Film, clock: Clock) -> None:
    film.give(End.DAMAGED)  # as the first of many USB cameras
    camera = filming(film, clock)

    film.give(End.DAMAGED)
    film.give(shade(200))
    frame = camera.next_frame()

    assert frame is not None
    assert int(frame.grey[0, 0]) == 200


def test_what_opencv_can_not_do_is_said(film: Film, clock: Clock) -> None:
    camera = filming(film, clock)

    film.give(cv2.error("broken picture"))

    with pytest.raises(DeviceGone, match=r"can't be read \(broken picture\)"):
        while camera.next_frame() is None:
            pass


def test_a_camera_that_is_not_there_is_gone() -> None:
    with pytest.raises(DeviceGone, match=r"counter: /dev/video9 can't be opened\. Check that it is plugged in"):
        LiveCamera(name="counter", where="/dev/video9", open_capture=Nothing)


def test_a_camera_that_opens_and_sends_nothing_is_gone(film: Film) -> None:
    with pytest.raises(DeviceGone, match=r"counter: /dev/video0 sends no picture\."):
        LiveCamera(name="counter", where="/dev/video0", open_capture=lambda: film, opens_within_s=0.01)


def test_a_camera_that_sends_no_pictures_is_said(film: Film) -> None:
    film.give(End.NO_MORE)

    with pytest.raises(DeviceGone, match=r"counter: /dev/video0 sends nothing that can be read\. Set it to MJPEG"):
        LiveCamera(name="counter", where="/dev/video0", open_capture=lambda: film)


def test_a_camera_whose_pictures_are_enormous_is_refused_before_one_is_made() -> None:
    film = Film(size=(16_000, 16_000))

    with pytest.raises(SetUpError, match=r"counter: its pictures have 16000 × 16000 pixels: at most 50 million"):
        LiveCamera(name="counter", where="/dev/video0", open_capture=lambda: film)

    assert film.released.wait(SOON_S)
    assert film.reads == 0


def test_a_hostile_picture_is_refused_in_words(film: Film, clock: Clock) -> None:
    camera = filming(film, clock)

    film.give(np.broadcast_to(np.uint8(0), (20_000, 20_000, 3)))

    with pytest.raises(SetUpError, match=r"counter: its pictures have 20000 × 20000 pixels: at most 50 million"):
        while camera.next_frame() is None:
            pass


def test_a_closed_camera_is_given_back_with_its_next_picture(film: Film, clock: Clock) -> None:
    camera = filming(film, clock)

    camera.close()
    camera.close()
    film.give(shade(1))

    assert film.released.wait(SOON_S)


@pytest.mark.parametrize("device", ["/dev/no-camera", "63"])
def test_a_device_that_does_not_exist_is_gone(device: str) -> None:
    with pytest.raises(DeviceGone, match=f"counter: {device} can't be opened"):
        open_device(name="counter", device=device)


def test_passwords_are_not_told() -> None:
    with pytest.raises(DeviceGone) as caught:
        open_network(name="counter", url="http://admin:secret@127.0.0.1:1/video?token=secret")

    assert "http://127.0.0.1:1/video can't be opened" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_address_that_is_none_needs_a_person() -> None:
    with pytest.raises(SetUpError, match="counter: its address can't be used"):
        open_network(name="counter", url="http://[camera/")
