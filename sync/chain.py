"""Row hashes and signatures.

A row's hash covers its place and its event, and the hash before it:

    SHA-256( "comptoir/row/1" 00 epoch 00 seq (8 bytes, big-endian) previous hash (32) SHA-256(event bytes) )

The first row of an epoch follows `GENESIS`; its event names the parent epoch's last row. Signatures are Ed25519 over a
context line and the message, so that none can be taken for another kind of message.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from programme.events import RowLink
from sync.errors import BadSignature

GENESIS = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a journal.

    Attributes:
        epoch: Counter and 64 random bits.
        seq: Gapless within the epoch, from 1.
        event: The event's canonical bytes, verbatim.
        previous: Hash of the row before; `GENESIS` for the first.
        hash: This row's hash, 32 bytes.
    """

    epoch: str
    seq: int
    event: bytes
    previous: bytes
    hash: bytes

    @property
    def link(self) -> RowLink:
        """The row, named by place and content."""
        return RowLink(epoch=self.epoch, seq=self.seq, hash=self.hash.hex())

    @property
    def is_sound(self) -> bool:
        """Whether it says what it said when it was hashed."""
        return row_hash(epoch=self.epoch, seq=self.seq, previous=self.previous, event=self.event) == self.hash


def row_hash(*, epoch: str, seq: int, previous: bytes, event: bytes) -> bytes:
    """Hash one row."""
    place = b"comptoir/row/1\x00" + epoch.encode("ascii") + b"\x00" + seq.to_bytes(8, "big")
    return hashlib.sha256(place + previous + hashlib.sha256(event).digest()).digest()


def make_row(*, epoch: str, seq: int, previous: bytes, event: bytes) -> Row:
    """Chain an event to the row before it."""
    digest = row_hash(epoch=epoch, seq=seq, previous=previous, event=event)
    return Row(epoch=epoch, seq=seq, event=event, previous=previous, hash=digest)


def sign(key: Ed25519PrivateKey, context: str, message: bytes) -> bytes:
    """Sign a message of one kind.

    Args:
        context: The kind, as "ack" or "batch".
    """
    return key.sign(_in_context(context, message))


def check_signature(key: Ed25519PublicKey, context: str, message: bytes, signature: bytes) -> None:
    """Verify a signature made by `sign`.

    Raises:
        BadSignature: It isn't this key's, of this message, in this context.
    """
    try:
        key.verify(signature, _in_context(context, message))
    except InvalidSignature:
        raise BadSignature(f"{context}: wrong signature") from None


def _in_context(context: str, message: bytes) -> bytes:
    return b"comptoir/" + context.encode("ascii") + b"/1\n" + message


def b64(data: bytes) -> str:
    """Base64url without padding (RFC 4648 §5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    """Undo `b64`.

    Raises:
        BadSignature: Not base64url; only keys and signatures are written so.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature("not base64url") from None
    if b64(data) != text:
        raise BadSignature("not the one base64url form")  # + and /, padding, stray last bits
    return data
