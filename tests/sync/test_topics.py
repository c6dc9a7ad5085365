"""Topics say who and what, and nothing else passes."""

from __future__ import annotations

import pytest

from sync.errors import Unreadable
from sync.topics import BoxAddress, Down, Up, all_up, is_level, parse_down, parse_up, registry

ADDRESS = BoxAddress(tenant="albret", shard="3f", device="box-a")


@pytest.mark.parametrize("channel", Up)
def test_central_reads_what_a_box_writes(channel: Up) -> None:
    assert parse_up(ADDRESS.up(channel)) == (ADDRESS, channel)


@pytest.mark.parametrize("channel", Down)
def test_a_box_reads_what_central_writes(channel: Down) -> None:
    assert parse_down(ADDRESS.down(channel)) is channel


def test_the_topics_are_as_written_down() -> None:
    assert ADDRESS.up(Up.JOURNAL) == "comptoir/v1/albret/3f/box-a/up/journal"
    assert ADDRESS.all_down == "comptoir/v1/albret/3f/box-a/down/+"
    assert all_up("albret") == "comptoir/v1/albret/+/+/up/+"
    assert registry("albret", "albret-card") == "comptoir/v1/albret/programme/albret-card/registry"


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "comptoir/v1/albret/3f/box-a/up/unheard",
        "comptoir/v1/albret/3f/box-a/down/ack",
        "comptoir/v1/albret/3F/box-a/up/ask",
        "comptoir/v1/albret/3f/../up/ask",
        "comptoir/v1/albret/3f/box-a/up/ask/more",
        "comptoir/v2/albret/3f/box-a/up/ask",
        "comptoir/v1/+/3f/box-a/up/ask",
    ],
)
def test_other_topics_up_are_refused(topic: str) -> None:
    with pytest.raises(Unreadable, match="not a box's topic"):
        parse_up(topic)


@pytest.mark.parametrize(
    "topic", ["", "comptoir/v1/albret/3f/box-a/down/unheard", "comptoir/v1/albret/3f/box-a/up/ask"]
)
def test_other_topics_down_are_refused(topic: str) -> None:
    with pytest.raises(Unreadable, match="not a topic to a box"):
        parse_down(topic)


@pytest.mark.parametrize(
    ("name", "fits"),
    [("box-a", True), ("0", True), ("", False), ("a/b", False), ("#", False), ("é", False), ("a" * 41, False)],
)
def test_what_can_stand_in_a_topic(name: str, fits: bool) -> None:
    assert is_level(name) is fits
