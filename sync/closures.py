"""Signed closures: totals of a day, a month or a year, and the perpetual ones, under the box's journal key."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from programme.canonical import canonical_bytes
from programme.events import Closure, DayClosed, PeriodClosed
from sync.chain import b64, check_signature, sign, unb64

C = TypeVar("C", DayClosed, PeriodClosed)

CLOSURE_CONTEXT = "closure"


def sign_closure(closed: C, key: Ed25519PrivateKey) -> C:
    """Sign a closure, whatever its signature was."""
    return replace(closed, signature=b64(sign(key, CLOSURE_CONTEXT, signed_part(closed))))


def check_closure(closed: Closure, key: Ed25519PublicKey) -> None:
    """Check who signed a closure.

    Raises:
        BadSignature: It isn't this key's, or the closure was changed.
    """
    check_signature(key, CLOSURE_CONTEXT, signed_part(closed), unb64(closed.signature))


def signed_part(closed: Closure) -> bytes:
    """What the signature covers: all of the closure but the signature itself."""
    rest = msgspec.to_builtins(closed)
    del rest["signature"]
    return canonical_bytes(rest)
