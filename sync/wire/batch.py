"""Batches: consecutive rows verbatim, one signature for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from programme.canonical import canonical_bytes
from sync.chain import GENESIS, Row, b64, check_signature, make_row, sign, unb64
from sync.errors import Unreadable
from sync.wire.fields import MAX_MESSAGE_BYTES, Epoch, Hash, Seq
from sync.wire.signed import decode_payload

MAX_BATCH_JSON_BYTES = 4 * 1024 * 1024
"""A batch that unpacks to more is an attack."""
MAX_BATCH_ROWS = 1_000
ZSTD_LEVEL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Consecutive rows of one epoch.

    Attributes:
        previous: Hash of the row before the first.
        head: Hash of the last row.
        rows: Events' canonical bytes, verbatim.
        signature: The journal key's over place and head, base64url.
    """

    device: str
    epoch: Epoch
    first_seq: Seq
    previous: Hash
    head: Hash
    rows: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MAX_BATCH_ROWS)]
    signature: str


def _batch_claim(*, device: str, epoch: str, first_seq: int, count: int, previous: str, head: str) -> bytes:
    return canonical_bytes([device, epoch, first_seq, count, previous, head])


def encode_batch(device: str, rows: list[Row], key: Ed25519PrivateKey) -> bytes:
    """Sign and compress consecutive rows of one epoch (at least one)."""
    first, last = rows[0], rows[-1]
    claim = _batch_claim(
        device=device,
        epoch=first.epoch,
        first_seq=first.seq,
        count=len(rows),
        previous=first.previous.hex(),
        head=last.hash.hex(),
    )
    batch = Batch(
        device=device,
        epoch=first.epoch,
        first_seq=first.seq,
        previous=first.previous.hex(),
        head=last.hash.hex(),
        rows=tuple(row.event.decode() for row in rows),
        signature=b64(sign(key, "batch", claim)),
    )
    return zstandard.compress(msgspec.json.encode(batch), ZSTD_LEVEL)


def read_batch(data: bytes) -> Batch:
    """Unpack a batch without verifying it.

    Raises:
        Unreadable: Too large, garbled, or not a batch.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise Unreadable(f"a batch of {len(data)} bytes is too large")
    try:
        if not 0 <= zstandard.frame_content_size(data) <= MAX_BATCH_JSON_BYTES:
            raise Unreadable("a batch of unknown or excessive size")
        raw = zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise Unreadable(f"a garbled batch: {error}") from None
    return decode_payload(raw, Batch)


def verify_batch(batch: Batch, key: Ed25519PublicKey) -> list[Row]:
    """Check a batch's signature and chain, and return its rows.

    Raises:
        BadSignature: Not this box's.
        Unreadable: The rows don't hash to the signed head.
    """
    claim = _batch_claim(
        device=batch.device,
        epoch=batch.epoch,
        first_seq=batch.first_seq,
        count=len(batch.rows),
        previous=batch.previous,
        head=batch.head,
    )
    check_signature(key, "batch", claim, unb64(batch.signature))
    rows = []
    previous = bytes.fromhex(batch.previous)
    for seq, event in enumerate(batch.rows, start=batch.first_seq):
        row = make_row(epoch=batch.epoch, seq=seq, previous=previous, event=event.encode())
        rows.append(row)
        previous = row.hash
    if previous.hex() != batch.head or (batch.first_seq == 1 and bytes.fromhex(batch.previous) != GENESIS):
        raise Unreadable(f"batch {batch.epoch}/{batch.first_seq}: the rows don't hash to the signed head")
    return rows
