"""The shops and their boxes as the office sees them: whoever is in trouble comes first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import Enum, IntEnum
from typing import Any, TypeAlias

from central.attention import devices_to_json
from central.store import devices, events, journal
from central.web.link import LinkState
from central.work import Work
from programme.events import ClockState

JSON: TypeAlias = dict[str, Any]

QUIET_AFTER = timedelta(minutes=2)
"""A box that is there tells its health every half minute."""
SILENT_AFTER = timedelta(days=4)
"""Shops pull the plug when they close, for a long weekend, too; longer is silence."""
LATE_AFTER = timedelta(minutes=15)
"""Rows of a box that is there are booked within seconds."""
_GONE = "gone"


class Level(IntEnum):
    """How much something needs a person."""

    WELL = 0
    LOOK = 1
    TROUBLE = 2


class Trouble(Enum):
    """What is the matter with a box."""

    NEVER = ("never", Level.LOOK)
    """Enrolled, and not heard of yet."""
    SILENT = ("silent", Level.TROUBLE)
    AWAY = ("away", Level.LOOK)
    LATE = ("late", Level.TROUBLE)
    """It holds rows that should have been booked by now."""
    DEVICE = ("device", Level.LOOK)
    CLOCK = ("clock", Level.LOOK)
    CONFIGURATION = ("configuration", Level.LOOK)

    @property
    def word(self) -> str:
        """Its name on the page."""
        return self.value[0]

    @property
    def level(self) -> Level:
        """How bad it is."""
        return self.value[1]


def fleet(work: Work, link: LinkState) -> list[JSON]:
    """Every shop with its boxes.

    Args:
        link: The one to the broker: while it is down, every box would seem silent.
    """
    names = devices.shops(work.db)
    told: dict[str, JSON] = {
        shop: {"shop": shop, "name": names[shop].name, "level": Level.WELL, "boxes": []} for shop in names
    }
    missing = _missing_below(work)
    for device in devices_to_json(work):
        box = _box(device, _health(work, device, missing.get(str(device["device"]), 0)), work.now, link)
        shop = told[str(device["shop"])]
        shop["boxes"].append(box)
        shop["level"] = max(shop["level"], box["level"])
    for shop in told.values():
        shop["boxes"].sort(key=lambda box: (-box["level"], box["device"]))
    return sorted(told.values(), key=lambda shop: (-shop["level"], shop["name"]))


def _missing_below(work: Work) -> dict[str, int]:
    """How many rows of each box are missing below some that have come."""
    missing: dict[str, int] = {}
    for gap in journal.gaps(work.db):
        missing[gap["device"]] = missing.get(gap["device"], 0) + gap["last_seq"] - gap["first_seq"] + 1
    return missing


def _health(work: Work, device: JSON, missing: int) -> JSON:
    """What a box last said, without rows that have come since: it may be gone before it says so.

    Args:
        missing: Rows that are missing below some that have come.
    """
    health: JSON = json.loads(device["health"]) if device["health"] is not None else {}
    if device["head"] is not None and device["head"]["epoch"] == device["epoch"]:
        missing = max(missing, device["head"]["seq"] - device["booked_seq"])
    if missing:
        return health | {"unbooked_rows": max(missing, health.get("unbooked_rows", 0))}
    oldest = health.get("oldest_unbooked_at")
    if oldest is None or events.count_since(work.db, device["device"], _at(oldest)) < health["unbooked_rows"]:
        return health
    return health | {"unbooked_rows": 0, "value_at_risk_minor": {}, "oldest_unbooked_at": None}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _box(device: JSON, health: JSON, now: datetime, link: LinkState) -> JSON:
    troubles = list(_troubles(device, health, now, link))
    return {
        "device": device["device"],
        "till": device["till"],
        "online": device["online"],
        "seen_at": device["seen_at"],
        "level": max((trouble.level for trouble in troubles), default=Level.WELL),
        "troubles": [trouble.word for trouble in troubles],
        "software": device["software"],
        "configuration": {"newest": device["config_version"], "applied": device["config_applied"]},
        "grant": device["grant"],
        "clock": health.get("clock"),
        "unbooked_rows": health.get("unbooked_rows", 0),
        "value_at_risk_minor": health.get("value_at_risk_minor", {}),
        "oldest_unbooked_at": health.get("oldest_unbooked_at"),
        "health_at": health.get("at"),
        "devices": [{"name": name, "state": state} for name, state in sorted(health.get("devices", {}).items())],
    }


def _troubles(device: JSON, health: JSON, now: datetime, link: LinkState) -> Iterator[Trouble]:
    if device["seen_at"] is None:
        yield Trouble.NEVER
        return
    seen_at = _at(device["seen_at"])
    # A box that is there speaks up within moments once central hears it again.
    is_silent = now - max(seen_at, link.since) > QUIET_AFTER if device["online"] else now - seen_at > SILENT_AFTER
    if is_silent and link.is_up:
        yield Trouble.SILENT
    elif not device["online"]:
        yield Trouble.AWAY
    oldest = health.get("oldest_unbooked_at")
    if health.get("unbooked_rows") and oldest is not None and now - _at(oldest) > LATE_AFTER:
        yield Trouble.LATE
    if _GONE in health.get("devices", {}).values():
        yield Trouble.DEVICE
    if health.get("clock") == ClockState.SUSPECT.value:
        yield Trouble.CLOCK
    if device["online"] and device["config_applied"] != device["config_version"]:
        yield Trouble.CONFIGURATION
