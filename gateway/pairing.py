"""Screens of the shop's network that may use the counter: each is paired once, by a PIN on the box's own screen.

A PIN of six digits lives five minutes and for one screen. Whoever tries PINs gets five tries from one address and
twenty from all, so that no one guesses better than one in 50,000 per PIN, and a stranger's tries don't lock the
shopkeeper out.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from edge_config.enrolment import write_private
from gateway.errors import CounterError, SetUpFault
from gateway.words import Problem

PIN_DIGITS = 6
PIN_LIVES_S = 300
TRIES_PER_ADDRESS, TRIES = 5, 20
MOST_SCREENS = 20
SCREENS = "screens.json"
"""The paired screens, in the data folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedScreen:
    """A screen that may use the counter.

    Attributes:
        screen: Names it in the list.
        cookie_hash: SHA-256 of its cookie, in hex; the cookie itself is kept nowhere.
    """

    screen: str
    cookie_hash: str
    address: str
    paired_at: datetime


@dataclass(slots=True, kw_only=True)
class _Offer:
    pin: str
    ends_s: float
    tries: dict[str, int] = field(default_factory=dict)

    def may_try(self, address: str) -> bool:
        return self.tries.get(address, 0) < TRIES_PER_ADDRESS and sum(self.tries.values()) < TRIES


class Pairing:
    """Who is paired, and the PIN on offer."""

    def __init__(self, data_dir: Path, *, now: Callable[[], datetime], monotonic_s: Callable[[], float]) -> None:
        """Read who is paired.

        Raises:
            SetUpFault: The list can't be read.
        """
        self._path = data_dir / SCREENS
        self._now = now
        self._monotonic_s = monotonic_s
        self._offer: _Offer | None = None
        self._screens = _read(self._path)

    @property
    def screens(self) -> tuple[PairedScreen, ...]:
        """Every paired screen."""
        return self._screens

    def offer(self) -> str:
        """A new PIN; the one before is over."""
        pin = f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}"
        self._offer = _Offer(pin=pin, ends_s=self._monotonic_s() + PIN_LIVES_S)
        return pin

    def pair(self, pin: str, *, address: str) -> str:
        """Take a PIN from a screen and return the cookie that it shows from now on.

        Raises:
            CounterError: It isn't the PIN on offer, or there were too many tries.
        """
        offer = self._offer
        if offer is None or self._monotonic_s() >= offer.ends_s:
            raise CounterError(Problem.WRONG_PIN)
        if not offer.may_try(address):
            raise CounterError(Problem.TOO_MANY_PINS)
        if not secrets.compare_digest(pin.encode(), offer.pin.encode()):
            offer.tries[address] = offer.tries.get(address, 0) + 1
            raise CounterError(Problem.WRONG_PIN)
        self._offer = None
        cookie = secrets.token_urlsafe(32)
        screen = PairedScreen(
            screen=secrets.token_hex(4), cookie_hash=_hash(cookie), address=address, paired_at=self._now()
        )
        # The oldest makes room: a shop has a handful.
        self._keep((*self._screens, screen)[-MOST_SCREENS:])
        return cookie

    def is_paired(self, cookie: str) -> bool:
        """Whether a screen with this cookie is paired."""
        given = _hash(cookie)
        return any(secrets.compare_digest(given, screen.cookie_hash) for screen in self._screens)

    def revoke(self, screen: str) -> None:
        """Let a screen in no more."""
        self._keep(tuple(paired for paired in self._screens if paired.screen != screen))

    def _keep(self, screens: tuple[PairedScreen, ...]) -> None:
        try:
            write_private(self._path, msgspec.json.encode(screens), may_replace=True)
        except OSError as error:
            raise CounterError(Problem.DISK_FULL) from error
        self._screens = screens


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def _read(path: Path) -> tuple[PairedScreen, ...]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[PairedScreen, ...])
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.MsgspecError) as error:
        raise SetUpFault(f"{path}: can't be read ({error}); remove it, and pair the screens again") from None
