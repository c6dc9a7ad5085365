"""Keep a device open for ever, whatever happens to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from drivers.errors import DriverError


class DeviceState(Enum):
    """How a device stands."""

    OPENING = "opening"
    READY = "ready"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """A device's state changed.

    Attributes:
        device: Its name in the settings.
        message: Why it is gone and what to do, else empty.
    """

    device: str
    state: DeviceState
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before opening again: doubling, capped, jittered.

    Attributes:
        first_s: Before the second try, seconds.
        cap_s: At most, seconds.
        steady_s: A device that stayed open for so long begins again with the shortest wait; one that goes right after
            each opening does not.
    """

    first_s: float = 0.5
    cap_s: float = 15.0
    steady_s: float = 5.0

    def delay_s(self, failures: int, jitter: float) -> float:
        """The wait after so many failures in a row (1 for the first), between half and all of the doubled time.

        Args:
            jitter: Random, 0 to 1: devices of one hub that went together don't come back together.
        """
        doubled_s = self.first_s * 2.0 ** min(failures - 1, 32)
        return min(self.cap_s, doubled_s) * (0.5 + jitter / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The time, as the supervisor needs it.

    Attributes:
        monotonic_s: Seconds that never go back, e.g. `time.monotonic`.
        sleep: E.g. `asyncio.sleep`.
        random: 0 to 1, e.g. `random.random`.
    """

    monotonic_s: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]


async def supervise(
    name: str,
    open_and_run: Callable[[Callable[[], None]], Awaitable[None]],
    report: Callable[[DeviceReport], None],
    *,
    clock: Clock,
    backoff: Backoff,
) -> None:
    """Open a device and run it; when it goes, report that and open it again, for ever.

    Returns only when `open_and_run` does (a video that ended). Faults that aren't of the device are raised.

    Args:
        open_and_run: Opens the device, calls what it is given once the device is open, and serves it until it goes. It
            closes the device on the way out, also when cancelled.
        report: Gets state changes only: a device that stays away is reported gone once.
    """
    changes = _Changes(name=name, report=report)
    failures = 0
    changes.enter(DeviceState.OPENING)
    while True:
        ready_at_s: list[float] = []

        def ready(since_s: list[float] = ready_at_s) -> None:
            since_s.append(clock.monotonic_s())
            changes.enter(DeviceState.READY)

        try:
            await open_and_run(ready)
        except DriverError as error:
            changes.enter(DeviceState.GONE, str(error))
        else:
            return
        was_steady = bool(ready_at_s) and clock.monotonic_s() - ready_at_s[0] >= backoff.steady_s
        failures = 1 if was_steady else failures + 1
        await clock.sleep(backoff.delay_s(failures, clock.random()))


class _Changes:
    """Pass on what changed, once."""

    def __init__(self, *, name: str, report: Callable[[DeviceReport], None]) -> None:
        self._name = name
        self._report = report
        self._last: DeviceReport | None = None

    def enter(self, state: DeviceState, message: str = "") -> None:
        new = DeviceReport(device=self._name, state=state, message=message)
        if new != self._last:
            self._last = new
            self._report(new)
