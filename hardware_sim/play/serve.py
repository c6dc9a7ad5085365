"""`comptoir-sim play`: the town, its two shops and the page, until Ctrl-C."""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from hardware_sim.play.app import make_app
from hardware_sim.play.playground import OFFICE_USER, SHOPS, Playground
from hardware_sim.programs import until
from hardware_sim.town import VirtualTown


@contextmanager
def open_playground(folder: Path, *, port: int) -> Iterator[Playground]:
    """A town with both shops open; everything ends with it."""
    with VirtualTown(folder) as town:
        playground = Playground(town, origin=f"http://127.0.0.1:{port}")
        playground.open()
        yield playground


@contextmanager
def serving(playground: Playground, port: int) -> Iterator[None]:
    """The playground's page, beside what the caller does."""
    server = uvicorn.Server(uvicorn.Config(make_app(playground), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, name="playground")
    thread.start()
    try:
        until(lambda: server.started, what="the playground's page")
        yield
    finally:
        server.should_exit = True
        thread.join()


def play(*, port: int) -> None:
    """Serve the playground until Ctrl-C or SIGTERM."""
    # As Ctrl-C does, so that every process of the town is ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Unix sockets need short paths; /var/tmp is a real disk, and journals must meet one.
    with (
        tempfile.TemporaryDirectory(prefix="play-", dir="/var/tmp") as folder,
        open_playground(Path(folder), port=port) as playground,
    ):
        print(f"Playground:  http://127.0.0.1:{port}/")
        for shop, url in playground.urls.items():
            print(f"{SHOPS[shop]}:  {url}")
        print(f"Bureau:  {playground.office_url}/  ({OFFICE_USER}, {playground.passphrase})")
        print("Ctrl-C ends it.", flush=True)
        uvicorn.run(make_app(playground), host="127.0.0.1", port=port, log_level="warning")
