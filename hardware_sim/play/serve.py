"""`comptoir-sim play`: the town, its two shops and the page, until Ctrl-C."""

from __future__ import annotations

import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn

from hardware_sim.play.app import make_app
from hardware_sim.play.playground import OFFICE_USER, SHOPS, Playground
from hardware_sim.ports import listen_on
from hardware_sim.programs import until
from hardware_sim.town import VirtualTown

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def open_playground(folder: Path, listener: socket.socket) -> Iterator[Playground]:
    """A town with both shops open, and its page on the listener; everything ends with it."""
    with VirtualTown(folder) as town:
        playground = Playground(town, origin=origin_of(listener))
        playground.open()
        with serving(playground, listener):
            yield playground


@contextmanager
def serving(playground: Playground, listener: socket.socket) -> Iterator[None]:
    """The playground's page, beside what the caller does."""
    server = uvicorn.Server(uvicorn.Config(make_app(playground), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="playground")
    thread.start()
    try:
        until(lambda: server.started, what="the playground's page")
        yield
    finally:
        server.should_exit = True
        thread.join()


def origin_of(listener: socket.socket) -> str:
    """Of the page that is served there."""
    host, port = listener.getsockname()
    return f"http://{host}:{port}"


def play(*, port: int) -> None:
    """Serve the playground until Ctrl-C, SIGTERM, or the end of the terminal.

    Raises:
        NoFreePortError: Another program has the port.
    """
    # Unix sockets need short paths; /var/tmp is a real disk, and journals must meet one.
    with listen_on(port) as listener, tempfile.TemporaryDirectory(prefix="play-", dir="/var/tmp") as folder:
        for number in _ENDINGS:
            signal.signal(number, _end)
        with open_playground(Path(folder), listener) as playground:
            print(f"Playground:  {origin_of(listener)}/")
            for shop, url in playground.urls.items():
                print(f"{SHOPS[shop]}:  {url}")
            print(f"Bureau:  {playground.office_url}/  ({OFFICE_USER}, {playground.passphrase})")
            print("Ctrl-C ends it.", flush=True)
            with suppress(KeyboardInterrupt):
                signal.pause()


def _end(*_: object) -> None:
    """As Ctrl-C does, so that every process of the town is ended; a second one would leave some of them behind."""
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
