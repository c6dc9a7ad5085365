"""The playground over HTTP, as its page plays it: every part through its positions, and nothing runs when it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hardware_sim.counter_client import CounterClient
from hardware_sim.play.playground import CHOICES, Part
from hardware_sim.ports import free_loopback_port, listen_on
from hardware_sim.programs import until
from hardware_sim.shop import FILM, SCANNER
from hardware_sim.things import Kind

ROOT = Path(__file__).parents[3]
OPENS_WITHIN_S, ENDS_WITHIN_S = 240.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Game:
    """A playground that runs, in a session of its own."""

    process: subprocess.Popen[bytes]
    url: str

    def call(self, path: str, body: object = None) -> tuple[int, Any]:
        """The status and what was answered."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def put(self, part: Part, to: str) -> int:
        """Bring a part of the first shop into a position."""
        return self.call("/v1/put", {"shop": "a", "part": part.value, "to": to})[0]

    def position(self, part: Part) -> str:
        """Of a part of the first shop, as the page shows it."""
        return str(self.call("/v1/state")[1]["shops"][0]["parts"][part.value]["is"])

    def film(self, item: str, kind: Kind) -> None:
        """Hold a code before the first shop's camera, once the box looks through it."""
        until(self._looks, what="the camera to be ready")
        assert self.call("/v1/film", {"shop": "a", "item": item, "kind": kind.value})[0] == 204

    def scan(self, item: str) -> None:
        """Put a code under the first shop's scanner."""
        assert self.call("/v1/scan", {"shop": "a", "item": item})[0] == 204

    def read(self, device: str) -> int | None:
        """The number of what a device of the first shop read last; a box begins with 1 at each start."""
        presented = self.counter.get("/v1/counter")["presented"]
        return next((shown["number"] for shown in presented if shown["device"] == device), None)

    @property
    def counter(self) -> CounterClient:
        """The first shop's box."""
        return CounterClient(self.call("/v1/state")[1]["shops"][0]["counter"].rstrip("/"))

    def _looks(self) -> bool:
        devices = self.counter.get("/v1/status")["devices"]
        return any(device["name"] == FILM and device["state"] == "ready" for device in devices)

    def programs(self, name: str = "") -> list[str]:
        """The command lines of all its processes that name something."""
        lines = subprocess.run(
            ["ps", "-o", "args=", "--sid", str(self.process.pid)], capture_output=True, text=True, check=False
        ).stdout.splitlines()
        return [line for line in lines if name in line]


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Game]:
    port, log = free_loopback_port(), tmp_path_factory.mktemp("play") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hardware_sim.cli", "play", "--port", str(port)],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
            start_new_session=True,
        )
    try:
        until(lambda: b"Ctrl-C" in log.read_bytes(), what="the playground", within_s=OPENS_WITHIN_S)
        yield Game(process=process, url=f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(ENDS_WITHIN_S)


@pytest.mark.parametrize("part", Part)
def test_a_part_goes_through_its_positions(game: Game, part: Part) -> None:
    first, *others = CHOICES[part]

    for to in (*others, first):
        assert game.put(part, to) == 204
        assert game.position(part) == to


def test_a_part_that_is_put_where_it_is_stays_there(game: Game) -> None:
    before = game.programs("gateway.cli")

    for part in Part:
        assert game.put(part, game.position(part)) == 204

    assert len(before) == 2
    assert game.programs("gateway.cli") == before


def test_a_box_is_switched_on_without_its_scanner_and_camera(game: Game) -> None:
    for part in (Part.SCANNER, Part.CAMERA):
        assert game.put(part, "unplugged") == 204
    assert game.put(Part.BOX, "off") == 204
    assert len(game.programs("gateway.cli")) == 1

    assert game.put(Part.BOX, "on") == 204

    assert len(game.programs("gateway.cli")) == 2
    for part in (Part.SCANNER, Part.CAMERA):
        assert game.put(part, "plugged") == 204


@pytest.mark.parametrize("kind", Kind)
def test_a_code_is_read_by_the_camera_on_whatever_carries_it(game: Game, kind: Kind) -> None:
    before = game.read(FILM)

    game.film(f"card-{1 + list(Kind).index(kind)}", kind)

    until(lambda: game.read(FILM) != before, what="the camera to read it")


def test_after_a_power_cut_nothing_from_before_is_read(game: Game) -> None:
    game.film("card-4", Kind.PHONE)
    until(lambda: game.read(FILM), what="the camera to read it")
    game.put(Part.BOX, "off")
    game.scan("card-1")
    game.put(Part.BOX, "on")

    game.scan("card-2")
    until(lambda: game.read(SCANNER), what="the scanner to read it")

    assert game.read(SCANNER) == 1
    assert game.read(FILM) is None


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/scan", {"shop": "a", "item": "nothing"}, 404),
        ("/v1/film", {"shop": "nowhere", "item": "card-1", "kind": "card"}, 404),
        ("/v1/film", {"shop": "a", "item": "card-1", "kind": "tattoo"}, 422),
        ("/v1/put", {"shop": "a", "part": "paper", "to": "wet"}, 404),
        ("/v1/put", {"shop": "a", "part": "door", "to": "open"}, 422),
        ("/items/nothing.png", None, 404),
        ("/shops/a/receipts/77.png", None, 404),
        ("/page/nothing", None, 404),
    ],
    ids=["no code", "no shop", "no kind", "no position", "no part", "no picture", "no receipt", "no file"],
)
def test_what_is_not_there_is_said(game: Game, path: str, body: object, status: int) -> None:
    assert game.call(path, body)[0] == status


def test_nothing_can_be_held_before_a_camera_that_is_pulled(game: Game) -> None:
    game.put(Part.CAMERA, "unplugged")

    status, answer = game.call("/v1/film", {"shop": "a", "item": "card-1", "kind": "card"})

    game.put(Part.CAMERA, "plugged")
    assert status == 503
    assert "unplugged" in answer["detail"]


def test_nothing_runs_any_more_when_its_terminal_is_closed(game: Game) -> None:
    assert len(game.programs()) > 10

    os.kill(game.process.pid, signal.SIGHUP)

    assert game.process.wait(ENDS_WITHIN_S) == 0
    assert game.programs() == []
    listen_on(int(game.url.rpartition(":")[2])).close()
