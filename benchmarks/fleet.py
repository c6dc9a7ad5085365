"""A fleet of 2,000 boxes on one central and PostgreSQL: processor, memory, and how soon an event is acknowledged."""

from __future__ import annotations

import asyncio
import os
import re
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.figures import Figure, spread
from central.app import open_workshop
from central.office import SETTINGS_FILE
from central.store import devices
from edge_config.settings import load_central_settings
from hardware_sim.fleet import Member, VirtualFleet
from hardware_sim.postgres import Postgres, binaries
from hardware_sim.town import CARD, VirtualTown
from sync.chain import b64
from sync.topics import BoxAddress

BOXES = 2_000
CARDS = 1_000
EVENTS_PER_S = 200
HEALTH_EVERY_S = 30
SECONDS = 30
_CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_KIB_A_MIB = 1_024


def fleet_figures(folder: Path) -> list[Figure]:
    """Measure it, where there is a PostgreSQL."""
    programs = binaries()
    if programs is None:
        return [Figure(name="a fleet", detail="not measured: PostgreSQL isn't installed")]
    with Postgres(programs, durable=True) as postgres, VirtualTown(folder, database=postgres.new()) as town:
        town.office("shop", "add", "halles", "--name", "Librairie des Halles")
        instruments = [card.instrument for card in town.issue(CARD, CARDS)]
        members = enrol(town, BOXES)
        town.start_central()
        assert town.central.pid is not None
        return [asyncio.run(_measure(members, instruments, town.broker.port, town.central.pid))]


def enrol(town: VirtualTown, boxes: int) -> list[Member]:
    """Enrol so many boxes at once, in central's database: a command for each would take an hour."""
    members = []
    with (
        open_workshop(load_central_settings(town.data / SETTINGS_FILE, os.environ)) as workshop,
        workshop.write() as work,
    ):
        for number in range(boxes):
            key = Ed25519PrivateKey.generate()
            address = BoxAddress(tenant=work.tenant, shard=f"{number % 256:02x}", device=f"virtual-{number}")
            member = Member(address=address, shop="halles", key=key)
            device = devices.Device(
                device=member.device,
                shop=member.shop,
                till="1",
                shard=address.shard,
                journal_key=b64(key.public_key().public_bytes_raw()),
                snapshot_secret_hash="0" * 64,
                config_version=0,
                config_content="",
            )
            devices.add_device(work.db, device, at=work.now)
            members.append(member)
    return members


async def _measure(members: list[Member], instruments: list[str], port: int, central: int) -> Figure:
    fleet = VirtualFleet(members, programme=CARD, instruments=instruments)
    started = time.perf_counter()
    await fleet.connect(port)
    await fleet.settled()
    connected_s = time.perf_counter() - started
    for box in fleet.boxes:
        box.booked_after_s.clear()
    started, used_s = time.perf_counter(), _processor_s(central)
    await fleet.work(events_per_s=EVENTS_PER_S, health_every_s=HEALTH_EVERY_S, seconds=SECONDS)
    share = (_processor_s(central) - used_s) / (time.perf_counter() - started)
    await fleet.settled()
    booked_s = [after_s for box in fleet.boxes for after_s in box.booked_after_s]
    fleet.close()
    used = f"central: {share:.0%} of a processor, {_memory_mib(central):.0f} MiB"
    return Figure(
        name=f"a fleet of {BOXES:,} boxes, {EVENTS_PER_S} events/s, health every {HEALTH_EVERY_S} s",
        detail=f"event → acknowledged {spread(booked_s)}; {used}; "
        f"all connected and their first rows booked in {connected_s:.1f} s",
    )


def _processor_s(pid: int) -> float:
    """Seconds that a process has used, user and system (proc(5), stat, fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS_PER_S


def _memory_mib(pid: int) -> float:
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    assert match is not None
    return int(match[1]) / _KIB_A_MIB
