"""Values to canonical bytes and back.

Canonical bytes are RFC 8785 JSON: what is hashed, signed and stored is what is sent, byte for byte. Our data holds
only strings, integers, booleans, null, lists and string-keyed objects, so no float ever comes near an amount.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
import rfc8785

from programme.errors import NotUnderstood

T = TypeVar("T")

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A datetime that must carry its zone; naive ones are refused where they enter."""


def canonical_bytes(value: object) -> bytes:
    """Encode a value as RFC 8785 JSON.

    Raises:
        rfc8785.CanonicalizationError: An integer beyond ±(2^53 - 1), or a float that is not finite.
    """
    return rfc8785.dumps(msgspec.to_builtins(value))


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
