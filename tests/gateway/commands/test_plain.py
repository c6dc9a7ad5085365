"""Times and states as people read them."""

from __future__ import annotations

from datetime import datetime

import pytest

from gateway.commands.plain import age, job_line, local_time
from sync.journal import JobState


@pytest.mark.parametrize(
    ("seconds", "french"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (200_000, "2 jours")]
)
def test_an_age_has_the_unit_people_would_use(seconds: int, french: str) -> None:
    assert age(seconds, "fr") == french


@pytest.mark.parametrize("state", JobState)
def test_no_state_of_a_print_is_shown_raw_in_french(state: JobState) -> None:
    assert state.value not in job_line(4, state.value, "", "fr")


def test_a_time_is_the_machines_unless_a_zone_is_given() -> None:
    at = datetime(2026, 1, 2, 3, 4).astimezone()

    assert local_time(at.isoformat(), "fr") == "02/01/2026 à 03:04"
