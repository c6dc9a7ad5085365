"""Setting up: shops, programmes, boxes; whatever contradicts what is there is refused, whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from central import office
from central.errors import CommandError
from central.store import devices
from central.store.devices import Shop
from edge_config.messages import CONFIG_CONTEXT, Configuration, EnrolmentRequest
from edge_config.settings import HttpSettings
from programme.errors import RulesError
from sync.chain import b64
from sync.wire import open_message
from tests.central.world import CARD, FILES, VOUCHER, Box, Centre

SHOP = Shop(shop="c", name="Au Bon Pain", time_zone="Europe/Paris", day_ends_at="03:00")
KEY = b64(bytes(range(32)))


@pytest.mark.parametrize(
    ("shop", "message"),
    [
        (replace(SHOP, shop="a"), "there already"),
        (replace(SHOP, shop="Café"), "shop id"),
        (replace(SHOP, name=" "), "name"),
        (replace(SHOP, time_zone="Paris"), "time zone"),
        (replace(SHOP, day_ends_at="25:00"), "time zone"),
    ],
)
def test_a_shop_that_will_not_do_is_refused(centre: Centre, shop: Shop, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        office.add_shop(centre.workshop, shop)


def card_file(folder: Path, *changes: tuple[str, str]) -> Path:
    text = (FILES / f"{CARD}.toml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "rules.toml"
    path.write_text(text)
    return path


def test_the_same_rules_again_change_nothing(centre: Centre) -> None:
    assert office.load_programme(centre.workshop, FILES / f"{CARD}.toml").version == 1


def test_a_higher_version_becomes_the_newest(centre: Centre, tmp_path: Path) -> None:
    office.load_programme(centre.workshop, card_file(tmp_path, ("version = 1", "version = 3")))

    with centre.workshop.read() as work:
        assert work.newest_rules()[CARD].version == 3
        assert sorted(work.rulebook) == [(CARD, 1), (CARD, 3), (VOUCHER, 1)]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ([("cap_minor = 5000", "cap_minor = 6000")], "version: 1 is published with other rules"),
        ([("version = 1", "version = 2"), ("number = 1", "number = 7")], "number: it is 1"),
        ([('id = "albret-card"', 'id = "other-card"')], "number: 1 is that of albret-card"),
    ],
)
def test_rules_that_contradict_what_is_published_are_refused(
    centre: Centre, tmp_path: Path, changes: list[tuple[str, str]], fault: str
) -> None:
    with pytest.raises(RulesError, match=fault):
        office.load_programme(centre.workshop, card_file(tmp_path, *changes))


def test_a_programme_stays_of_its_kind(centre: Centre, tmp_path: Path) -> None:
    voucher = (FILES / f"{VOUCHER}.toml").read_text()
    path = tmp_path / "rules.toml"
    path.write_text(voucher.replace(VOUCHER, CARD).replace("version = 1", "version = 2"))

    with pytest.raises(RulesError) as caught:
        office.load_programme(centre.workshop, path)

    assert [fault.split(":")[0] for fault in caught.value.faults] == ["number", "file", "number"]


def test_an_enrolment_holds_what_a_box_needs(centre: Centre, box_a: Box) -> None:
    enrolment = box_a.enrolment

    assert (enrolment.tenant, enrolment.device, enrolment.broker) == ("albret", "box-a", "mqtt://127.0.0.1:1883")
    assert enrolment.central == "http://127.0.0.1:80"
    with centre.workshop.read() as work:
        keys = {enrolment.central_key_id: work.keys.signing.public_key()}
        stored = devices.find(work.db, "box-a")
    configuration = open_message(enrolment.configuration, Configuration, context=CONFIG_CONTEXT, keys=keys)
    assert (configuration.version, configuration.shop, configuration.till) == (1, "a", "1")
    assert stored is not None
    assert enrolment.snapshot_secret not in repr(stored)


@pytest.mark.parametrize(
    ("device", "shop", "key", "message"),
    [
        ("box-a", "a", KEY, "enrolled already"),
        ("central", "a", KEY, "no box may be called"),
        ("Box A", "a", KEY, "device id"),
        ("box-c", "z", KEY, "no shop z"),
        ("box-c", "a", "AAAA", "no usable key"),
        ("box-c", "a", "%%%", "no usable key"),
    ],
)
def test_a_box_that_will_not_do_is_refused(
    centre: Centre, box_a: Box, device: str, shop: str, key: str, message: str
) -> None:
    assert box_a.device == "box-a"
    request = EnrolmentRequest(journal_key=key, software="test")

    with pytest.raises(CommandError, match=message):
        office.enrol(centre.workshop, centre.settings, request, device=device, shop=shop, till="1")


def test_one_key_is_one_box(centre: Centre, box_a: Box) -> None:
    with centre.workshop.read() as work:
        stored = devices.find(work.db, box_a.device)
    assert stored is not None
    request = EnrolmentRequest(journal_key=stored.journal_key, software="test")

    with pytest.raises(CommandError, match="that of the box box-a"):
        office.enrol(centre.workshop, centre.settings, request, device="box-c", shop="a", till="1")


def test_boxes_can_not_be_told_of_a_port_chosen_at_each_start(centre: Centre) -> None:
    settings = replace(centre.settings, http=HttpSettings(port=0))

    with pytest.raises(CommandError, match="public_url"):
        office.public_url(settings)
    assert office.public_url(replace(settings, public_url="https://centre.example")) == "https://centre.example"


def test_a_centre_is_not_made_twice(centre: Centre) -> None:
    with pytest.raises(CommandError, match="nothing was changed"):
        office.initialise(centre.folder, tenant="albret", broker="mqtt://b", http_host="127.0.0.1", http_port=80)
