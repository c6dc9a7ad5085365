"""Office users and their sessions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from central.store.schema import OFFICE_SESSIONS, OFFICE_USERS
from programme.instants import to_us


def add(db: Connection, name: str, *, passphrase: str, at: datetime) -> None:
    """Add a user, or give one another passphrase; sessions of before end.

    Args:
        passphrase: Its salted hash.
    """
    remove(db, name)
    db.execute(insert(OFFICE_USERS).values(name=name, passphrase=passphrase, added_at_us=to_us(at)))


def remove(db: Connection, name: str) -> None:
    """Forget a user and their sessions; what they decided keeps their name."""
    db.execute(delete(OFFICE_SESSIONS).where(OFFICE_SESSIONS.c.name == name))
    db.execute(delete(OFFICE_USERS).where(OFFICE_USERS.c.name == name))


def passphrase(db: Connection, name: str) -> str | None:
    """The salted hash of a user's passphrase."""
    found: str | None = db.execute(
        select(OFFICE_USERS.c.passphrase).where(OFFICE_USERS.c.name == name)
    ).scalar_one_or_none()
    return found


def count(db: Connection) -> int:
    """How many users there are."""
    return int(db.execute(select(func.count()).select_from(OFFICE_USERS)).scalar_one())


def open_session(db: Connection, cookie_hash: str, *, name: str, at: datetime, ends_at: datetime) -> None:
    """Remember a session, and forget those that are over."""
    db.execute(delete(OFFICE_SESSIONS).where(OFFICE_SESSIONS.c.ends_at_us <= to_us(at)))
    db.execute(insert(OFFICE_SESSIONS).values(cookie_hash=cookie_hash, name=name, ends_at_us=to_us(ends_at)))


def user_of(db: Connection, cookie_hash: str, *, at: datetime) -> str | None:
    """Whose session this is, while it lasts."""
    same = (OFFICE_SESSIONS.c.cookie_hash == cookie_hash) & (OFFICE_SESSIONS.c.ends_at_us > to_us(at))
    found: str | None = db.execute(select(OFFICE_SESSIONS.c.name).where(same)).scalar_one_or_none()
    return found


def close_session(db: Connection, cookie_hash: str) -> None:
    """Forget a session."""
    db.execute(delete(OFFICE_SESSIONS).where(OFFICE_SESSIONS.c.cookie_hash == cookie_hash))
