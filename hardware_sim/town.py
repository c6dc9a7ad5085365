"""A virtual town: a real broker, a real central server and two real shops, every one a process of its own."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from hardware_sim.broker import AnyBroker, Broker, BrokerKind
from hardware_sim.ports import free_loopback_port
from hardware_sim.programs import Program, run_once
from hardware_sim.shop import VirtualShop

PROGRAMMES = Path(__file__).parents[1] / "programme" / "files"
CARD, VOUCHER = "albret-card", "albret-voucher"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A card or voucher as central issued it.

    Attributes:
        instrument: Its reference.
        token: What its QR code carries.
    """

    instrument: str
    token: str


class VirtualTown:
    """Broker, central and shops; use as a context manager, everything ends with it."""

    def __init__(
        self, folder: Path, *, broker: BrokerKind | AnyBroker | None = None, database: str | None = None
    ) -> None:
        """Set up, without starting.

        Args:
            folder: Where everything lives; its path must be short, for Unix sockets.
            broker: Which kind, or one that isn't started; by default of the kind that is installed.
            database: "postgresql://…", of an empty database for central; by default SQLite in the folder.
        """
        self.folder = folder
        self.data = folder / "central"
        self.database = self.data / "central.sqlite"
        self._database_url = database
        if broker is None or isinstance(broker, BrokerKind):
            broker = Broker(folder=folder / "broker", kind=broker)
        self.broker = broker
        self._http_port = free_loopback_port()
        self.central = Program(
            "central", "central.cli", ["serve", "--data", str(self.data)], log=folder / "central.log"
        )
        self.shops: dict[str, VirtualShop] = {}
        self._stack = ExitStack()

    def __enter__(self) -> VirtualTown:
        self.folder.mkdir(parents=True, exist_ok=True)
        # Whatever fails while the town is set up, or while one part of it ends, every other part is ended.
        with ExitStack() as stack:
            stack.enter_context(self.broker)
            stack.callback(lambda: self.central.stop())
            broker = f"mqtt://127.0.0.1:{self.broker.port}"
            where = ["--database", self._database_url] if self._database_url is not None else []
            self.office("init", "--tenant", "albret", "--broker", broker, "--http-port", str(self._http_port), *where)
            for programme in (CARD, VOUCHER):
                self.office("programme", "load", str(PROGRAMMES / f"{programme}.toml"))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def central_url(self) -> str:
        """Where central's HTTP side is."""
        return f"http://127.0.0.1:{self._http_port}"

    def office(self, *arguments: str) -> str:
        """Run a `comptoir-central` command.

        Raises:
            ProgramError: It failed.
        """
        return run_once("central.cli", [*arguments, "--data", str(self.data)])

    def found_shop(
        self, shop: str, name: str, *, has_camera: bool = True, films: bool = False, embedded_in: str | None = None
    ) -> VirtualShop:
        """Register a shop, install its box and enrol it by file."""
        self.office("shop", "add", shop, "--name", name)
        virtual = VirtualShop(
            shop,
            folder=self.folder / shop,
            broker_port=self.broker.port,
            central_port=self._http_port,
            has_camera=has_camera,
            films=films,
            embedded_in=embedded_in,
        )
        self.shops[shop] = virtual
        self._stack.callback(virtual.close)
        virtual.install()
        enrolment = virtual.folder / "enrolment.json"
        request = virtual.request_enrolment()
        self.office("enrol", str(request), "--shop", shop, "--device", virtual.device, "--out", str(enrolment))
        virtual.accept_enrolment(enrolment)
        return virtual

    def issue(self, programme: str, count: int, *options: str) -> list[Issued]:
        """Have central issue cards or vouchers."""
        printed = self.office("issue", programme, "--count", str(count), *options)
        made = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
        return [Issued(instrument=item["instrument"], token=item["token"]) for item in made]

    def start_central(self) -> None:
        """Start the central server and wait until it answers."""
        self.central.start()
        self.central.wait_ready(self.health)

    def health(self) -> dict[str, Any]:
        """What central says of itself."""
        with urllib.request.urlopen(f"{self.central_url}/v1/health", timeout=5) as answer:
            health: dict[str, Any] = json.load(answer)
            return health

    def registry_heads(self) -> dict[str, int]:
        """Central's registry version by programme, from its database."""
        return dict(self.ask("SELECT programme, version FROM registry_heads"))

    def ask(self, query: str) -> list[Any]:
        """Read central's database beside central."""
        if self._database_url is not None:
            return _ask_postgresql(self._database_url, query)
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()


def _ask_postgresql(url: str, query: str) -> list[Any]:
    # Loaded only here: a town needs it only where it is asked to.
    import psycopg

    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()
