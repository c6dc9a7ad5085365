"""Frames from a watched folder and from a video file."""

import itertools
import os
import struct
import threading
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.camera.source import Frame, Picture, PictureFolder, UnreadablePicture, VideoFile
from drivers.errors import DeviceGone, SetUpError

SOON_S = 10.0


def png(shade: int) -> bytes:
    whole, data = cv2.imencode(".png", np.full((4, 6), shade, dtype=np.uint8))
    assert whole
    return data.tobytes()


def put(folder: Path, name: str, data: bytes) -> None:
    """Write aside, then rename, as every careful writer does."""
    aside = folder / f".{name}"
    aside.write_bytes(data)
    aside.rename(folder / name)


def origins_in(source: PictureFolder) -> list[str]:
    origins: list[str] = []
    while (frame := source.next_frame()) is not None:
        origins.append(frame.origin)
    return origins


@pytest.fixture
def source(tmp_path: Path) -> PictureFolder:
    return PictureFolder(name="counter camera", folder=tmp_path)


def test_a_picture_is_a_grey_frame(source: PictureFolder, tmp_path: Path) -> None:
    put(tmp_path, "a.png", png(200))

    frame = source.next_frame()

    assert isinstance(frame, Frame)
    assert frame.grey.shape == (4, 6)
    assert frame.grey.dtype == np.uint8
    assert int(frame.grey[0, 0]) == 200


def test_pictures_come_in_the_order_of_their_names_and_once(source: PictureFolder, tmp_path: Path) -> None:
    for name in ("b.png", "c.png", "a.png"):
        put(tmp_path, name, png(0))

    assert origins_in(source) == ["a.png", "b.png", "c.png"]
    assert origins_in(source) == []


def test_new_pictures_become_frames(source: PictureFolder, tmp_path: Path) -> None:
    put(tmp_path, "b.png", png(0))
    assert origins_in(source) == ["b.png"]

    put(tmp_path, "a.png", png(0))

    assert origins_in(source) == ["a.png"]
    assert not source.has_ended


def test_a_picture_that_was_replaced_is_a_new_frame(source: PictureFolder, tmp_path: Path) -> None:
    put(tmp_path, "a.png", png(0))
    assert origins_in(source) == ["a.png"]

    put(tmp_path, "a.png", png(255))

    assert origins_in(source) == ["a.png"]


def test_a_picture_that_was_written_over_in_place_is_a_new_frame(source: PictureFolder, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(png(0))
    assert origins_in(source) == ["a.png"]

    os.utime(picture, ns=(1, 1))

    assert origins_in(source) == ["a.png"]


def test_other_files_and_hidden_ones_are_left_alone(source: PictureFolder, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / ".a.png").write_bytes(png(0)[:20])

    assert origins_in(source) == []


@pytest.mark.parametrize("data", [b"", b"not a picture"], ids=["empty", "something else"])
def test_an_unreadable_picture_is_reported_once_and_tried_again_when_it_changes(
    source: PictureFolder, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "a.png").write_bytes(data)
    assert source.next_frame() == UnreadablePicture(origin="a.png")
    assert source.next_frame() is None

    (tmp_path / "a.png").write_bytes(png(0))

    assert isinstance(source.next_frame(), Frame)


def hostile_png(width: int, height: int) -> bytes:
    """A few bytes that claim to be an enormous picture."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def test_an_enormous_picture_is_refused_in_words_and_the_next_one_is_read(
    source: PictureFolder, tmp_path: Path
) -> None:
    put(tmp_path, "a.png", hostile_png(20_000, 20_000))
    put(tmp_path, "b.png", png(0))

    refused = source.next_frame()

    assert isinstance(refused, UnreadablePicture)
    assert "20000 × 20000 pixels: at most 50 million are read" in refused.why
    assert isinstance(source.next_frame(), Frame)


def test_an_enormous_file_is_not_even_opened(source: PictureFolder, tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(1 << 40)

    refused = source.next_frame()

    assert isinstance(refused, UnreadablePicture)
    assert "larger than 64 MiB" in refused.why


def test_a_picture_that_is_taken_away_is_passed_over(source: PictureFolder, tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        put(tmp_path, name, png(0))
    source.next_frame()
    (tmp_path / "b.png").unlink()

    assert origins_in(source) == ["c.png"]


def test_a_folder_that_is_not_there_is_a_camera_that_is_gone(tmp_path: Path) -> None:
    source = PictureFolder(name="counter camera", folder=tmp_path / "frames")

    with pytest.raises(DeviceGone, match=r"counter camera: can't read the folder .* Create it"):
        source.next_frame()


def test_a_video_gives_its_frames_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "counter.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for shade in (0, 100, 200):
        writer.write(np.full((48, 64, 3), shade, dtype=np.uint8))
    writer.release()

    video = VideoFile(name="counter camera", path=path, monotonic_s=itertools.count().__next__)
    frames = [video.next_frame(), video.next_frame(), video.next_frame()]

    assert [frame.origin for frame in frames if frame is not None] == ["frame 1", "frame 2", "frame 3"]
    assert not video.has_ended
    assert video.next_frame() is None
    assert video.has_ended
    video.close()


class Reel:
    """A capture that holds its first read until it is told to go on."""

    def __init__(self, _: str) -> None:
        self.done: list[str] = []
        self.reads, self.goes_on = threading.Event(), threading.Event()

    def isOpened(self) -> bool:
        return True

    def get(self, _: int) -> float:
        return 4.0  # pixels wide, pixels high, pictures a second

    def read(self) -> tuple[bool, Picture]:
        self.reads.set()
        self.goes_on.wait(SOON_S)
        self.done.append("read")
        return True, np.zeros((4, 4, 3), dtype=np.uint8)

    def release(self) -> None:
        self.done.append("release")


def test_a_video_that_is_closed_during_a_read_is_given_back_after_it(tmp_path: Path) -> None:
    reel = Reel("")
    video = VideoFile(name="counter camera", path=tmp_path, open_capture=lambda _: reel)
    reader, closer = threading.Thread(target=video.next_frame), threading.Thread(target=video.close)

    reader.start()
    assert reel.reads.wait(SOON_S)
    closer.start()
    closer.join(0.1)  # would be enough to go wrong
    reel.goes_on.set()
    reader.join()
    closer.join()

    assert reel.done == ["read", "release"]


def test_a_video_keeps_its_pace_and_leaves_no_frame_out(tmp_path: Path) -> None:
    reel, now_s = Reel(""), 100.0
    reel.goes_on.set()
    video = VideoFile(name="counter camera", path=tmp_path, open_capture=lambda _: reel, monotonic_s=lambda: now_s)

    def frames_given() -> int:
        return len(list(iter(video.next_frame, None)))

    assert frames_given() == 1
    now_s += 0.2
    assert frames_given() == 0
    now_s += 0.9
    assert frames_given() == 4


def test_a_video_that_is_none_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "counter.avi"
    path.write_bytes(b"not a video")

    with pytest.raises(DeviceGone, match=r"counter camera: can't open the video"):
        VideoFile(name="counter camera", path=path)


def test_an_enormous_video_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "counter.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (16_000, 3_200))
    writer.write(np.zeros((3_200, 16_000, 3), dtype=np.uint8))
    writer.release()

    with pytest.raises(SetUpError, match=r"counter camera: the pictures of .* have 16000 × 3200 pixels"):
        VideoFile(name="counter camera", path=path)
