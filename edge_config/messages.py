"""What central tells a box about itself: its configuration, and the two files of an enrolment by file.

Programmes travel as plain objects: this package knows nothing of their rules, `programme.rules` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]

CONFIG_CONTEXT = "config"
"""Signature context of `Configuration` messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeConfiguration:
    """A programme as a box needs it.

    Attributes:
        rules: The rule set (`programme.rules.RuleSet`) as a JSON object.
        reference_key: HMAC key of instrument references, base64url.
    """

    rules: dict[str, Any]
    reference_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One version of a box's configuration, signed by central.

    Attributes:
        version: Rises by one.
        time_zone: IANA name of the shop's zone.
        day_ends_at: Local time "HH:MM" at which the business day turns.
        token_keys: Token-signing keys in force: base64url public key by key id (text).
        programmes: By programme id.
    """

    device: str
    version: int
    shop: str
    shop_name: str
    till: str
    time_zone: str
    day_ends_at: str
    token_keys: dict[str, str]
    programmes: dict[str, ProgrammeConfiguration]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRequest:
    """What a box shows to central: never a secret.

    Attributes:
        journal_key: Ed25519 public key, base64url.
    """

    journal_key: str
    software: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What central gives back, to carry to the box by hand.

    Attributes:
        broker: "mqtt://host:port".
        central: Base URL of central's HTTP side, for registry snapshots.
        central_key_id: Name of central's signing key.
        central_key: Its Ed25519 public key, base64url.
        snapshot_secret: Bearer secret for registry snapshots.
        time: Central's signed time, which sets the box's order clock.
        configuration: The first configuration, as a signed message (`sync.wire.Signed`).
    """

    tenant: str
    shard: str
    device: str
    broker: str
    central: str
    central_key_id: str
    central_key: str
    snapshot_secret: str
    time: Instant
    configuration: str
