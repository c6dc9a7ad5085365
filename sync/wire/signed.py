"""The signed envelope: a message's canonical JSON, kept verbatim, with key id and signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from programme.canonical import canonical_bytes, from_bytes
from programme.errors import NotUnderstood
from sync.chain import b64, check_signature, sign, unb64
from sync.errors import BadSignature, Unreadable
from sync.wire.fields import MAX_MESSAGE_BYTES

M = TypeVar("M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signed message.

    Attributes:
        key: Id of the signing key: central's, or a device id for a box's journal key.
        payload: The message's canonical JSON.
        signature: Ed25519, base64url.
    """

    key: str
    payload: str
    signature: str


def sign_message(message: object, *, context: str, key_id: str, key: Ed25519PrivateKey) -> bytes:
    """Encode and sign a message; `sync.wire.CONTEXTS` gives the context of the ones that live there."""
    payload = canonical_bytes(message)
    return canonical_bytes(Signed(key=key_id, payload=payload.decode(), signature=b64(sign(key, context, payload))))


def open_message(data: bytes | str, kind: type[M], *, context: str, keys: dict[str, Ed25519PublicKey]) -> M:
    """Verify and decode a signed message.

    Args:
        keys: Keys to trust, by key id.

    Raises:
        Unreadable: Too large, or not of this form.
        BadSignature: Unknown key or wrong signature.
    """
    signed = read_signed(data)
    key = keys.get(signed.key)
    if key is None:
        raise BadSignature(f"{context}: signed by the unknown key {signed.key[:40]!r}")
    check_signature(key, context, signed.payload.encode(), unb64(signed.signature))
    return decode_payload(signed.payload, kind)


def read_signed(data: bytes | str, *, limit_bytes: int = MAX_MESSAGE_BYTES) -> Signed:
    """Read an envelope without verifying it.

    Raises:
        Unreadable: Too large, or not an envelope.
    """
    return decode_payload(read_text(data, limit_bytes=limit_bytes), Signed)


def read_text(data: bytes | str, *, limit_bytes: int = MAX_MESSAGE_BYTES) -> str:
    """A message's text, to verify and to keep verbatim: a decoder that skips unknown members doesn't look into them.

    Raises:
        Unreadable: Too large, or not UTF-8.
    """
    if len(data) > limit_bytes:
        raise Unreadable(f"a message of {len(data)} bytes is too large")
    try:
        return data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"a message that isn't UTF-8: {error.reason}") from None


def decode_payload(data: bytes | str, kind: type[M]) -> M:
    """Decode a message's JSON.

    Raises:
        Unreadable: Not of this form.
    """
    try:
        return from_bytes(data, kind)
    except NotUnderstood as error:
        raise Unreadable(str(error)) from None
