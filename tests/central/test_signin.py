"""Signing in: who guesses is slowed down, and nobody else is."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from central.signin import (
    MOST_COUNTED,
    SESSION_LASTS,
    TRIES,
    TRIES_OF_ADDRESS,
    TRIES_WITHIN_S,
    NotSignedIn,
    SignIn,
    TooManyTries,
    add_user,
)
from central.store.schema import OFFICE_SESSIONS
from tests.central.world import Centre

PROXY = "10.0.0.1"


class Stopwatch:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.at_s = 1_000.0

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def door(centre: Centre, stopwatch: Stopwatch, monkeypatch: pytest.MonkeyPatch) -> SignIn:
    """A sign-in whose scrypt is cheap: what is tried here is how often."""
    monkeypatch.setattr("central.signin._N", 2)
    return SignIn(centre.workshop, monotonic_s=stopwatch)


def guess(door: SignIn, name: str, *, address: str = PROXY, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(NotSignedIn):
            door.sign_in(name, "a guess", address=address)


def is_locked_out(door: SignIn, name: str, *, address: str = PROXY) -> bool:
    try:
        door.sign_in(name, "a guess", address=address)
    except TooManyTries:
        return True
    except NotSignedIn:
        return False
    return False


def sessions(centre: Centre) -> int:
    with centre.workshop.read() as work:
        return int(work.db.execute(select(func.count()).select_from(OFFICE_SESSIONS)).scalar_one())


def test_wrong_tries_on_one_name_lock_nobody_else_out_behind_the_same_address(centre: Centre, door: SignIn) -> None:
    passphrase = add_user(centre.workshop, "claire")
    guess(door, "marc", times=TRIES)

    assert is_locked_out(door, "marc")
    assert door.user(door.sign_in("claire", passphrase, address=PROXY)) == "claire"


def test_many_names_from_one_address_are_too_many(door: SignIn) -> None:
    for number in range(TRIES_OF_ADDRESS):
        guess(door, f"name-{number}")

    assert is_locked_out(door, "another")
    assert not is_locked_out(door, "another", address="10.0.0.2")


def test_a_lock_out_ends_after_a_minute(door: SignIn, stopwatch: Stopwatch) -> None:
    guess(door, "claire", times=TRIES)
    assert is_locked_out(door, "claire")

    stopwatch.at_s += TRIES_WITHIN_S

    assert not is_locked_out(door, "claire")


def test_who_signs_in_begins_to_count_anew(centre: Centre, door: SignIn) -> None:
    passphrase = add_user(centre.workshop, "claire")
    guess(door, "claire", times=TRIES - 1)

    door.sign_in("claire", passphrase, address=PROXY)

    assert not is_locked_out(door, "claire")


def test_what_is_remembered_of_strangers_is_bounded_and_the_latest_of_it_stays(
    door: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central.signin.MOST_COUNTED", 10)
    guess(door, "claire", times=TRIES)
    for number in range(4):
        guess(door, "x", address=f"10.0.1.{number}")
    assert is_locked_out(door, "claire")

    for number in range(5):
        guess(door, "x", address=f"10.0.2.{number}")

    assert MOST_COUNTED >= TRIES_OF_ADDRESS * 2
    assert not is_locked_out(door, "claire")


def test_signing_out_without_a_session_writes_nothing(
    centre: Centre, door: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(centre.workshop, "write", None)

    door.sign_out("no cookie of ours")


def test_sessions_that_are_over_are_forgotten_when_somebody_signs_in(centre: Centre, door: SignIn) -> None:
    passphrase = add_user(centre.workshop, "claire")
    door.sign_in("claire", passphrase, address=PROXY)
    centre.clock.advance(seconds=SESSION_LASTS.total_seconds() + 1)

    door.sign_in("claire", passphrase, address=PROXY)

    assert sessions(centre) == 1
