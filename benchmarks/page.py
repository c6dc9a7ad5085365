"""The counter page: from a scan to its change beside a bare application, its weight, and its first paint."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from benchmarks.agent import BOX_PYTHON
from benchmarks.figures import Figure, Goal, ratio_of_99th, ratio_of_medians, spread
from hardware_sim.browser import NoBrowser, open_browser
from hardware_sim.programs import until
from hardware_sim.shop import VirtualShop
from hardware_sim.town import CARD, VOUCHER, VirtualTown

ROUNDS = 1_000
WARM_UP = 50
CARDS = 4
OPERATIONS = 20
"""As many as a page shows."""
PAINTS = 5
_PAINTED = """() => {
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  return paint && [performance.timeOrigin, paint.startTime];
}"""
KB = 1_000


def page_figures(folder: Path, *, python: str = BOX_PYTHON) -> list[Figure]:
    """Measure a shop in the middle of its day."""
    with VirtualTown(folder) as town:
        shop = town.found_shop("a", "Librairie des Halles", has_camera=False, embedded_in="http://127.0.0.1")
        shop.use_python(python)
        town.issue(VOUCHER, CARDS, "--face", "20,00", "--consign", shop.device)
        cards = [card.token for card in town.issue(CARD, CARDS)]
        town.start_central()
        shop.open()
        until(shop.grant, what="a grant")
        for number in range(OPERATIONS):
            shop.operate("earn", amount="23,50", code=cards[number % CARDS])
        until(lambda: not shop.status()["queue"]["unbooked_rows"], what="a quiet box")
        with _bare(folder / "bare.sqlite", python) as bare:
            box, floor = _measure(urlsplit(shop.url).netloc, bare, cards)
        return [*_change_goals(box, floor), weight_goal(), *_paint(shop)]


def weight_goal() -> Goal:
    """All the files of the page, uncompressed."""
    sizes = [
        entry.read_bytes()
        for entry in files("gateway.page").iterdir()
        if entry.is_file() and not entry.name.endswith(".py")
    ]
    return Goal(
        name="the counter page's weight",
        measured=sum(map(len, sizes)) / KB,
        at_most=150,
        unit="kB",
        detail=f"{len(sizes)} files, as they are",
    )


def _change_goals(box: list[float], floor: list[float]) -> list[Goal]:
    name = "scan → the page's change / bare POST, commit, frame"
    detail = f"box {spread(box)}, whose scan commits nothing; bare {spread(floor)}"
    return [
        Goal(name=f"{name}: median", measured=ratio_of_medians(box, floor), at_most=2.0, unit="×", detail=detail),
        Goal(name=f"{name}: p99", measured=ratio_of_99th(box, floor), at_most=2.0, unit="×", detail=detail),
    ]


def _measure(box: str, bare: str, cards: list[str]) -> tuple[list[float], list[float]]:
    """Seconds from a POST to the frame that shows it, in turn at the box and at its floor."""
    found: tuple[list[float], list[float]] = [], []
    with _Client(box) as at_box, _Client(bare) as at_bare:
        at_box.hear()
        for number in range(ROUNDS + WARM_UP):
            code = cards[number % CARDS]
            found[0].append(at_box.scan(code, _read_of))
            found[1].append(at_bare.scan(code, lambda frame: int(frame["number"])))
    return found[0][WARM_UP:], found[1][WARM_UP:]


def _read_of(frame: Any) -> int:  # noqa: ANN401 - JSON
    return max((int(read["number"]) for read in frame["screen"]["presented"]), default=0)


class _Client:
    """A till and a page in one, with a connection for each."""

    def __init__(self, address: str) -> None:
        self._http = http.client.HTTPConnection(address)
        self._page: ClientConnection = connect(f"ws://{address}/v1/screen/live")
        self._shown = 0

    def __enter__(self) -> _Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._page.close()
        self._http.close()

    def hear(self) -> str:
        """The next frame."""
        return str(self._page.recv())

    def scan(self, code: str, number: Callable[[Any], int]) -> float:
        """Seconds until the page is told of a new read."""
        body = json.dumps({"code": code})
        started = time.perf_counter()
        self._http.request("POST", "/v1/scans", body, {"Content-Type": "application/json"})
        while True:
            frame = self.hear()
            elapsed_s = time.perf_counter() - started
            if (shown := number(json.loads(frame))) > self._shown:
                break
        self._shown = shown
        answer = self._http.getresponse()
        answer.read()
        assert answer.status == http.HTTPStatus.OK
        return elapsed_s


@contextlib.contextmanager
def _bare(database: Path, python: str) -> Iterator[str]:
    process = subprocess.Popen(
        [python, "-m", "benchmarks.bare_page", str(database)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        yield f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()  # it has nothing to tidy up
        process.communicate()


def _paint(shop: VirtualShop) -> list[Figure]:
    """How long a page takes to show something, from its navigation and from the start of the box."""
    from_start, from_navigation = [], []
    try:
        with open_browser() as browser:
            for _ in range(PAINTS):
                shop.gateway.stop()
                with contextlib.closing(browser.new_context()) as context:
                    page = context.new_page()
                    started_at = time.time()
                    shop.gateway.start()
                    until(lambda: _is_open(shop.url), what="the box")
                    page.goto(shop.url)
                    origin_ms, paint_ms = until(lambda page=page: page.evaluate(_PAINTED), what="a first paint")  # type: ignore[misc]
                from_navigation.append(paint_ms / 1_000)
                from_start.append((origin_ms + paint_ms) / 1_000 - started_at)
    except NoBrowser as error:
        return [Figure(name="first paint", detail=str(error))]
    return [
        Figure(name="start of the box's process → first paint", detail=spread(from_start)),
        Figure(name="navigation → first paint", detail=spread(from_navigation)),
    ]


def _is_open(url: str) -> bool:
    parts = urlsplit(url)
    assert parts.hostname is not None and parts.port is not None
    with contextlib.closing(socket.create_connection((parts.hostname, parts.port), timeout=1)):
        return True
