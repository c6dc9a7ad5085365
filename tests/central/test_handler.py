"""Messages that aren't batches or asks: births, deaths, health, reports, commands; and who may speak where."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
import zstandard

from central import office
from central.attention import devices_to_json
from central.errors import CommandError
from programme.events import ClockState
from sync.topics import Up
from sync.wire import Health, Report, read_batch, sign_message
from tests.central.world import CARD, FILES, Box, Centre


def told(centre: Centre, box: Box) -> dict[str, object]:
    with centre.workshop.read() as work:
        (device,) = (device for device in devices_to_json(work) if device["device"] == box.device)
    return device


def test_a_birth_gets_the_watermark(centre: Centre, box_a: Box) -> None:
    centre.batch(box_a)
    box_a.earned(centre.card(), 100)

    ack = centre.birth(box_a).ack

    assert (ack.epoch, ack.seq, ack.hash) == (box_a.epoch, 1, box_a.rows[0].hash.hex())


def test_a_message_with_a_character_that_no_database_keeps_is_refused(centre: Centre, box_a: Box) -> None:
    strange = replace(box_a.birth(), software="a\0b")

    assert centre.send(box_a, Up.PRESENCE, box_a.signed(strange)).raw == []
    assert told(centre, box_a)["online"] is False


def test_a_birth_in_an_unknown_epoch_gets_seq_0(centre: Centre, box_a: Box) -> None:
    ack = centre.birth(box_a).ack

    assert (ack.epoch, ack.seq, ack.hash) == (box_a.epoch, 0, "0" * 64)


def test_a_birth_with_an_old_configuration_gets_the_newest(centre: Centre, box_a: Box) -> None:
    assert centre.birth(box_a).configurations == []

    (configuration,) = centre.birth(box_a, config=0).configurations

    assert (configuration.version, configuration.shop_name) == (1, "Librairie des Halles")
    assert sorted(configuration.programmes) == ["albret-card", "albret-voucher"]


def test_new_rules_are_pushed_to_the_boxes_that_are_there(
    centre: Centre, box_a: Box, box_b: Box, tmp_path_factory: pytest.TempPathFactory
) -> None:
    centre.birth(box_a)
    centre.birth(box_b)
    centre.death(box_b)
    centre.tick()
    path = tmp_path_factory.mktemp("rules") / "card.toml"
    path.write_text((FILES / f"{CARD}.toml").read_text().replace("version = 1", "version = 2"))
    office.load_programme(centre.workshop, path)

    (configuration,) = centre.tick().configurations

    assert (configuration.device, configuration.version) == ("box-a", 2)
    assert configuration.programmes[CARD].rules["version"] == 2


def test_a_box_is_gone_once_its_will_is_known(centre: Centre, box_a: Box) -> None:
    centre.birth(box_a)
    assert told(centre, box_a)["online"] is True

    centre.death(box_a)

    assert told(centre, box_a)["online"] is False


def test_an_old_will_does_not_hide_a_new_birth(centre: Centre, box_a: Box) -> None:
    centre.send(box_a, Up.PRESENCE, box_a.signed(box_a.birth(boot=2)))
    centre.death(box_a, boot=1)

    assert told(centre, box_a)["online"] is True


def test_health_is_kept(centre: Centre, box_a: Box) -> None:
    centre.birth(box_a)
    health = Health(
        device="box-a",
        at=centre.clock.now(),
        unbooked_rows=3,
        value_at_risk_minor={"EUR": 2_000},
        clock=ClockState.SYNCED,
        devices={"printer": "ready"},
    )

    centre.send(box_a, Up.HEALTH, box_a.signed(health))

    assert '"unbooked_rows":3' in str(told(centre, box_a)["health"])


def test_a_command_is_sent_once_and_its_report_kept(centre: Centre, box_a: Box) -> None:
    centre.birth(box_a)
    centre.tick()
    command_id = office.send_command(centre.workshop, "box-a", "report_status")

    (command,) = centre.tick().commands
    assert (command.name, str(command.command_id)) == ("report_status", command_id)
    assert centre.tick().commands == []

    subject = f"command/{command_id}"
    report = Report(device="box-a", subject=subject, ok=True, detail={"rows": 1}, at=centre.clock.now())
    centre.send(box_a, Up.REPORT, box_a.signed(report))
    assert told(centre, box_a)["reports"] == [{"subject": subject, "ok": True, "detail": '{"rows":1}'}]


def test_a_command_that_was_lost_comes_at_the_next_birth_until_its_report(centre: Centre, box_a: Box) -> None:
    centre.birth(box_a)
    command_id = office.send_command(centre.workshop, "box-a", "report_status")
    lost = centre.tick().commands
    centre.restart()

    assert centre.birth(box_a).commands == lost
    centre.tick()
    assert centre.tick().commands == []
    centre.clock.advance(minutes=1)
    assert centre.tick().commands == lost  # it is there, and may never be born again
    report = Report(device="box-a", subject=f"command/{command_id}", ok=True, detail={}, at=centre.clock.now())
    centre.send(box_a, Up.REPORT, box_a.signed(report))
    assert centre.birth(box_a).commands == []


def test_an_idle_box_that_missed_a_delta_learns_of_it_by_its_health(centre: Centre, box_a: Box, box_b: Box) -> None:
    for box in (box_a, box_b):
        centre.batch(box)
        centre.birth(box)
    box_a.earned(centre.card(), 100)
    centre.batch(box_a)
    health = Health(
        device="box-b",
        at=centre.clock.now(),
        unbooked_rows=0,
        value_at_risk_minor={},
        clock=ClockState.SYNCED,
        devices={},
    )

    first = centre.send(box_b, Up.HEALTH, box_b.signed(health))
    again = centre.send(box_b, Up.HEALTH, box_b.signed(health))
    centre.clock.advance(seconds=61)
    later = centre.send(box_b, Up.HEALTH, box_b.signed(health))

    assert (first.ack.seq, first.ack.heads[CARD].version) == (1, 2)
    assert again.acks == []
    assert later.ack.heads == first.ack.heads


def test_an_applied_configuration_is_noted(centre: Centre, box_a: Box) -> None:
    centre.birth(box_a, config=0)

    report = Report(device="box-a", subject="config/1", ok=True, detail={}, at=centre.clock.now())
    centre.send(box_a, Up.REPORT, box_a.signed(report))

    assert told(centre, box_a)["config_applied"] == 1


def test_a_box_can_not_speak_on_another_s_topic(centre: Centre, box_a: Box, box_b: Box) -> None:
    box_a.earned(centre.card(), 100)

    assert centre.send(box_b, Up.JOURNAL, box_a.batch()).raw == []
    assert centre.send(box_b, Up.PRESENCE, box_a.signed(box_a.birth())).raw == []
    assert centre.balances() == {}


def test_a_box_can_not_speak_in_another_s_name(centre: Centre, box_a: Box, box_b: Box) -> None:
    box_b.enrolment, mine = box_a.enrolment, box_b.enrolment
    assert mine.device == "box-b"

    assert centre.send_to(box_a.address.up(Up.JOURNAL), box_b.batch()).raw == []


@pytest.mark.parametrize(
    "topic",
    [
        "comptoir/v1/albret/00/nobody/up/journal",
        "comptoir/v1/other/{shard}/box-a/up/journal",
        "comptoir/v1/albret/zz/box-a/up/journal",
        "comptoir/v1/albret/{shard}/box-a/up/gossip",
        "comptoir/v1/albret/{shard}/box-a/down/ack",
    ],
)
def test_topics_that_contradict_the_device_record_are_refused(centre: Centre, box_a: Box, topic: str) -> None:
    box_a.earned(centre.card(), 100)

    assert centre.send_to(topic.format(shard=box_a.enrolment.shard), box_a.batch()).raw == []
    assert centre.balances() == {}


def test_a_wrong_shard_is_refused(centre: Centre, box_a: Box) -> None:
    shard = "00" if box_a.enrolment.shard != "00" else "01"

    assert centre.send_to(f"comptoir/v1/albret/{shard}/box-a/up/journal", box_a.batch()).raw == []


@pytest.mark.parametrize("channel", Up)
@pytest.mark.parametrize("payload", [b"", b"{}", b"\xff\x00", b"[" * 10_000, b"x" * 300_000])
def test_noise_on_any_channel_changes_nothing(centre: Centre, box_a: Box, channel: Up, payload: bytes) -> None:
    centre.send(box_a, channel, payload)

    assert centre.batch(box_a).ack.seq == 1


def test_what_was_committed_and_not_published_costs_time_only(centre: Centre, box_a: Box) -> None:
    box_a.earned(centre.card(), 100)
    lost = centre.batch(box_a).ack
    before = centre.balances()
    centre.restart()

    ack = centre.batch(box_a).ack

    assert (ack.seq, ack.hash) == (lost.seq, lost.hash)
    assert ack.heads == lost.heads
    assert centre.balances() == before


def test_a_command_to_nobody_is_refused(centre: Centre) -> None:
    with pytest.raises(CommandError, match="no box"):
        office.send_command(centre.workshop, "nobody", "report_status")


@pytest.mark.parametrize("epoch", ["é-0123456789abcdef", "1-0123", "1-0123456789abcdef\n", "x" * 500, ""])
def test_a_batch_of_an_impossible_epoch_is_refused(centre: Centre, box_a: Box, epoch: str) -> None:
    forged = zstandard.compress(msgspec.json.encode(replace(read_batch(box_a.batch()), epoch=epoch)))

    assert centre.send(box_a, Up.JOURNAL, forged).raw == []


def test_a_batch_at_an_impossible_seq_is_refused(centre: Centre, box_a: Box) -> None:
    forged = zstandard.compress(msgspec.json.encode(replace(read_batch(box_a.batch()), first_seq=2**63)))

    assert centre.send(box_a, Up.JOURNAL, forged).raw == []


def test_an_ask_about_an_endless_reference_is_refused(centre: Centre, box_a: Box) -> None:
    assert centre.send(box_a, Up.ASK, box_a.signed(box_a.ask(CARD, "0" * 10_000, 100))).raw == []


def report_on(centre: Centre, box: Box, subject: str) -> None:
    report = Report(device=box.device, subject=subject, ok=True, detail={}, at=centre.clock.now())
    centre.send(box, Up.REPORT, box.signed(report))


def test_reports_on_what_the_box_was_never_sent_are_refused(centre: Centre, box_a: Box, box_b: Box) -> None:
    centre.birth(box_a, config=0)
    theirs = office.send_command(centre.workshop, "box-b", "report_status")
    centre.tick()
    waiting = office.send_command(centre.workshop, "box-a", "report_status")
    never = ("weather", "config/1x", "config/2", "command/" + "0" * 300)
    for subject in (*never, f"command/{theirs}", f"command/{waiting}", f"command/{box_a.ids.new_id()}"):
        report_on(centre, box_a, subject)

    assert told(centre, box_a)["reports"] == []
    assert told(centre, box_a)["config_applied"] == 0

    centre.tick()
    report_on(centre, box_a, f"command/{waiting}")
    assert len(centre.birth(box_b).commands) == 1
    assert centre.birth(box_a).commands == []


NUMBERS = [-1, 2**53, 2**63, 2**64]


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_that_no_database_holds_are_refused(centre: Centre, box_a: Box, number: int) -> None:
    centre.batch(box_a)
    birth = box_a.birth()
    assert birth.head is not None

    for odd in (
        replace(birth, boot=number),
        replace(birth, config=number),
        replace(birth, head=replace(birth.head, seq=number)),
    ):
        payload = sign_message(odd, context="birth", key_id=box_a.device, key=box_a.key)
        assert centre.send(box_a, Up.PRESENCE, payload).raw == []
    assert centre.send(box_a, Up.PRESENCE, b'{"boot":%d,"device":"box-a"}' % number).raw == []
    assert told(centre, box_a)["seen_at"] is None
