"""Scanners and cameras put what they read on the counter; nothing that they do stops it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import cv2
import numpy as np
import segno
from numpy.typing import NDArray

from edge_config.settings import BoxSettings, CameraSettings, ScannerSettings
from gateway.devices import DeviceBoard
from gateway.words import Problem
from hardware_sim.scanner_pty import ScannerTwin
from tests.gateway.playing import run_devices, until
from tests.gateway.world import Box


def with_scanners(box: Box, *paths: Path) -> BoxSettings:
    scanners = tuple(ScannerSettings(name=f"scanner-{number}", device=path) for number, path in enumerate(paths))
    return BoxSettings(data_dir=box.folder, scanners=scanners)


def test_a_scanner_puts_its_read_on_the_counter(box: Box, tmp_path: Path) -> None:
    async def play(_: DeviceBoard) -> None:
        await scanner.host_listening()
        await scanner.scan(box.central.card(1), symbology="]Q1")
        await until(lambda: box.desk.latest is not None)

    with ScannerTwin(tmp_path / "tty") as scanner:
        run_devices(box, with_scanners(box, scanner.path), play)

    assert box.desk.latest is not None
    assert box.desk.latest.code == box.desk.resolve(box.central.card(1))
    assert box.desk.latest.device == "scanner-0"


def test_ten_thousand_bytes_without_an_end_are_said_once_and_the_next_read_is_good(box: Box, tmp_path: Path) -> None:
    async def play(_: DeviceBoard) -> None:
        await scanner.host_listening()
        await scanner.type_bytes(b"x" * 10_000)
        await until(lambda: box.desk.latest is not None)
        problem = box.desk.latest.problem if box.desk.latest else None
        assert problem is not None
        assert problem.problem is Problem.GARBLED_SCAN
        assert "scanner-0" in problem.say("fr")
        await scanner.type_bytes(b"\r")
        await scanner.scan(box.central.card(1))
        await until(lambda: box.desk.latest is not None and box.desk.latest.code is not None)

    with ScannerTwin(tmp_path / "tty") as scanner:
        run_devices(box, with_scanners(box, scanner.path), play)

    assert box.desk.latest is not None
    assert box.desk.latest.number == 2


def test_two_scanners_at_once(box: Box, tmp_path: Path) -> None:
    async def play(_: DeviceBoard) -> None:
        await left.host_listening()
        await right.host_listening()
        await asyncio.gather(left.scan(box.central.card(1)), right.scan(box.central.card(2)))
        await until(lambda: len(box.desk.placed) == 2)

    with ScannerTwin(tmp_path / "left") as left, ScannerTwin(tmp_path / "right") as right:
        run_devices(box, with_scanners(box, left.path, right.path), play)

    read = {placed.device: placed.code for placed in box.desk.placed}
    assert read == {
        "scanner-0": box.desk.resolve(box.central.card(1)),
        "scanner-1": box.desk.resolve(box.central.card(2)),
    }


def test_a_held_trigger_is_one_scan(box: Box, tmp_path: Path) -> None:
    async def play(_: DeviceBoard) -> None:
        await scanner.host_listening()
        for _again in range(3):
            await scanner.scan(box.central.card(1))
        await scanner.scan(box.central.card(2))
        await until(lambda: box.desk.latest is not None and box.desk.latest.code == second)

    second = box.desk.resolve(box.central.card(2))
    with ScannerTwin(tmp_path / "tty") as scanner:
        run_devices(box, with_scanners(box, scanner.path), play)

    assert box.desk.latest is not None
    assert box.desk.latest.number == 2


def test_a_scanner_comes_back_after_it_was_unplugged(box: Box, tmp_path: Path) -> None:
    async def play(board: DeviceBoard) -> None:
        await scanner.host_listening()
        scanner.unplug()
        await until(lambda: board.states["scanner-0"] == "gone")
        assert "scanner-0" in board.reports["scanner-0"].message
        scanner.replug()
        await scanner.host_listening()
        await scanner.scan(box.central.card(1))
        await until(lambda: box.desk.latest is not None)

    with ScannerTwin(tmp_path / "tty") as scanner:
        run_devices(box, with_scanners(box, scanner.path), play)


def picture_of(code: str) -> NDArray[np.uint8]:
    """A QR code as a camera would see it, straight and sharp."""
    modules = np.array(list(segno.make(code, error="m").matrix_iter(scale=6, border=4)), dtype=np.uint8)
    return np.asarray((1 - modules) * 255, dtype=np.uint8)


def test_a_camera_reads_pictures_and_skips_what_is_none(box: Box, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.png").write_bytes(b"no picture")
    cv2.imwrite(str(pictures / "b.png"), picture_of(box.central.token(7)))

    async def play(board: DeviceBoard) -> None:
        await until(lambda: box.desk.latest is not None)
        assert board.states["camera"] == "ready"

    settings = BoxSettings(data_dir=box.folder, cameras=(CameraSettings(name="camera", folder=pictures),))
    run_devices(box, settings, play)

    assert box.desk.latest is not None
    assert box.desk.latest.code == box.desk.resolve(box.central.token(7))
