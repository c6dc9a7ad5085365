"""The agent's composition root: everything is made and joined here, and runs as named tasks of one group."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi import FastAPI
from uuid_utils.compat import uuid7

from edge_config.enrolment import write_private
from edge_config.settings import BoxSettings
from gateway.agent import Agent
from gateway.announcing import Announcer, count_boot
from gateway.api.app import build_api
from gateway.archiving import MIB, Archivist
from gateway.asking import Asking
from gateway.changes import Changes
from gateway.configured import Configured, load_configuration
from gateway.counter import CounterService
from gateway.devices import DeviceBoard, Devices
from gateway.identity import Identity, load_identity
from gateway.inbound import Inbound
from gateway.lookup import Lookup
from gateway.orders import Orders
from gateway.outbound import Outbound
from gateway.page import read_page
from gateway.pairing import Pairing
from gateway.paths import api_path, journal_path, training_path
from gateway.presenting import Desk
from gateway.printing import Printing
from gateway.receipts import paper_of
from gateway.recovery import open_journal, until_damaged
from gateway.replica import HttpSnapshots, Replica
from gateway.screen import Screen, device_kinds
from gateway.server import bind, serve, url_of
from gateway.spooler import Spooler
from gateway.training import Training
from gateway.uplink import Line, Uplink
from gateway.views import Views
from sync.clock import LinuxClock
from sync.journal import Journal

_log = structlog.get_logger("comptoir")


class _Stopped(Exception):
    """SIGTERM or Ctrl-C: the group ends."""


class _Damaged(Exception):
    """A page of the journal can't be read: the group ends, and begins anew with a mended file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What everything stands on."""

    settings: BoxSettings
    identity: Identity
    configured: Configured
    journal: Journal
    lookup: Lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What runs."""

    agent: Agent
    screen: Screen
    devices: Devices
    spooler: Spooler | None
    archivist: Archivist
    uplink: Uplink
    announcer: Announcer
    asking: Asking
    replica: Replica
    outbound: Outbound
    inbound: Inbound


async def run(settings: BoxSettings) -> None:
    """Run the agent until SIGTERM or Ctrl-C.

    Raises:
        EdgeConfigError, GatewayError, SyncError: It can't start; the message says what to do.
    """
    while await _run_until_stopped(settings):
        _log.error("journal damaged: starting anew", path=str(journal_path(settings.data_dir)))


async def _run_until_stopped(settings: BoxSettings) -> bool:
    """Run; whether to begin anew."""
    damaged = False
    with _ground(settings) as ground:
        parts = _join(ground)
        if parts.spooler is not None:
            await asyncio.to_thread(parts.spooler.recover)
        listener = bind(settings.api)
        url = url_of(listener)
        _publish_address(settings, url)
        try:
            async with asyncio.TaskGroup() as group:
                _start(group, parts)
                group.create_task(serve(_api(ground, parts, listener), listener), name="api")
                group.create_task(_until_stopped(), name="signals")
                group.create_task(_until_damaged(settings), name="damage")
                _log.info("ready", api=url, device=ground.identity.device)
        except* _Stopped:
            _log.info("stopped", device=ground.identity.device)
        except* _Damaged:
            damaged = True
        finally:
            api_path(settings.data_dir).unlink(missing_ok=True)
    return damaged


def _api(ground: _Ground, parts: _Parts, listener: socket.socket) -> FastAPI:
    pairing = Pairing(ground.settings.data_dir, now=_now, monotonic_s=time.monotonic)
    return build_api(
        parts.screen,
        pairing=pairing,
        previews=parts.devices.previews,
        settings=ground.settings.api,
        listener=listener,
        slips=parts.spooler,
    )


def _publish_address(settings: BoxSettings, url: str) -> None:
    """Say to the terminal tools where the API is; without it they can't find the box, which works all the same."""
    try:
        write_private(api_path(settings.data_dir), json.dumps({"url": url}).encode(), may_replace=True)
    except OSError as error:
        _log.error("api address not kept", reason=error.strerror, api=url)


@contextlib.contextmanager
def _ground(settings: BoxSettings) -> Iterator[_Ground]:
    identity = load_identity(settings.data_dir)
    configured = load_configuration(settings.data_dir, identity)
    path = journal_path(settings.data_dir)
    journal = open_journal(path, identity, LinuxClock())
    with contextlib.closing(journal), contextlib.closing(Lookup.open(path)) as lookup:
        yield _Ground(settings=settings, identity=identity, configured=configured, journal=journal, lookup=lookup)


