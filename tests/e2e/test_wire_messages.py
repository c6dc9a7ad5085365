"""Every message of the wire crosses a real broker, between the real box and the real centre, and verifies."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from edge_config.messages import Configuration
from gateway.identity import load_identity
from hardware_sim.programs import until
from hardware_sim.town import CARD, PROGRAMMES, VOUCHER
from programme.authorisations import Answer
from programme.cloudevents import decode_event
from programme.grants import Grant
from sync.errors import BadSignature, Unreadable
from sync.topics import Down, Up, registry
from sync.wire import (
    Ack,
    AskMessage,
    Birth,
    Command,
    Death,
    Health,
    RegistryDelta,
    RegistrySnapshot,
    Report,
    Resend,
    open_message,
)
from tests.brokers.stands import Stand, chosen, name_of
from tests.docs.asyncapi import check
from tests.e2e.places import NearTown, Town, found, short_folder
from tests.e2e.tap import Heard, Reader, Rows, Tap
from tests.e2e.till import Till, earn, redeem

GARBLED = b"no batch at all"


@dataclass(slots=True, kw_only=True)
class Line:
    """One shop at work, and everything that crosses its broker."""

    town: Town
    tap: Tap
    reader: Reader
    till: Till

    def up(self, channel: Up) -> str:
        """A topic to the centre."""
        return load_identity(self.town.a.folder / "box").address.up(channel)

    def down(self, channel: Down) -> str:
        """A topic to the box."""
        return load_identity(self.town.a.folder / "box").address.down(channel)

    def is_birth(self, heard: Heard) -> bool:
        """Whether the box says that it is there."""
        return isinstance(self.reader.read(heard), Birth)

    def is_death(self, heard: Heard) -> bool:
        """Whether it is said that the box is gone."""
        return isinstance(self.reader.read(heard), Death)

    def reports(self, subject: str, *, since: int) -> Report:
        """Wait for a report."""

        def is_about(heard: Heard) -> bool:
            return self.reader.read_as(heard, Report).subject == subject

        return self.reader.read_as(self.tap.wait_for(self.up(Up.REPORT), is_about, since=since), Report)


@pytest.fixture(scope="module", params=chosen(Stand.MOSQUITTO, Stand.NATS), ids=name_of)
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    with (
        short_folder() as folder,
        NearTown(folder, broker=request.param.make(folder / "broker")) as virtual,
        Tap(virtual.broker) as tap,
    ):
        town = found(virtual, vouchers=3)
        reader = Reader(load_identity(town.a.folder / "box"))
        yield Line(town=town, tap=tap, reader=reader, till=Till(town.a))


def test_the_box_says_that_it_is_there(line: Line) -> None:
    birth = line.reader.read_as(line.tap.wait_for(line.up(Up.PRESENCE), line.is_birth), Birth)

    assert (birth.device, birth.boot) == ("box-a", 1)
    assert birth.head is not None and birth.head.seq == 1
    assert birth.grant is None
    assert set(birth.heads) <= {CARD, VOUCHER}


def test_whoever_comes_later_learns_who_is_there(line: Line) -> None:
    with Tap(line.town.virtual.broker, name="late") as late:
        heard = late.wait_for(line.up(Up.PRESENCE))

    assert heard.retained
    assert line.is_birth(heard)
    # Nothing else is kept that correctness would need.
    assert [message.topic for message in late.heard if message.retained] == [line.up(Up.PRESENCE)]


def test_the_box_gets_its_grant(line: Line) -> None:
    grant = line.reader.read_as(line.tap.wait_for(line.down(Down.GRANT)), Grant)

    assert (grant.device, grant.number) == ("box-a", 1)
    assert len(grant.allowances[VOUCHER].consigned) == 3


def test_rows_go_up_and_acks_and_deltas_come_down(line: Line) -> None:
    since = len(line.tap.heard)
    earned = line.till.do(earn(line.town.cards[0].token, "23,50"))

    batch = line.reader.read_as(line.tap.wait_for(line.up(Up.JOURNAL), since=since), Rows)
    last = batch.rows[-1]

    assert decode_event(last.event).event_id == UUID(earned["event_id"])

    def acknowledges(heard: Heard) -> bool:
        return line.reader.read_as(heard, Ack).hash == last.hash.hex()

    ack = line.reader.read_as(line.tap.wait_for(line.down(Down.ACK), acknowledges, since=since), Ack)
    assert (ack.epoch, ack.seq) == (last.epoch, last.seq)
    heard = line.tap.wait_for(registry("albret", CARD), since=since)
    delta = line.reader.read_as(heard, RegistryDelta)
    assert (delta.version, delta.entries[0].balance_minor) == (ack.heads[CARD].version, 118)
    assert ack.time > decode_event(last.event).ordered_at
    line.town.settle()


def test_an_ask_is_answered(line: Line) -> None:
    line.town.settle()
    since = len(line.tap.heard)
    spent = line.till.do(redeem(line.town.cards[0].token, "0,50"))

    ask = line.reader.read_as(line.tap.wait_for(line.up(Up.ASK), since=since), AskMessage)
    answer = line.reader.read_as(line.tap.wait_for(line.down(Down.ANSWER), since=since), Answer)

    assert not spent["stand_in"]
    assert str(ask.ask.authorisation) == spent["event_id"]
    assert (answer.ask, answer.approved) == (ask.ask, True)


def test_the_box_says_how_it_fares(line: Line) -> None:
    heard = line.tap.wait_for(line.up(Up.HEALTH))
    health = line.reader.read_as(heard, Health)

    assert (heard.qos, heard.retained) == (0, False)
    assert set(health.devices) <= {"douchette", "imprimante"}
    assert health.unbooked_rows >= 0


def test_a_command_is_carried_out_and_reported(line: Line) -> None:
    since = len(line.tap.heard)
    command_id = line.town.virtual.office("command", "box-a", "report_status").strip()

    command = line.reader.read_as(line.tap.wait_for(line.down(Down.COMMAND), since=since), Command)
    report = line.reports(f"command/{command_id}", since=since)

    assert (str(command.command_id), command.name) == (command_id, "report_status")
    assert report.ok and report.detail["device"] == "box-a"
    until(
        lambda: any(told["subject"] == report.subject for told in line.town.device(line.town.a)["reports"]),
        what="the office to see the report",
    )


def test_an_unknown_command_is_refused_and_reported(line: Line) -> None:
    since = len(line.tap.heard)
    command_id = line.town.virtual.office("command", "box-a", "make_coffee").strip()

    report = line.reports(f"command/{command_id}", since=since)

    assert not report.ok and "make_coffee" in report.detail["reason"]


def test_a_configuration_is_applied_and_reported(line: Line) -> None:
    since = len(line.tap.heard)
    file = line.town.virtual.folder / "next.toml"
    rules = (PROGRAMMES / f"{CARD}.toml").read_text(encoding="utf-8")
    file.write_text(rules.replace("version = 1", "version = 2"), encoding="utf-8")
    line.town.virtual.office("programme", "load", str(file))

    heard = line.tap.wait_for(line.down(Down.CONFIG), since=since)
    configuration = line.reader.read_as(heard, Configuration)
    report = line.reports(f"config/{configuration.version}", since=since)

    assert configuration.programmes[CARD].rules["version"] == 2
    assert report.ok and report.detail["in_force"] == configuration.version
    assert line.town.a.status()["configuration"] == configuration.version


def test_an_unreadable_batch_is_asked_for_again_row_by_row(line: Line) -> None:
    line.town.settle()
    since = len(line.tap.heard)
    line.tap.say(line.up(Up.JOURNAL), GARBLED)

    resend = line.reader.read_as(line.tap.wait_for(line.down(Down.RESEND), since=since), Resend)

    assert (resend.device, resend.one_by_one) == ("box-a", True)
    line.till.do(earn(line.town.cards[1].token, "2,00"))
    line.town.settle()


def test_rows_that_central_lacks_are_asked_for_and_come_again(line: Line) -> None:
    # The box sends unacknowledged rows again by itself after some seconds; on a slow machine that may come first.
    for _ in range(5):
        line.town.settle()
        since = len(line.tap.heard)
        line.town.virtual.central.stop()
        lost = UUID(line.till.do(earn(line.town.cards[1].token, "2,00"))["event_id"])
        line.tap.wait_for(line.up(Up.JOURNAL), since=since)
        line.town.start_central()
        line.till.do(earn(line.town.cards[1].token, "2,00"))
        line.town.settle()
        resends = [heard for heard in line.tap.heard[since:] if heard.topic == line.down(Down.RESEND)]
        if resends:
            break
    resend = line.reader.read_as(resends[0], Resend)
    sent = [
        row
        for heard in line.tap.heard[since:]
        if heard.topic == line.up(Up.JOURNAL)
        for row in line.reader.read_as(heard, Rows).rows
    ]
    carried = [row.seq for row in sent if decode_event(row.event).event_id == lost]
    assert not resend.one_by_one
    assert resend.first_seq <= carried[0] <= resend.last_seq
    assert len(carried) > 1


def test_the_broker_says_when_the_box_has_died(line: Line) -> None:
    line.town.settle()
    since = len(line.tap.heard)
    line.town.a.gateway.kill()

    heard = line.tap.wait_for(line.up(Up.PRESENCE), line.is_death, since=since)

    assert line.reader.read_as(heard, Death).device == "box-a"
    until(lambda: not line.town.device(line.town.a)["online"], what="the office to see that the box is gone")
    with Tap(line.town.virtual.broker, name="late") as late:
        assert line.is_death(late.wait_for(line.up(Up.PRESENCE)))
    since = len(line.tap.heard)
    line.town.a.open()
    birth = line.reader.read_as(line.tap.wait_for(line.up(Up.PRESENCE), line.is_birth, since=since), Birth)
    assert birth.boot == line.reader.read_as(heard, Death).boot + 1
    assert birth.grant is not None
    line.town.settle()


def test_the_box_says_itself_when_it_ends(line: Line) -> None:
    line.town.settle()
    since = len(line.tap.heard)
    line.town.a.gateway.stop()

    heard = line.tap.wait_for(line.up(Up.PRESENCE), line.is_death, since=since)

    assert line.reader.read_as(heard, Death).device == line.town.a.device
    line.town.a.open()
    line.town.settle()


def get(line: Line, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Ask the centre's HTTP side."""
    address = urlsplit(line.town.virtual.central_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_snapshots_come_over_http_to_boxes_alone(line: Line) -> None:
    line.town.settle()
    identity = load_identity(line.town.a.folder / "box")
    path = f"/v1/registry/{CARD}"
    bearer = f"Bearer {identity.device}:{identity.enrolment.snapshot_secret}"

    status, headers, body = get(line, path, Authorization=bearer)

    assert status == 200
    snapshot = open_message(body, RegistrySnapshot, context="registry-snapshot", keys=identity.central_keys)
    assert snapshot.version == line.town.a.status()["replicas"][CARD]["version"]
    assert len(snapshot.entries) == len(line.town.cards)
    assert headers["etag"] == f'"{snapshot.generation}-{snapshot.version}"'
    assert get(line, path, Authorization=bearer, If_None_Match=headers["etag"])[0] == 304
    assert get(line, path, Authorization=bearer, If_None_Match='"0-0"')[0] == 200
    assert get(line, path)[0] == 401
    assert get(line, path, Authorization=f"Bearer {identity.device}:wrong")[0] == 401
    assert get(line, "/v1/registry/unknown", Authorization=bearer)[0] == 404


def test_every_message_that_crossed_the_broker_verifies_and_is_as_documented(line: Line) -> None:
    line.town.settle()
    crossed = [heard for heard in line.tap.heard if heard.payload != GARBLED]
    for heard in crossed:
        line.reader.read(heard)
        check(heard.topic, heard.payload)

    known = {
        *(line.up(channel) for channel in Up),
        *(line.down(channel) for channel in Down),
        registry("albret", CARD),
        registry("albret", VOUCHER),
    }
    topics = {heard.topic for heard in crossed}
    assert {line.up(Up.PRESENCE), line.up(Up.JOURNAL), line.down(Down.ACK), line.down(Down.GRANT)} <= topics <= known


def test_a_message_that_somebody_changed_does_not_verify(line: Line) -> None:
    heard = line.tap.wait_for(line.down(Down.ACK))
    changed = replace(heard, payload=heard.payload.replace(b'\\"seq\\":', b'\\"seq\\":1', 1))

    assert changed.payload != heard.payload
    with pytest.raises(BadSignature):
        line.reader.read(changed)
    with pytest.raises(Unreadable):
        line.reader.read(replace(heard, topic=line.up(Up.JOURNAL), payload=GARBLED))
