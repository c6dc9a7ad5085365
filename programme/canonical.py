"""Values to canonical bytes and back.

Canonical bytes are RFC 8785 JSON: what is hashed, signed and stored is what is sent, byte for byte. Our data holds
only strings, integers below 2^53, booleans, null, lists and objects with ASCII keys; there msgspec's sorted JSON is RFC
8785's, fifteen times as fast as a general encoder. A test compares the two.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar

import msgspec

from programme.errors import NotUnderstood

T = TypeVar("T")

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A datetime that must carry its zone; naive ones are refused where they enter."""


def canonical_bytes(value: object) -> bytes:
    """Encode a value (a dataclass, or JSON's own types) as RFC 8785 JSON."""
    return msgspec.json.encode(value, order="sorted")


def from_bytes(data: bytes | str, kind: type[T]) -> T:
    """Decode JSON into a typed value, strictly.

    Raises:
        NotUnderstood: Not JSON, or a field is missing or ill-typed.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NotUnderstood(f"not a {kind.__name__}: {error}") from error


def from_builtins(value: object, kind: type[T]) -> T:
    """Convert JSON's own types into a typed value, strictly.

    Raises:
        NotUnderstood: A field is missing or ill-typed.
    """
    try:
        return msgspec.convert(value, type=kind)
    except msgspec.ValidationError as error:
        raise NotUnderstood(f"not a {kind.__name__}: {error}") from error
