"""The agent as a process, against a small central behind a real broker."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from uuid_utils.compat import uuid7

from edge_config.messages import CONFIG_CONTEXT
from hardware_sim.broker import Broker, BrokerKind
from hardware_sim.link import Link
from programme.events import AuthorisationAbandoned, Earned, Redeemed
from programme.registry import InstrumentStatus, RegistryEntry
from sync.topics import Down
from sync.wire import Command, RegistryDelta, Resend
from tests.gateway.agent_process import AgentProcess
from tests.gateway.centre import Centre, SnapshotServer
from tests.gateway.playing import until
from tests.gateway.world import CARD, DEVICE, VOUCHER, FakeCentral, configuration, instrument

Play = Callable[[AgentProcess, Centre], Awaitable[None]]


async def earn(agent: AgentProcess, code: str | None, *, key: UUID | None = None) -> Any:  # noqa: ANN401
    """A basket of 23,50 € on a card."""
    given = {} if code is None else {"code": code}
    return await agent.operate(key=key, kind="earn", amount="23,50", **given)


async def replica_at(agent: AgentProcess, version: int) -> None:
    """Wait until the cards' replica is at a version."""
    while (await agent.get("/v1/status"))["replicas"][CARD]["version"] != version:
        await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(folder=tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture
def central() -> FakeCentral:
    return FakeCentral()


@pytest.fixture
def snapshots(central: FakeCentral) -> Iterator[SnapshotServer]:
    with SnapshotServer(central) as server:
        yield server


def _has(answered: list[UUID], count: int) -> bool:
    return len(answered) >= count


def run(tmp_path: Path, broker: Broker, central: FakeCentral, snapshots: SnapshotServer, play: Play) -> None:
    """Enrol a box, start it beside a central, and play."""
    agent = AgentProcess(tmp_path)
    box_key = agent.enrol(central, broker_port=broker.port, url=snapshots.url)

    async def story() -> None:
        async with Centre(central, box_key, port=broker.port) as centre:
            await agent.start()
            try:
                await agent.status_until(link__up=True)
                await play(agent, centre)
            finally:
                await agent.kill()

    asyncio.run(story())


def test_an_earn_is_booked_and_a_clean_stop_is_announced(
    tmp_path: Path, broker: Broker, central: FakeCentral, snapshots: SnapshotServer
) -> None:
    async def play(agent: AgentProcess, centre: Centre) -> None:
        earned = await earn(agent, central.card(1))
        status = await agent.status_until(queue__unbooked_rows=0)
        assert status["operations"][0]["stage"] == "booked"
        assert status["link"]["last_ack_at"] is not None
        assert earned["event_id"] in map(str, centre.events)
        await until(lambda: bool(centre.healths))
        verified = await asyncio.to_thread(agent.tool, "journal", "verify")
        assert verified.returncode == 0, verified.stderr
        assert await agent.stop() == 0
        await until(lambda: bool(centre.deaths))
        assert centre.births[-1].boot == centre.deaths[-1].boot == 1
        assert not (agent.data_dir / "api.json").exists()

    run(tmp_path, broker, central, snapshots, play)
    events = [json.loads(line) for line in (tmp_path / "agent.log").read_text(encoding="utf-8").splitlines()]
    (ready,) = [event for event in events if event["event"] == "ready"]
    assert ready["api"].startswith("http://127.0.0.1:")
    assert ready["device"] == DEVICE


async def shown(states: AsyncIterator[Any], condition: Callable[[Any], bool]) -> Any:  # noqa: ANN401
    """The first screen state that fits, of those that are pushed."""
    async for screen in states:
        if condition(screen):
            return screen
    raise AssertionError("the agent closed the screen")


def test_an_open_screen_is_shown_every_change_and_the_truth_after_a_restart(
    tmp_path: Path, broker: Broker, central: FakeCentral, snapshots: SnapshotServer
) -> None:
    async def play(agent: AgentProcess, centre: Centre) -> None:
        async with agent.watch() as states:
            first = await shown(states, lambda it: it["connection"]["up"])
            await earn(agent, central.card(1))
            booked = await shown(states, lambda it: it["operations"] and it["operations"][0]["stage"] == "booked")
            cards_only = configuration(central, version=2)
            del cards_only.programmes[VOUCHER]
            centre.send(Down.CONFIG, cards_only, CONFIG_CONTEXT)
            await shown(states, lambda it: len(it["programmes"]) == 1)
        await agent.kill()
        await agent.start()
        async with agent.watch() as states:
            again = await anext(states)
        assert again["boot"] != first["boot"]
        assert again["operations"] == booked["operations"]

    run(tmp_path, broker, central, snapshots, play)


def test_a_grant_is_journalled_once_and_the_replica_follows(
    tmp_path: Path, broker: Broker, central: FakeCentral, snapshots: SnapshotServer
) -> None:
    def card(balance_minor: int) -> RegistryEntry:
        return RegistryEntry(instrument=instrument(1), status=InstrumentStatus.ACTIVE, balance_minor=balance_minor)

    def delta(before: int, after: int, entry: RegistryEntry) -> RegistryDelta:
        return RegistryDelta(
            programme=CARD,
            generation=1,
            from_version=before,
            version=after,
            entries=(entry,),
            time=datetime.now().astimezone(),
        )

    async def play(agent: AgentProcess, centre: Centre) -> None:
        epoch = (await agent.get("/v1/status"))["epoch"]
        for _ in range(2):
            centre.grant(epoch)
        centre.grant("9-0000000000000000", number=5)
        centre.heads[CARD] = snapshots.put(CARD, 7, card(500))
        centre.acknowledge(epoch)
        await replica_at(agent, 7)
        centre.send_delta(delta(7, 8, card(450)))
        await replica_at(agent, 8)
        centre.heads[CARD] = snapshots.put(CARD, 20, card(300))
        centre.send_delta(delta(19, 20, card(300)))
        await replica_at(agent, 20)
        status = await agent.status_until(queue__unbooked_rows=0)
        assert status["grant"]["id"] == f"{epoch}/1"
        assert [event.type for event in centre.events.values()].count("comptoir.grant_received.v1") == 1

    run(tmp_path, broker, central, snapshots, play)
    assert [status for _, _, status in snapshots.requests] == [200, 200]


def test_an_ask_is_answered_by_central_and_a_forged_answer_is_not_one(
    tmp_path: Path, broker: Broker, central: FakeCentral, snapshots: SnapshotServer
) -> None:
    async def play(agent: AgentProcess, centre: Centre) -> None:
        centre.answers = centre.approve
        spent = await agent.operate(kind="redeem", amount="1,00", code=central.card(1))
        assert spent["accepted"]
        assert not spent["stand_in"]
        booked = await centre.booked(centre.asks[0].ask.authorisation)
        assert isinstance(booked.data, Redeemed)
        assert booked.data.evidence.answer is not None

        forger = FakeCentral()
        centre.answers = lambda message: centre.send_raw(
            Down.ANSWER, forger.sign(centre.approve(message), "answer").encode()
        )
        refused = await agent.operate(kind="redeem", amount="1,00", code=central.card(1))
        assert not refused["accepted"]
        abandoned = centre.asks[1].ask.authorisation
        await until(
            lambda: any(
                isinstance(event.data, AuthorisationAbandoned) and event.data.authorisation == abandoned
                for event in centre.events.values()
            )
        )

    run(tmp_path, broker, central, snapshots, play)


def test_an_ask_that_a_kill_cut_short_is_abandoned_after_the_restart(
    tmp_path: Path, broker: Broker, central: FakeCentral, snapshots: SnapshotServer
) -> None:
    async def play(agent: AgentProcess, centre: Centre) -> None:
        key = uuid7()
        cut = asyncio.create_task(agent.operate(key=key, kind="redeem", amount="1,00", code=central.card(1)))
        await until(lambda: bool(centre.asks))
        await agent.kill()
        await asyncio.wait({cut})
        assert cut.exception() is not None
        centre.open_authorisations = (key,)

        await agent.start()
        await until(lambda: any(isinstance(event.data, AuthorisationAbandoned) for event in centre.events.values()))
        repeated = await agent.operate(key=key, kind="redeem", amount="1,00", code=central.card(1))
        assert repeated["refusal"]["reason"] == "Abandoned"
        assert centre.births[-1].boot == 2

    run(tmp_path, broker, central, snapshots, play)


def test_a_kill_loses_nothing_and_a_repeat_is_the_same_event(
    tmp_path: Path, broker: Broker, central: FakeCentral, snapshots: SnapshotServer
) -> None:
    async def play(agent: AgentProcess, centre: Centre) -> None:
        centre.acknowledges = False
        key = uuid4()
        first = await earn(agent, central.card(1), key=key)
        epoch = (await agent.get("/v1/status"))["epoch"]
        await agent.kill()
        centre.acknowledges = True
        await agent.start()

        again = await earn(agent, central.card(1), key=key)
        status = await agent.status_until(queue__unbooked_rows=0)

        assert again["event_id"] == first["event_id"]
        assert again["repeated"]
        assert status["epoch"] == epoch
        assert sum(isinstance(event.data, Earned) for event in centre.events.values()) == 1

    run(tmp_path, broker, central, snapshots, play)


def test_killed_at_any_moment_every_answer_survives_and_every_key_is_one_event(
    tmp_path: Path, broker: Broker, central: FakeCentral, snapshots: SnapshotServer
) -> None:
    keys = [uuid7() for _ in range(40)]
    answered: list[UUID] = []
    first: dict[UUID, str] = {}

    async def one(agent: AgentProcess, key: UUID, serial: int) -> None:
        answer = await earn(agent, central.card(serial), key=key)
        answered.append(key)
        first.setdefault(key, answer["ordered_at"])

    async def play(agent: AgentProcess, centre: Centre) -> None:
        for answers in (1, 4, 9, 16):
            answered.clear()
            work = {asyncio.create_task(one(agent, key, n)) for n, key in enumerate(keys)}
            await until(partial(_has, answered, answers))
            await agent.kill()
            await asyncio.wait(work)
            assert all(isinstance(task.exception(), httpx.HTTPError | type(None)) for task in work)
            await agent.start()
        await asyncio.gather(*(one(agent, key, n) for n, key in enumerate(keys)))
        await agent.status_until(queue__unbooked_rows=0)
        earned = [event for event in centre.events.values() if isinstance(event.data, Earned)]
        assert {event.event_id: event.ordered_at.isoformat() for event in earned} == first
        assert sorted(first) == sorted(keys)

    run(tmp_path, broker, central, snapshots, play)


def test_a_new_configuration_is_applied_reported_and_kept(
    tmp_path: Path, broker: Broker, central: FakeCentral, snapshots: SnapshotServer
) -> None:
    async def play(agent: AgentProcess, centre: Centre) -> None:
        centre.send(Down.CONFIG, configuration(central, version=2), CONFIG_CONTEXT)
        await agent.status_until(configuration=2)
        centre.send(Down.CONFIG, configuration(central, version=3, time_zone="Mars/Olympus"), CONFIG_CONTEXT)
        await until(lambda: len(centre.reports) == 2)
        good, bad = centre.reports
        assert (good.subject, good.ok) == ("config/2", True)
        assert (bad.subject, bad.ok) == ("config/3", False)
        assert "Mars" in bad.detail["reason"]
        await agent.kill()
        await agent.start()
        await agent.status_until(configuration=2, link__up=True)
        await until(lambda: centre.births[-1].config == 2)

    run(tmp_path, broker, central, snapshots, play)


def test_other_programmes_mean_other_topics(
    tmp_path: Path, broker: Broker, central: FakeCentral, snapshots: SnapshotServer
) -> None:
    async def play(agent: AgentProcess, centre: Centre) -> None:
        cards_only = configuration(central, version=2)
        del cards_only.programmes[VOUCHER]
        centre.send(Down.CONFIG, cards_only, CONFIG_CONTEXT)
        await until(lambda: centre.births[-1].config == 2)
        await agent.status_until(link__up=True)
        head = snapshots.put(CARD, 7)
        centre.heads = {CARD: head, VOUCHER: head}
        centre.acknowledge((await agent.get("/v1/status"))["epoch"])
        await replica_at(agent, 7)
        unknown = await asyncio.to_thread(agent.tool, "counter", "scan", central.token(7))
        assert "n'accepte pas" in unknown.stdout
        assert all(VOUCHER not in path for path, _, _ in snapshots.requests)

    run(tmp_path, broker, central, snapshots, play)


def test_a_command_is_reported_and_rows_are_sent_again_on_demand(
    tmp_path: Path, broker: Broker, central: FakeCentral, snapshots: SnapshotServer
) -> None:
    async def play(agent: AgentProcess, centre: Centre) -> None:
        await earn(agent, central.card(1))
        status = await agent.status_until(queue__unbooked_rows=0)
        centre.batches.clear()
        centre.send_raw(Down.RESEND, b"garbage")
        centre.send(Down.RESEND, Resend(device=DEVICE, epoch=status["epoch"], first_seq=1, last_seq=2, one_by_one=True))
        await until(lambda: centre.batches == [(1, 1), (2, 2)])
        for name in ("report_status", "self_destruct"):
            centre.send(Down.COMMAND, Command(device=DEVICE, command_id=uuid4(), name=name))
        await until(lambda: len(centre.reports) == 2)
        assert [report.ok for report in centre.reports] == [True, False]
        assert centre.reports[0].detail["queue"]["unbooked_rows"] == 0

    run(tmp_path, broker, central, snapshots, play)


def test_a_restored_old_disk_opens_a_new_epoch_and_loses_nothing(
    tmp_path: Path, broker: Broker, central: FakeCentral, snapshots: SnapshotServer
) -> None:
    async def play(agent: AgentProcess, centre: Centre) -> None:
        centre.grant((await agent.get("/v1/status"))["epoch"])
        await earn(agent, central.card(1))
        before = await agent.status_until(queue__unbooked_rows=0, grant__spent_minor={})
        await agent.stop()
        shutil.copytree(agent.data_dir, tmp_path / "backup")
        await agent.start()
        await earn(agent, central.card(2))
        await agent.status_until(queue__unbooked_rows=0, link__up=True)
        await agent.stop()
        shutil.rmtree(agent.data_dir)
        shutil.copytree(tmp_path / "backup", agent.data_dir)

        await agent.start()
        await earn(agent, central.card(3))
        while (await agent.get("/v1/status"))["epoch"] == before["epoch"]:
            await asyncio.sleep(0.02)
        after = await agent.status_until(queue__unbooked_rows=0)

        assert after["epoch"].startswith("2-")
        assert after["grant"] is None
        earned = [event.data for event in centre.events.values() if isinstance(event.data, Earned)]
        assert {data.instrument for data in earned} == {instrument(serial) for serial in (1, 2, 3)}
        verified = await asyncio.to_thread(agent.tool, "journal", "verify")
        assert verified.returncode == 0, verified.stderr
        centre.grant(after["epoch"])
        await agent.status_until(grant__id=f"{after['epoch']}/1")

    run(tmp_path, broker, central, snapshots, play)


@pytest.mark.parametrize("kind", list(BrokerKind))
def test_offline_the_box_goes_on_and_drains_when_the_link_returns(
    tmp_path: Path, central: FakeCentral, snapshots: SnapshotServer, kind: BrokerKind
) -> None:
    with Broker(folder=tmp_path / "broker", kind=kind) as broker:
        agent = AgentProcess(tmp_path)

        async def story() -> None:
            async with Link(target_port=broker.port) as link:
                box_key = agent.enrol(central, broker_port=link.port, url=snapshots.url)
                async with Centre(central, box_key, port=broker.port) as centre:
                    await agent.start()
                    try:
                        await agent.status_until(link__up=True, queue__unbooked_rows=0)
                        await link.cut()
                        await agent.status_until(link__up=False)
                        for serial in range(3):
                            await earn(agent, central.card(serial))
                        status = await agent.get("/v1/status")
                        assert status["queue"]["value_at_risk_minor"] == {"EUR": 354}
                        await link.restore()
                        await agent.status_until(queue__unbooked_rows=0)
                        assert sum(isinstance(event.data, Earned) for event in centre.events.values()) == 3
                    finally:
                        await agent.kill()

        asyncio.run(story())
