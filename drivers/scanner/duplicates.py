"""A held trigger, or a code left before the camera, is one scan."""

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class DuplicateFilter:
    """Tell a new scan from the same one seen again. Pure: time is passed in.

    A code counts as *left there* for as long as it is seen again within `window_s` of the last time. When it was away
    for longer, the next read is deliberate; so it is after another code, at a reader that sees one at a time. Other
    codes, and the same code at another device, are never held back.

    Attributes:
        window_s: How long a code may be out of sight and still be the same scan, seconds.
    """

    window_s: float = 2.0
    _last_seen_s: dict[tuple[str, str], float] = field(default_factory=dict)

    def is_new(self, *, device: str, payload: str, now_s: float, sees_one: bool) -> bool:
        """Whether this read is to be acted upon; call it for every read.

        Args:
            now_s: A monotonic clock, seconds.
            sees_one: A hand scanner reads what it is held to; a camera sees all that lies there.
        """
        self._forget_before(now_s - self.window_s)
        key = (device, payload)
        is_new = key not in self._last_seen_s
        if is_new and sees_one:
            self._forget([other for other in self._last_seen_s if other[0] == device])
        self._last_seen_s[key] = now_s
        return is_new

    def _forget_before(self, oldest_s: float) -> None:
        self._forget([key for key, seen_s in self._last_seen_s.items() if seen_s < oldest_s])

    def _forget(self, keys: list[tuple[str, str]]) -> None:
        for key in keys:
            del self._last_seen_s[key]
