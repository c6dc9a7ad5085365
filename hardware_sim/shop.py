"""A virtual shop: a real box with its scanner, camera, printer and cuttable links, every one a process."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

from hardware_sim.control import ControlClient
from hardware_sim.counter_client import CounterClient, Json
from hardware_sim.errors import StoryError
from hardware_sim.photo import PhotoSettings, take_photograph
from hardware_sim.ports import free_loopback_port
from hardware_sim.programs import Program, run_once, until
from hardware_sim.things import Kind

SCANNER, CAMERA, FILM = "douchette", "camera", "webcam"
SAME_CODE_AGAIN_S = 2.5

_SETTINGS = """
data_dir = "box"
language = "fr"
broker = "mqtt://127.0.0.1:{broker_port}"
central = "http://127.0.0.1:{central_port}"

[api]
port = {api_port}
embedded_in = [{embedded_in}]

[[scanners]]
name = "douchette"
device = "{scanner}"

[printer]
name = "imprimante"
host = "127.0.0.1"
port = {printer_port}
"""
_CAMERA_SETTINGS = """
[[cameras]]
name = "camera"
folder = "{pictures}"
"""
_FILM_SETTINGS = """
[[cameras]]
name = "webcam"
url = "{url}"
"""


class VirtualShop:
    """One shop of the virtual town."""

    def __init__(
        self,
        shop: str,
        *,
        folder: Path,
        broker_port: int,
        central_port: int,
        has_camera: bool = True,
        films: bool = False,
        embedded_in: str | None = None,
    ) -> None:
        """Set up, without starting.

        Args:
            shop: Shop id; its box is `box-{shop}`.
            folder: Everything of this shop; its path must be short, for Unix sockets.
            has_camera: It watches the folder `pictures`; a box without one starts sooner.
            films: A network camera is above the counter.
            embedded_in: Origin whose page shows the counter in a frame.
        """
        self.shop = shop
        self.device = f"box-{shop}"
        self.folder = folder
        self.receipts = folder / "receipts"
        self.pictures = folder / "pictures"
        self.settings = folder / "comptoir.toml"
        self._has_camera = has_camera
        self._films = films
        self._embedded_in = embedded_in
        # A page that stays open needs the box at the same place after a restart.
        self._api_port = free_loopback_port() if embedded_in is not None else 0
        self._targets = {"broker-link": broker_port, "central-link": central_port}
        self._twins: dict[str, ControlClient] = {}
        self._read: dict[tuple[str, str], float] = {}
        self._programs: dict[str, Program] = {}
        self.gateway = self._gateway(sys.executable)

    def use_python(self, python: str) -> None:
        """Run the box with another environment's libraries, from its next start on."""
        self.gateway = self._gateway(python)

    @property
    def journal(self) -> Path:
        """The box's journal."""
        return self.folder / "box" / "journal.sqlite"

    @property
    def url(self) -> str:
        """Where the counter page is, for as long as the settings name its port."""
        return f"http://127.0.0.1:{self._api_port}/"

    @property
    def counter(self) -> CounterClient:
        """The box's local API, wherever its last start put it."""
        api: Json = json.loads((self.folder / "box" / "api.json").read_text())
        return CounterClient(api["url"])

    def install(self) -> None:
        """Plug the devices in and write the settings."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        scanner = self.folder / "scanner"
        self._start_twin("scanner", ["scanner", "--device", str(scanner)])
        self._start_twin("printer", ["printer", "--output", str(self.receipts)])
        for name, port in self._targets.items():
            self._start_twin(name, ["link", "--target-port", str(port)])
        settings = _SETTINGS.format(
            broker_port=self.twin("broker-link").do("state")["port"],
            central_port=self.twin("central-link").do("state")["port"],
            scanner=scanner,
            printer_port=self.twin("printer").do("state")["port"],
            api_port=self._api_port,
            embedded_in="" if self._embedded_in is None else f'"{self._embedded_in}"',
        )
        if self._has_camera:
            settings += _CAMERA_SETTINGS.format(pictures=self.pictures)
        if self._films:
            self._start_twin(FILM, ["camera"])
            settings += _FILM_SETTINGS.format(url=self.twin(FILM).do("state")["url"])
        self.settings.write_text(settings)

    def twin(self, name: str) -> ControlClient:
        """The control of a device or link."""
        return self._twins[name]

    def request_enrolment(self) -> Path:
        """Make the box's keys and what it shows to central."""
        request = self.folder / "request.json"
        self.run("enrol", "request", "--out", str(request))
        return request

    def accept_enrolment(self, enrolment: Path) -> None:
        """Give the box what central answered."""
        self.run("enrol", "accept", str(enrolment))

    def run(self, *arguments: str) -> str:
        """Run a `comptoir` command of this box.

        Raises:
            ProgramError: It failed.
        """
        return run_once("gateway.cli", [*arguments, "--config", str(self.settings)])

    def open(self) -> None:
        """Start the box and wait until its counter answers and its scanner is heard, if it is plugged in.

        Raises:
            SimulatorError: It couldn't be opened: it was ended again.
        """
        (self.folder / "box" / "api.json").unlink(missing_ok=True)
        self.gateway.start()
        with ExitStack() as opened:
            opened.callback(self.gateway.stop)
            self.gateway.wait_ready(self.status)
            if self.twin("scanner").do("state")["plugged"]:
                self.twin("scanner").do("wait_host")
            opened.pop_all()

    def cut_off(self) -> None:
        """Pull the network: broker and central at once."""
        for name in self._targets:
            self.twin(name).do("cut")

    def reconnect(self) -> None:
        """Plug the network in again."""
        for name in self._targets:
            self.twin(name).do("restore")

    def scan(self, payload: str) -> Json:
        """Put a code under the hand scanner and return what the counter shows for it."""
        before = self._ready_to_read(SCANNER, payload)
        self.twin("scanner").do("scan", payload=payload, symbology="]Q1")
        return self._shown_after(SCANNER, payload, before)

    def photograph(self, picture: Path, *, seed: int) -> Json:
        """Hold a photograph of a receipt before the camera and return what the counter shows for it."""
        before = self._ready_to_read(CAMERA, str(picture))
        take_photograph(
            picture=picture, into=self.pictures, name=f"photo-{seed}.jpg", settings=PhotoSettings(seed=seed)
        )
        return self._shown_after(CAMERA, str(picture), before)

    def film(self, payload: str, *, kind: Kind, seed: int) -> Json:
        """Hold a code before the network camera and return what the counter shows for it."""
        before = self._ready_to_read(FILM, payload)
        self.twin(FILM).do("wait_viewer")
        self.twin(FILM).do("show", token=payload, kind=kind.value, seed=seed)
        return self._shown_after(FILM, payload, before)

    def operate(self, kind: str, *, key: UUID | None = None, **details: str) -> Json:
        """Ask the counter for an operation on what lies there; the answer says whether it was accepted.

        Raises:
            StoryError: The counter answered with an error.
        """
        reply = self.counter.post("/v1/operations", {"kind": kind, **details}, key=key)
        if reply.status != 200:
            raise StoryError(f"{kind} at {self.shop}: {reply.status} {reply.body.get('detail')}")
        return reply.body

    def status(self) -> Json:
        """What the box says of itself."""
        return self.counter.get("/v1/status")

    def grant(self) -> Json | None:
        """The grant that the box holds."""
        held: Json | None = self.status()["grant"]
        return held

    def receipt(self, number: int) -> tuple[Path, Json]:
        """Wait for the printer's receipt of this number: its picture, and what is on it."""
        printed = self.twin("printer").do("wait_receipt", count=number)
        return self.receipts / f"receipt-{number:04}.png", printed

    def close(self) -> None:
        """End the box, then its devices."""
        self.gateway.stop()
        for program in self._programs.values():
            program.stop()

    def _ready_to_read(self, device: str, what: str) -> str | None:
        """When the device last read something.

        The same code again within the time a held trigger takes is one scan: a person waits, and so does this.
        """
        last = self._read.get((device, what))
        if last is not None:
            time.sleep(max(0.0, last + SAME_CODE_AGAIN_S - time.monotonic()))
        return next((shown["read_at"] for shown in self._presented() if shown["device"] == device), None)

    def _shown_after(self, device: str, what: str, before: str | None) -> Json:
        def newer() -> Json | None:
            return next(
                (shown for shown in self._presented() if shown["device"] == device and shown["read_at"] != before), None
            )

        shown = until(newer, what=f"a code read by the {device} to reach the counter of shop {self.shop}")
        # From when it was read, not from when it was held there: a busy machine reads late.
        self._read[device, what] = time.monotonic()
        return shown

    def _presented(self) -> list[Json]:
        presented: list[Json] = self.counter.get("/v1/counter")["presented"]
        return presented

    def _gateway(self, python: str) -> Program:
        arguments = ["run", "--config", str(self.settings)]
        return Program(self.device, "gateway.cli", arguments, log=self.folder / "gateway.log", python=python)

    def _start_twin(self, name: str, arguments: list[str]) -> None:
        control = self.folder / f"{name}.sock"
        program = Program(
            f"{self.shop}/{name}",
            "hardware_sim.cli",
            [*arguments, "--control", str(control)],
            log=self.folder / f"{name}.log",
        )
        program.start()
        self._programs[name] = program
        self._twins[name] = ControlClient(control)
        self._twins[name].wait_ready()
