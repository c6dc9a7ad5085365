"""Composition root: central's parts put together from its settings."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from structlog.typing import FilteringBoundLogger

from central.errors import CommandError
from central.handler import Handler
from central.ports import RandomIds, SystemClock
from central.service import Service
from central.store.database import Store, open_store
from central.web.link import NotedLink
from central.work import Workshop
from edge_config.settings import CentralSettings
from sync import topics
from sync.backoff import Backoff
from sync.mqtt import MqttLink

if TYPE_CHECKING:
    import uvicorn

    from central.web.live import Board

HTTP_FILE = "http.json"
"""Where the HTTP side listens, for who started the server with port 0."""
_DEFAULT_MQTT_PORT = 1883
_BACKLOG = 128
_LAST_ANSWERS_S = 5
_LONGEST_WAIT_S = 5.0
"""Between attempts to reach the broker: there is one central, and every box waits for it."""


def make_log() -> FilteringBoundLogger:
    """Structured logs on standard error: for eyes on a terminal, else JSON.

    They never hold codes, tokens or secrets, so tracebacks come without the values of variables.
    """
    on_terminal = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if on_terminal
        else structlog.processors.JSONRenderer()
    )
    processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if not on_terminal:
        without_values = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        processors.append(structlog.processors.ExceptionRenderer(without_values))
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(20),
    )
    return log


@contextlib.contextmanager
def open_workshop(settings: CentralSettings) -> Iterator[Workshop]:
    """The database and the keys.

    Raises:
        StoreError: The database can't be used.
    """
    store = open_store(settings.database_url)
    try:
        yield make_workshop(store, settings.data_dir)
    finally:
        store.close()


def make_workshop(store: Store, data_dir: Path) -> Workshop:
    """Transactions on the machine's clock."""
    return Workshop(store=store, data_dir=data_dir, clock=SystemClock(), ids=RandomIds())


async def serve(settings: CentralSettings, workshop: Workshop, log: FilteringBoundLogger) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CommandError: The HTTP side can't listen there.
    """
    listener = _listen(settings)
    link = NotedLink(_link(settings), clock=workshop.clock)
    server, board = _http_server(workshop, settings, link)
    service = Service(handler=Handler(workshop, log), link=link, log=log, on_applied=board.nudge)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    url = _note_address(settings, listener)
    log.info("central serves", tenant=settings.tenant, broker=settings.broker, http=url)
    async with asyncio.TaskGroup() as group:
        running = [
            group.create_task(service.run(), name="service"),
            group.create_task(server.serve(sockets=[listener]), name="http"),
        ]
        await stopped.wait()
        log.info("central stops")
        # Open pages would be waited for.
        await board.close()
        server.should_exit = True
        await running[1]
        running[0].cancel()


def _link(settings: CentralSettings) -> MqttLink:
    host, _, port = settings.broker.removeprefix("mqtt://").partition(":")
    return MqttLink(
        host=host,
        port=int(port or _DEFAULT_MQTT_PORT),
        client_id=f"central-{settings.tenant}",
        subscriptions=(topics.all_up(settings.tenant),),
        backoff=Backoff(cap_s=_LONGEST_WAIT_S),
    )


def _listen(settings: CentralSettings) -> socket.socket:
    try:
        return socket.create_server((settings.http.host, settings.http.port), backlog=_BACKLOG)
    except OSError as error:
        raise CommandError(
            f"http {settings.http.host}:{settings.http.port}: can't listen ({error.strerror}); "
            "free the port or choose another in the settings"
        ) from None


def _note_address(settings: CentralSettings, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    url = f"http://{host}:{port}"
    path = settings.data_dir / HTTP_FILE
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"url": url, "pid": os.getpid()}) + "\n", encoding="utf-8")
    temporary.replace(path)
    return url


def _http_server(workshop: Workshop, settings: CentralSettings, link: NotedLink) -> tuple[uvicorn.Server, Board]:
    """The HTTP side, and what its pages show; loaded only here, for the other commands don't need it."""
    import uvicorn

    from central.http import make_app

    class Server(uvicorn.Server):
        """One that leaves signals to us."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    hosts = {settings.http.host, urlsplit(settings.public_url or "").hostname}
    application = make_app(workshop, names={host for host in hosts if host}, link=lambda: link.state)
    config = uvicorn.Config(
        application, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=_LAST_ANSWERS_S
    )
    return Server(config), application.state.board
