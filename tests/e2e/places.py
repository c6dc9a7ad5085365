"""What the end-to-end tests share: short folders, whole towns, and commands as a person types them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import central.cli
from hardware_sim.broker import BrokerKind
from hardware_sim.counter_client import Json
from hardware_sim.programs import Program, until
from hardware_sim.shop import VirtualShop
from hardware_sim.story.chapters import SHOPS
from hardware_sim.town import CARD, VOUCHER, Issued, VirtualTown

ROOT = Path(__file__).parents[2]
SETTLES_WITHIN_S = 60.0
COMMAND_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Json:
        """What it printed for programs."""
        parsed: Json = json.loads(self.out)
        return parsed


def say(module: str, *arguments: str, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Said:
    """Run a command of ours to its end, as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", module, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environ or {})},
        cwd=cwd,
        timeout=COMMAND_WITHIN_S,
        check=False,
    )
    return Said(code=done.returncode, out=done.stdout, err=done.stderr)


def run_here(command: Callable[[list[str]], int], *arguments: str) -> str:
    """A command that must succeed, without a process of its own: there are hundreds of these."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert command(list(arguments)) == 0, printed.getvalue()
    return printed.getvalue()


class NearTown(VirtualTown):
    """A town whose office's commands run in this process."""

    def office(self, *arguments: str) -> str:
        """Run a `comptoir-central` command."""
        return run_here(central.cli.main, *arguments, "--data", str(self.data))


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A folder on a real disk whose path leaves room for Unix sockets."""
    with tempfile.TemporaryDirectory(prefix="e2e-", dir="/var/tmp") as folder:
        yield Path(folder)


@dataclass(slots=True, kw_only=True)
class Town:
    """A town of one or two shops at work, with a way to see that all is well in it."""

    virtual: VirtualTown
    shops: list[VirtualShop]
    cards: list[Issued]

    @property
    def a(self) -> VirtualShop:
        """The first shop."""
        return self.shops[0]

    @property
    def b(self) -> VirtualShop:
        """The second shop."""
        return self.shops[1]

    def settle(self) -> None:
        """Wait until all is booked, every replica is central's newest, and nothing is reserved any more."""
        until(self._is_settled, what="everything to be booked and known everywhere", within_s=SETTLES_WITHIN_S)

    def start_central(self) -> None:
        """Start the centre again, and wait until every box that is open has heard it."""
        heard_at = {shop.device: shop.status()["link"]["last_ack_at"] for shop in self.shops if shop.gateway.running}
        self.virtual.start_central()
        for shop in self.shops:
            if shop.device in heard_at:
                before = heard_at[shop.device]
                until(
                    lambda shop=shop, before=before: shop.status()["link"]["last_ack_at"] != before,  # type: ignore[misc]
                    what=f"central to hear {shop.device}",
                )

    def device(self, shop: VirtualShop) -> Json:
        """What `comptoir-central devices` says of a shop's box."""
        told: list[Json] = json.loads(self.virtual.office("devices", "--json"))
        return next(device for device in told if device["device"] == shop.device)

    def booked(self) -> set[str]:
        """Ids of the events that central has."""
        return {event_id for (event_id,) in self.virtual.ask("SELECT event_id FROM events")}

    def _is_settled(self) -> bool:
        heads = self.virtual.registry_heads()
        for shop in self.shops:
            status = shop.status()
            if status["queue"]["unbooked_rows"] or not status["link"]["up"]:
                return False
            if any(status["replicas"][programme]["version"] != version for programme, version in heads.items()):
                return False
        return not self.virtual.ask(OPEN_AUTHORISATIONS)


OPEN_AUTHORISATIONS = "SELECT authorisation FROM authorisations WHERE NOT ended"
OPEN_GRANTS = "SELECT device, grant_id FROM grants WHERE NOT ended"


def ask(database: Path, query: str) -> list[tuple[Any, ...]]:
    """Read a database beside the program that writes it."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def journalled(shop: VirtualShop) -> list[str]:
    """Ids of the events in a box's journal, in order; once for each row."""
    rows = ask(shop.journal, "SELECT lower(hex(event_id)) FROM rows ORDER BY position")
    return [str(UUID(hex=event_id)) for (event_id,) in rows]


@contextlib.contextmanager
def a_town(
    *, shops: int = 1, broker: BrokerKind | None = None, vouchers: int = 10, database: str | None = None
) -> Iterator[Town]:
    """A town whose shops are open, connected, and hold a grant."""
    with short_folder() as folder, NearTown(folder, broker=broker, database=database) as virtual:
        yield found(virtual, shops=shops, vouchers=vouchers)


def found(virtual: VirtualTown, *, shops: int = 1, vouchers: int = 10) -> Town:
    """Found shops without cameras in a town, the first one with vouchers to sell; open them and wait for grants."""
    founded = [virtual.found_shop(shop, name, has_camera=False) for shop, name in list(SHOPS.items())[:shops]]
    cards = virtual.issue(CARD, 4)
    virtual.issue(VOUCHER, vouchers, "--face", "20,00", "--consign", founded[0].device)
    virtual.start_central()
    for shop in founded:
        shop.open()
    for shop in founded:
        until(lambda shop=shop: shop.status()["grant"], what=f"the grant of {shop.device}")  # type: ignore[misc]
    town = Town(virtual=virtual, shops=founded, cards=cards)
    town.settle()
    return town


def dying_box(shop: VirtualShop, step: str) -> Program:
    """A shop's box that dies at a step of `tests.e2e.dying`."""
    return _dying(shop.gateway, step, "gateway.cli", "run", "--config", str(shop.settings))


def dying_central(town: VirtualTown, step: str) -> Program:
    """A town's centre that dies at a step of `tests.e2e.dying`."""
    return _dying(town.central, step, "central.cli", "serve", "--data", str(town.data))


def _dying(program: Program, step: str, module: str, *arguments: str) -> Program:
    environ = {"PYTHONPATH": str(ROOT)}
    return Program(program.name, "tests.e2e.dying", [step, module, *arguments], log=program.log, environ=environ)


def children() -> dict[int, str]:
    """The processes that this one has started and that still run, with their commands."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # proc(5): pid (comm) state ppid …; the name may hold spaces and parentheses.
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found[int(path.parent.name)] = (path.parent / "cmdline").read_text().replace("\0", " ").strip()
    return found


def end(pid: int) -> None:
    """SIGKILL a process that outlived its test."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def copy_folder(source: Path, target: Path) -> None:
    """Copy a data folder as somebody with a backup tool would, sockets apart."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.sock"))
