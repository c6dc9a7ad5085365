"""MQTT topics: comptoir/v1/{tenant}/{shard}/{device}/{up|down}/{channel} and the programme's registry topic."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from sync.errors import Unreadable

ROOT = "comptoir/v1"
_LEVEL = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_SHARD = re.compile(r"[0-9a-f]{2}")


class Up(Enum):
    """Channels from a box to central."""

    JOURNAL = "journal"
    ASK = "ask"
    PRESENCE = "presence"
    HEALTH = "health"
    REPORT = "report"


class Down(Enum):
    """Channels from central to a box."""

    ACK = "ack"
    RESEND = "resend"
    ANSWER = "answer"
    GRANT = "grant"
    CONFIG = "config"
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxAddress:
    """Where a box lives on the wire, fixed at enrolment.

    Attributes:
        shard: Two hexadecimal digits, so that central can be split without losing a box's order.
    """

    tenant: str
    shard: str
    device: str

    def up(self, channel: Up) -> str:
        """The topic of a channel to central."""
        return f"{ROOT}/{self.tenant}/{self.shard}/{self.device}/up/{channel.value}"

    def down(self, channel: Down) -> str:
        """The topic of a channel to the box."""
        return f"{ROOT}/{self.tenant}/{self.shard}/{self.device}/down/{channel.value}"

    @property
    def all_down(self) -> str:
        """What the box subscribes to."""
        return f"{ROOT}/{self.tenant}/{self.shard}/{self.device}/down/+"


def all_up(tenant: str) -> str:
    """What central subscribes to."""
    return f"{ROOT}/{tenant}/+/+/up/+"


def registry(tenant: str, programme: str) -> str:
    """The topic of a programme's registry deltas."""
    return f"{ROOT}/{tenant}/programme/{programme}/registry"


def parse_up(topic: str) -> tuple[BoxAddress, Up]:
    """Read a topic that central received from.

    Raises:
        Unreadable: Not a box's topic.
    """
    match topic.split("/"):
        case ["comptoir", "v1", tenant, shard, device, "up", channel] if _is_address(tenant, shard, device):
            try:
                return BoxAddress(tenant=tenant, shard=shard, device=device), Up(channel)
            except ValueError:
                pass
    raise Unreadable(f"not a box's topic: {topic[:120]!r}")


def parse_down(topic: str) -> Down:
    """Read the channel of a topic that a box received from.

    Raises:
        Unreadable: Not a topic to a box.
    """
    match topic.split("/"):
        case ["comptoir", "v1", _, _, _, "down", channel]:
            try:
                return Down(channel)
            except ValueError:
                pass
    raise Unreadable(f"not a topic to a box: {topic[:120]!r}")


def is_level(name: str) -> bool:
    """Whether a tenant, device or programme id can stand in a topic."""
    return _LEVEL.fullmatch(name) is not None


def _is_address(tenant: str, shard: str, device: str) -> bool:
    return is_level(tenant) and is_level(device) and _SHARD.fullmatch(shard) is not None