def _join(ground: _Ground) -> _Parts:
    settings, identity, journal = ground.settings, ground.identity, ground.journal
    line, changes = Line(), Changes()
    board = DeviceBoard(changes.announce)
    uplink = Uplink(
        identity=identity,
        broker=settings.broker or identity.enrolment.broker,
        line=line,
        now=_now,
        changed=changes.announce,
    )
    archivist = Archivist(journal, settings.journal)
    asking = Asking(identity=identity, link=line, deadline_ms=settings.ask_deadline_ms, now=_now)
    spooler = _spooler(settings, journal, changes)
    recorded = _when_recorded(uplink, spooler, archivist, changes)
    counter = _counter(ground, asking, recorded)
    fetch = HttpSnapshots(identity=identity, base_url=settings.central or identity.enrolment.central)
    replica = Replica(journal=journal, fetch=fetch, now=_now, changed=changes.announce)
    announcer = _announcer(ground, counter, board)
    outbound = Outbound(identity=identity, journal=journal, link=line, tick=uplink.tick, epoch_begun=uplink.reborn)
    agent = _agent(ground, counter, board, uplink, replica, recorded, changes)
    return _Parts(
        agent=agent,
        screen=Screen(agent=agent, changes=changes, kinds=device_kinds(settings), boot=uuid7(), page=read_page()),
        devices=Devices(settings=settings, desk=agent.desk, spooler=spooler, board=board, now=_now),
        spooler=spooler,
        archivist=archivist,
        uplink=uplink,
        announcer=announcer,
        asking=asking,
        replica=replica,
        outbound=outbound,
        inbound=_inbound(ground, agent, uplink, replica, announcer, outbound),
    )


def _when_recorded(
    uplink: Uplink, spooler: Spooler | None, archivist: Archivist, changes: Changes
) -> Callable[[], None]:
    """What follows whenever rows or jobs were added."""

    def recorded() -> None:
        uplink.grown()
        if spooler is not None:
            spooler.wake()
        archivist.wake()
        changes.announce()

    return recorded


def _counter(ground: _Ground, asking: Asking, recorded: Callable[[], None]) -> CounterService:
    return CounterService(
        journal=ground.journal,
        lookup=ground.lookup,
        configured=ground.configured,
        asker=asking,
        now=_now,
        new_id=uuid7,
        training=Training(training_path(ground.settings.data_dir)),
        prints=ground.settings.printer is not None,
        recorded=recorded,
        reserve_bytes=ground.settings.journal.reserve_mib * MIB,
    )


def _announcer(ground: _Ground, counter: CounterService, board: DeviceBoard) -> Announcer:
    return Announcer(
        identity=ground.identity,
        journal=ground.journal,
        lookup=ground.lookup,
        counter=counter,
        board=board,
        boot=count_boot(ground.settings.data_dir),
        now=_now,
    )


def _inbound(
    ground: _Ground, agent: Agent, uplink: Uplink, replica: Replica, announcer: Announcer, outbound: Outbound
) -> Inbound:
    def report(subject: str, ok: bool, detail: dict[str, Any]) -> None:
        uplink.report(announcer.report(subject, ok=ok, detail=detail))

    return Inbound(
        identity=ground.identity,
        journal=ground.journal,
        counter=agent.counter,
        replica=replica,
        data_dir=ground.settings.data_dir,
        feed=outbound.feed,
        report=report,
        status=agent.status,
        acknowledged=uplink.acknowledged,
        configured=uplink.configured,
    )


def _spooler(settings: BoxSettings, journal: Journal, changes: Changes) -> Spooler | None:
    if settings.printer is None:
        return None
    return Spooler(
        journal=journal,
        paper=paper_of(settings.printer),
        language=settings.language.value,
        moved=changes.announce,
    )


def _agent(
    ground: _Ground,
    counter: CounterService,
    board: DeviceBoard,
    uplink: Uplink,
    replica: Replica,
    recorded: Callable[[], None],
    changes: Changes,
) -> Agent:
    desk = Desk(counter=counter, now=_now, new_id=uuid7, changed=changes.announce)
    return Agent(
        identity=ground.identity,
        journal=ground.journal,
        lookup=ground.lookup,
        counter=counter,
        desk=desk,
        orders=Orders(counter=counter, desk=desk, lookup=ground.lookup),
        printing=Printing(
            counter=counter,
            lookup=ground.lookup,
            has_printer=ground.settings.printer is not None,
            queued=recorded,
        ),
        board=board,
        link=uplink,
        replica=replica,
        views=Views(language=ground.settings.language.value),
        now=_now,
        new_id=uuid7,
    )


def _start(group: asyncio.TaskGroup, parts: _Parts) -> None:
    programmes = parts.agent.configured_programmes
    for name, work in parts.devices.tasks().items():
        group.create_task(work, name=name)
    uplink, announcer = parts.uplink, parts.announcer
    group.create_task(uplink.run_link(announcer, parts.asking, programmes), name="link")
    group.create_task(uplink.serve(announcer, parts.outbound, parts.inbound), name="uplink")
    group.create_task(uplink.tell_health(announcer), name="health")
    group.create_task(parts.replica.run(), name="replica")
    group.create_task(parts.archivist.run(), name="archivist")


async def _until_damaged(settings: BoxSettings) -> None:
    await until_damaged(journal_path(settings.data_dir))
    raise _Damaged


async def _until_stopped() -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    raise _Stopped


def _now() -> datetime:
    return datetime.now(UTC)
