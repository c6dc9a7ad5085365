"""Screens of the shop's network that may use the counter: each is paired once, by a PIN on the box's own screen.

A PIN of six digits lives five minutes and for one screen. Whoever tries PINs gets five tries from one address and
twenty from all, so that no one guesses better than one in 50,000 per PIN, and a stranger's tries don't lock the
shopkeeper out.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import structlog

from edge_config.enrolment import write_private
from gateway.errors import CounterError
from gateway.words import Problem

PIN_DIGITS = 6
PIN_LIVES_S = 300
TRIES_PER_ADDRESS, TRIES = 5, 20
MOST_SCREENS = 20
SCREENS = "screens.json"
"""The paired screens, in the data folder."""
_SEEN_EVERY = timedelta(hours=1)
"""Noting each call would wear the disk out."""
_log = structlog.get_logger("comptoir.pairing")


class TooManyPins(CounterError):
    """An address, or all of them, tried too often.

    Attributes:
        retry_after_s: When this PIN is over; another one may be had at once.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(Problem.TOO_MANY_PINS)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedScreen:
    """A screen that may use the counter.

    Attributes:
        screen: Id, to revoke it by.
        name: How people call it; its address where nobody said.
        cookie_hash: SHA-256 of its cookie, in hex; the cookie itself is kept nowhere.
        seen_at: When it last called, to the hour.
    """

    screen: str
    name: str
    cookie_hash: str
    paired_at: datetime
    seen_at: datetime


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
        """Read who is paired; nobody, where that can't be read."""
        self._path = data_dir / SCREENS
        self._now = now
        self._monotonic_s = monotonic_s
        self._offer: _Offer | None = None
        self._waiting: set[asyncio.Future[None]] = set()
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

    def pair(self, pin: str, *, address: str, name: str = "") -> str:
        """Take a PIN from a screen and return the cookie that it shows from now on.

        Raises:
            CounterError: It isn't the PIN on offer, or there were too many tries.
        """
        offer, now_s = self._offer, self._monotonic_s()
        if offer is None or now_s >= offer.ends_s:
            raise CounterError(Problem.WRONG_PIN)
        if not offer.may_try(address):
            raise TooManyPins(retry_after_s=math.ceil(offer.ends_s - now_s))
        if not secrets.compare_digest(pin.encode(), offer.pin.encode()):
            offer.tries[address] = offer.tries.get(address, 0) + 1
            raise CounterError(Problem.WRONG_PIN)
        self._offer = None
        cookie, now = secrets.token_urlsafe(32), self._now()
        screen = PairedScreen(
            screen=secrets.token_hex(4), name=name or address, cookie_hash=_hash(cookie), paired_at=now, seen_at=now
        )
        # The one that was away longest makes room: a shop has a handful.
        others = sorted(self._screens, key=lambda paired: paired.seen_at)
        self._keep((*others, screen)[-MOST_SCREENS:])
        return cookie

    def is_paired(self, cookie: str) -> bool:
        """Whether a screen with this cookie is paired."""
        return self.find(cookie) is not None

    def find(self, cookie: str) -> PairedScreen | None:
        """The screen that shows a cookie; None where it isn't paired, or not any more."""
        given = _hash(cookie)
        return next((screen for screen in self._screens if secrets.compare_digest(given, screen.cookie_hash)), None)

    def saw(self, cookie: str) -> None:
        """A paired screen called."""
        screen, now = self.find(cookie), self._now()
        if screen is not None and now - screen.seen_at >= _SEEN_EVERY:
            seen = tuple(replace(paired, seen_at=now) if paired is screen else paired for paired in self._screens)
            try:
                self._keep(seen)
            except CounterError as error:
                self._screens = seen  # until the next start
                _log.warning("screen not noted", screen=screen.screen, reason=str(error))

    async def until_revoked(self, cookie: str) -> None:
        """Wait until the screen with this cookie isn't paired any more."""
        while self.is_paired(cookie):
            kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(kept)
            try:
                await kept
            finally:
                self._waiting.discard(kept)

    def revoke(self, screen: str) -> None:
        """Let a screen in no more."""
        self._keep(tuple(paired for paired in self._screens if paired.screen != screen))

    def _keep(self, screens: tuple[PairedScreen, ...]) -> None:
        try:
            write_private(self._path, msgspec.json.encode(screens), may_replace=True)
        except OSError as error:
            raise CounterError(Problem.DISK_FULL) from error
        self._screens = screens
        for kept in self._waiting:
            if not kept.done():
                kept.set_result(None)


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def _read(path: Path) -> tuple[PairedScreen, ...]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[PairedScreen, ...])
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.MsgspecError, UnicodeError) as error:
        # Nobody is let in, and the counter goes on; the next screen that is paired writes a new list.
        _log.error("paired screens not readable: pair them again", path=str(path), reason=str(error))
        return ()
