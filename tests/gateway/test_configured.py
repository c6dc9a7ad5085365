"""A configuration is checked whole before it is in force; the business day turns where the shop says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest

from edge_config.messages import Configuration, ProgrammeConfiguration
from gateway.configured import keep_configuration, load_configuration, read_configuration
from gateway.errors import ConfigurationRefused
from tests.gateway.world import CARD, Box, FakeCentral, configuration


def read(box: Box, changed: Configuration) -> None:
    read_configuration(box.central.sign(changed, "config"), box.identity)


def test_a_kept_configuration_is_the_one_after_a_restart(box: Box) -> None:
    assert load_configuration(box.folder, box.identity).configuration.version == 1

    signed = box.central.sign(configuration(box.central, version=5), "config")
    keep_configuration(box.folder, read_configuration(signed, box.identity))

    assert load_configuration(box.folder, box.identity).configuration.version == 5


def test_faults_are_named(box: Box) -> None:
    good = configuration(box.central)
    other_id = {"other": good.programmes[CARD]}
    no_rules = {CARD: ProgrammeConfiguration(rules={"id": CARD}, reference_key="AA")}
    bad_key = {CARD: replace(good.programmes[CARD], reference_key="!")}
    wrong = {
        "box-b": replace(good, device="box-b"),
        "day_ends_at": replace(good, day_ends_at="24:00"),
        "Mars": replace(good, time_zone="Mars/Olympus"),
        "other rules": replace(good, programmes=other_id),
        "not a RuleSet": replace(good, programmes=no_rules),
        "base64url": replace(good, programmes=bad_key),
        "configuration": replace(good, token_keys={"t1": "AAAA"}),
    }
    for said, changed in wrong.items():
        with pytest.raises(ConfigurationRefused, match=said):
            read(box, changed)


def test_only_central_configures(box: Box) -> None:
    forged = FakeCentral().sign(configuration(box.central), "config")

    with pytest.raises(ConfigurationRefused, match="signature"):
        read_configuration(forged, box.identity)


def test_a_damaged_file_is_named(box: Box) -> None:
    (box.folder / "configuration.json").write_bytes(b"\xff")

    with pytest.raises(ConfigurationRefused, match=r"configuration\.json"):
        load_configuration(box.folder, box.identity)


@pytest.mark.parametrize(
    ("day_ends_at", "at", "day"),
    [
        (time(3), datetime(2026, 5, 4, 0, 59, tzinfo=UTC), date(2026, 5, 3)),
        (time(3), datetime(2026, 5, 4, 1, 0, tzinfo=UTC), date(2026, 5, 4)),
        (time(0), datetime(2026, 5, 3, 21, 59, tzinfo=UTC), date(2026, 5, 3)),
        (time(0), datetime(2026, 5, 3, 22, 0, tzinfo=UTC), date(2026, 5, 4)),
        (time(21), datetime(2026, 5, 3, 18, 59, tzinfo=UTC), date(2026, 5, 3)),
        (time(21), datetime(2026, 5, 3, 19, 0, tzinfo=UTC), date(2026, 5, 4)),
        (time(3), datetime(2026, 10, 25, 1, 30, tzinfo=UTC), date(2026, 10, 24)),
    ],
)
def test_the_business_day_turns_in_the_shops_time_zone(box: Box, day_ends_at: time, at: datetime, day: date) -> None:
    assert replace(box.configured, day_ends_at=day_ends_at).business_day(at) == day
