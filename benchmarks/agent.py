"""The box's agent: time to ready beside its bare libraries' imports, and memory at work."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

from benchmarks.figures import Goal, ratio_of_medians, spread
from hardware_sim.programs import until
from hardware_sim.shop import VirtualShop
from hardware_sim.town import VOUCHER, VirtualTown

BOX_PYTHON = str(Path(__file__).parents[1] / ".venv-box" / "bin" / "python")
"""An environment with the box's libraries alone, as a shop has it; `make bench` makes it."""
ROUNDS = 7
MIB = 1024
BARE_LIBRARIES = (
    "fastapi, uvicorn, pydantic, pydantic.v1, paho.mqtt.client, msgspec, zstandard, structlog, serial, cbor2, base45, "
    "uuid_utils.compat, zoneinfo, sqlite3, cryptography.hazmat.primitives.asymmetric.ed25519, "
    "cryptography.hazmat.primitives.serialization"
)
"""FastAPI loads `pydantic.v1` at its first route."""


def startup_goal(folder: Path) -> Goal:
    """From the process's start to "ready", beside a process that only imports the same libraries.

    That one imports with Python's garbage collection on, as any program's start does.
    """
    with VirtualTown(folder) as town:
        shop = town.found_shop("a", "Librairie des Halles")
        agent, bare = [], []
        for _ in range(ROUNDS):
            bare.append(_until_said(["-c", f'import {BARE_LIBRARIES}; print("ready", flush=True)']))
            agent.append(_until_said(["-m", "gateway.cli", "run", "--config", str(shop.settings)]))
    return Goal(
        name="comptoir run: ready / importing its bare libraries",
        measured=ratio_of_medians(agent, bare),
        at_most=1.5,
        unit="×",
        detail=f"agent {spread(agent)}; imports {spread(bare)}",
    )


def memory_goals(folder: Path) -> list[Goal]:
    """Resident memory after a scan, a sale and its print; then with a camera that has read a picture, too."""
    goals = []
    for name, at_most_mib, with_camera in (
        ("memory with serial scanner and printer", 80, False),
        ("memory with camera as well", 120, True),
    ):
        with VirtualTown(folder / ("camera" if with_camera else "serial")) as town:
            shop = town.found_shop("a", "Librairie des Halles")
            shop.use_python(BOX_PYTHON)
            if not with_camera:
                _unplug_camera(shop)
            used_mib = _work(town, shop, with_camera=with_camera)
        goals.append(Goal(name=name, measured=used_mib, at_most=at_most_mib, unit="MiB", detail="VmRSS after work"))
    return goals


def _work(town: VirtualTown, shop: VirtualShop, *, with_camera: bool) -> float:
    (card,) = town.issue("albret-card", 1)
    town.issue(VOUCHER, 1, "--face", "20,00", "--consign", shop.device)
    town.start_central()
    shop.open()
    until(lambda: shop.status()["grant"], what="a grant")
    shop.scan(card.token)
    shop.operate("earn", amount="23,50")
    shop.operate("sell", programme=VOUCHER, amount="20,00")
    picture, _ = shop.receipt(1)
    if with_camera:
        shop.photograph(picture, seed=1)
    pid = shop.gateway.pid
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    match = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert match is not None
    return int(match[1]) / MIB


def _unplug_camera(shop: VirtualShop) -> None:
    text = shop.settings.read_text()
    shop.settings.write_text(re.sub(r"\[\[cameras\]\]\n(?:.+\n)+", "", text))


def _until_said(arguments: list[str], *, word: bytes = b"ready") -> float:
    """Seconds from the start of a process until it says a word; then it is ended."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [BOX_PYTHON, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
    )
    assert process.stdout is not None
    said = b""
    while word not in said:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{arguments[:4]} ended without saying {word!r}: {said.decode(errors='replace')[-400:]}")
        said += line
    elapsed_s = time.perf_counter() - started
    process.terminate()
    process.stdout.read()
    process.wait()
    return elapsed_s
