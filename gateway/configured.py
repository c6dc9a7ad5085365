"""The configuration in force: checked whole before it replaces the one before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge_config.enrolment import write_private
from edge_config.messages import CONFIG_CONTEXT, Configuration
from gateway.errors import ConfigurationRefused
from gateway.identity import Identity
from programme.canonical import from_builtins
from programme.codes import CodeBook
from programme.errors import NotUnderstood
from programme.rules import RuleSet
from sync.chain import unb64
from sync.errors import WireError
from sync.topics import is_level
from sync.wire import open_message

CONFIGURATION = "configuration.json"
"""The signed configuration in force, verbatim, in the data folder."""

_DAY_END = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_NOON = time(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A configuration, read.

    Attributes:
        signed: As central signed it, verbatim.
        book: What the box needs to understand codes.
        day_ends_at: Local time at which the business day turns.
    """

    signed: str
    configuration: Configuration
    book: CodeBook
    zone: ZoneInfo
    day_ends_at: time

    def rules(self, programme: str) -> RuleSet | None:
        """A programme's rule set; None when this shop doesn't take it."""
        return self.book.rules.get(programme)

    def business_day(self, at: datetime) -> date:
        """The business day of a moment.

        A day that ends before noon (a bar's, at 03:00) gives the small hours to the day before; one that ends later
        gives the rest of the evening to the next day.
        """
        local = at.astimezone(self.zone)
        if self.day_ends_at < _NOON:
            return local.date() - timedelta(days=1) if local.time() < self.day_ends_at else local.date()
        return local.date() + timedelta(days=1) if local.time() >= self.day_ends_at else local.date()


def read_configuration(signed: str, identity: Identity) -> Configured:
    """Verify and read a configuration.

    Raises:
        ConfigurationRefused: Not central's, of another box, or not usable here.
    """
    try:
        configuration = open_message(signed, Configuration, context=CONFIG_CONTEXT, keys=identity.central_keys)
    except WireError as error:
        raise ConfigurationRefused(f"configuration: {error}") from None
    if configuration.device != identity.device:
        raise ConfigurationRefused(f"configuration: for the box {configuration.device!r}, not {identity.device!r}")
    match = _DAY_END.fullmatch(configuration.day_ends_at)
    if match is None:
        raise ConfigurationRefused(f"configuration: day_ends_at must be HH:MM, not {configuration.day_ends_at!r}")
    try:
        zone = ZoneInfo(configuration.time_zone)
    except (KeyError, ValueError, OSError):
        raise ConfigurationRefused(f"configuration: unknown time zone {configuration.time_zone!r}") from None
    return Configured(
        signed=signed,
        configuration=configuration,
        book=_read_book(configuration),
        zone=zone,
        day_ends_at=time(int(match[1]), int(match[2])),
    )


def _read_book(configuration: Configuration) -> CodeBook:
    rules: dict[str, RuleSet] = {}
    reference_keys: dict[str, bytes] = {}
    try:
        for programme, settings in configuration.programmes.items():
            rules[programme] = from_builtins(settings.rules, RuleSet)
            reference_keys[programme] = unb64(settings.reference_key)
            if rules[programme].id != programme or not is_level(programme):
                raise ConfigurationRefused(f"configuration: the programme {programme!r} has other rules")
        token_keys = {
            key_id.encode(): Ed25519PublicKey.from_public_bytes(unb64(key))
            for key_id, key in configuration.token_keys.items()
        }
    except (NotUnderstood, WireError, ValueError) as error:
        raise ConfigurationRefused(f"configuration: {error}") from None
    return CodeBook(rules=rules, reference_keys=reference_keys, token_keys=token_keys)


def load_configuration(data_dir: Path, identity: Identity) -> Configured:
    """The configuration in force: the last one applied, else the enrolment's.

    Raises:
        ConfigurationRefused: It can't be read or doesn't verify.
    """
    path = data_dir / CONFIGURATION
    try:
        signed = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        signed = identity.enrolment.configuration
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationRefused(f"{path}: can't be read ({error}).") from None
    return read_configuration(signed, identity)


def keep_configuration(data_dir: Path, configured: Configured) -> None:
    """Make a configuration the one in force after the next start, too.

    Raises:
        OSError: It can't be written.
    """
    write_private(data_dir / CONFIGURATION, configured.signed.encode(), may_replace=True)
