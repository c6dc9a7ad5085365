"""Signing in to the office pages: a passphrase that is generated once, and a session of a working day."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable
from datetime import timedelta

from central.errors import CentralError, CommandError
from central.office import check_id
from central.store import users
from central.work import Work, Workshop

SESSION_LASTS = timedelta(hours=12)
TRIES, TRIES_WITHIN_S = 5, 60.0
"""For one name from one address."""
TRIES_OF_ADDRESS = 50
"""For all names together: a whole office may be behind one address."""
MOST_COUNTED = 1_000
"""Names and addresses whose tries are remembered."""
AT_ONCE = 2
_SALT_BYTES = 16
_N, _R, _P = 2**14, 8, 1
"""scrypt's cost (RFC 7914 §2): 16 MiB and tens of milliseconds a try."""

_NOBODY_S = "00" * (_SALT_BYTES + 64)
"""No passphrase has this hash."""


class NotSignedIn(CentralError):
    """The name or the passphrase is wrong; the sentence doesn't say which."""


class TooManyTries(CentralError):
    """Wait a minute."""


def add_user(workshop: Workshop, name: str) -> str:
    """Add an office user, or give one another passphrase; it is returned, and kept only as a salted hash.

    Raises:
        CommandError: The name won't do.
    """
    check_id(name, "user name")
    passphrase = "-".join(secrets.token_hex(2) for _ in range(5))
    with workshop.write() as work:
        users.add(work.db, name, passphrase=_salted(passphrase), at=work.now)
    return passphrase


def remove_user(workshop: Workshop, name: str) -> None:
    """Let an office user in no more, at once.

    Raises:
        CommandError: There is no such user.
    """
    with workshop.write() as work:
        check_user(work, name)
        users.remove(work.db, name)


def check_user(work: Work, name: str) -> None:
    """Check that there is such an office user.

    Raises:
        CommandError: There isn't.
    """
    if users.passphrase(work.db, name) is None:
        raise CommandError(f"no office user {name[:40]!r}; add one: comptoir-central office add NAME")


class SignIn:
    """Opens and closes sessions; slows down who guesses."""

    def __init__(self, workshop: Workshop, *, monotonic_s: Callable[[], float]) -> None:
        self._workshop = workshop
        self._monotonic_s = monotonic_s
        self._tries: dict[tuple[str, str | None], list[float]] = {}
        self._lock = threading.Lock()
        # Each try takes 16 MiB: strangers mustn't make it take all.
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def has_users(self) -> bool:
        """Whether anybody can sign in."""
        with self._workshop.read() as work:
            return users.count(work.db) > 0

    def sign_in(self, name: str, passphrase: str, *, address: str) -> str:
        """Open a session and return its cookie.

        Raises:
            NotSignedIn: Wrong name or passphrase.
            TooManyTries: From this address, within a minute.
        """
        self._count(address, name)
        with self._workshop.read() as work:
            known = users.passphrase(work.db, name)
        with self._turns:
            # An unknown name takes as long as a wrong passphrase.
            matches = _matches(passphrase, known or _NOBODY_S)
        if not matches or known is None:
            raise NotSignedIn("wrong name or passphrase")
        with self._lock:
            self._tries.pop((address, name), None)
        cookie = secrets.token_urlsafe(32)
        with self._workshop.write() as work:
            # Between the two, the user may have got another passphrase.
            if users.passphrase(work.db, name) != known:
                raise NotSignedIn("wrong name or passphrase")
            users.open_session(work.db, _hash(cookie), name=name, at=work.now, ends_at=work.now + SESSION_LASTS)
        return cookie

    def user(self, cookie: str) -> str | None:
        """Whose session a cookie is of."""
        with self._workshop.read() as work:
            return users.user_of(work.db, _hash(cookie), at=work.now)

    def sign_out(self, cookie: str) -> None:
        """Close a session; what is none keeps nobody from writing."""
        if self.user(cookie) is not None:
            with self._workshop.write() as work:
                users.close_session(work.db, _hash(cookie))

    def _count(self, address: str, name: str) -> None:
        since_s = self._monotonic_s() - TRIES_WITHIN_S
        keys: list[tuple[str, str | None]] = [(address, None), (address, name)]
        with self._lock:
            recent = {key: [at_s for at_s in self._tries.pop(key, []) if at_s > since_s] for key in keys}
            self._tries |= recent
            if len(recent[address, None]) >= TRIES_OF_ADDRESS or len(recent[address, name]) >= TRIES:
                raise TooManyTries("too many tries: wait a minute")
            for tries in recent.values():
                tries.append(since_s + TRIES_WITHIN_S)
            while len(self._tries) > MOST_COUNTED:
                # Put back at each try, so this one was tried longest ago.
                self._tries.pop(next(iter(self._tries)))


def _salted(passphrase: str) -> str:
    salt = secrets.token_bytes(_SALT_BYTES)
    return salt.hex() + _scrypt(passphrase, salt).hex()


def _matches(passphrase: str, salted: str) -> bool:
    raw = bytes.fromhex(salted)
    return secrets.compare_digest(_scrypt(passphrase, raw[:_SALT_BYTES]), raw[_SALT_BYTES:])


def _scrypt(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(passphrase.strip().lower().encode(), salt=salt, n=_N, r=_R, p=_P)


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
