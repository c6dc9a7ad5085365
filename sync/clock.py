"""The order clock: a time that only goes forward, whatever the wall clock does.

`ordered_at` is the maximum of the last row's and central's last signed time, plus what CLOCK_BOOTTIME counted since. No
wall clock enters it, so a battery-less box that wakes in 1970, or a hand that sets 2040, changes no order.
After a reboot the elapsed time is unknown: the clock resumes at its maximum, suspect until central's signed time comes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from programme.events import ClockState
from programme.instants import from_us, to_us

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class BootClock(Protocol):
    """What the machine knows of time."""

    def boot_id(self) -> str:
        """Another one after each boot."""
        ...

    def elapsed_us(self) -> int:
        """Microseconds since the boot, suspended time included."""
        ...

    def now(self) -> datetime:
        """The wall clock, aware UTC; may be wrong."""
        ...


class LinuxClock:
    """The real `BootClock`."""

    def __init__(self) -> None:
        # random(4): boot_id is generated once per boot.
        self._boot_id = _BOOT_ID.read_text(encoding="ascii").strip()

    def boot_id(self) -> str:
        """Another one after each boot."""
        return self._boot_id

    def elapsed_us(self) -> int:
        """Microseconds since the boot: CLOCK_BOOTTIME, clock_gettime(2)."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000

    def now(self) -> datetime:
        """The wall clock."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockBase:
    """Where the order clock stands; kept on disk with each row.

    Attributes:
        at_us: Highest order time given or received, microseconds since 1970.
        elapsed_us: `BootClock.elapsed_us` at that moment.
        boot_id: The boot in which it was counted.
        state: Whether signed time was seen since that boot.
    """

    at_us: int
    elapsed_us: int
    boot_id: str
    state: ClockState


class OrderClock:
    """Give strictly increasing order times; not thread-safe."""

    def __init__(self, boot: BootClock, base: ClockBase) -> None:
        self._boot = boot
        if base.boot_id != boot.boot_id():
            base = ClockBase(
                at_us=base.at_us, elapsed_us=boot.elapsed_us(), boot_id=boot.boot_id(), state=ClockState.SUSPECT
            )
        self._base = base
        self._held_us: int | None = None

    @classmethod
    def starting_at(cls, boot: BootClock, signed_time: datetime) -> OrderClock:
        """The first clock of a box, from the signed time of its enrolment."""
        base = ClockBase(
            at_us=to_us(signed_time), elapsed_us=boot.elapsed_us(), boot_id=boot.boot_id(), state=ClockState.SYNCED
        )
        return cls(boot, base)

    @property
    def base(self) -> ClockBase:
        """What to keep, so that another process can go on from here."""
        return self._base

    @property
    def state(self) -> ClockState:
        """Whether the time can be believed as a date."""
        return self._base.state

    def hold(self) -> None:
        """Stand still until the next time is given: what `peek` says now, it will be."""
        self._held_us = self._elapsed_us()

    def release(self) -> None:
        """Go on without having given the time that was held."""
        self._held_us = None

    def peek(self) -> datetime:
        """The least that `next` would give now."""
        return from_us(self._next_us(self._elapsed_us()))

    def next(self) -> datetime:
        """An order time later than every one before."""
        elapsed_us = self._elapsed_us()
        at_us = self._next_us(elapsed_us)
        self._rebase(at_us, elapsed_us, self._base.state)
        return from_us(at_us)

    def signed_time(self, at: datetime) -> None:
        """Take central's signed time: never go back, and believe the date again."""
        elapsed_us = self._boot.elapsed_us()
        at_us = max(self._next_us(elapsed_us) - 1, to_us(at))
        self._rebase(at_us, elapsed_us, ClockState.SYNCED)

    def _elapsed_us(self) -> int:
        return self._boot.elapsed_us() if self._held_us is None else self._held_us

    def _next_us(self, elapsed_us: int) -> int:
        # A machine restored from a snapshot may have counted less than it had: then order alone moves on.
        passed_us = max(1, elapsed_us - self._base.elapsed_us)
        return self._base.at_us + passed_us

    def _rebase(self, at_us: int, elapsed_us: int, state: ClockState) -> None:
        self._base = ClockBase(at_us=at_us, elapsed_us=elapsed_us, boot_id=self._base.boot_id, state=state)
        self._held_us = None
