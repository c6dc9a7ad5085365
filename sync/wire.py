"""The messages between a box and central, and their bytes.

Two envelopes carry everything:

- `Signed` (JSON): the payload is the message's canonical JSON as a string, verbatim, so that it can be kept as evidence
  and verified years later. Central signs acks, resends, answers, grants, configurations, commands and registry deltas;
  a box signs asks, births, health and reports with its journal key. The signature's context is the kind of message.
- `Batch` (JSON, zstd): consecutive rows' canonical bytes as strings, verbatim. The box signs the place and the head
  hash; the hash chain extends the signature to every row.

The meaning is in the payloads alone, so MQTT 3.1.1 is enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, TypeAlias, TypeVar
from uuid import UUID

import msgspec
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from programme.authorisations import Answer, Ask
from programme.canonical import Instant, canonical_bytes, from_bytes
from programme.errors import NotUnderstood
from programme.events import ClockState, RowLink
from programme.grants import Grant
from programme.registry import RegistryEntry
from sync.chain import GENESIS, Row, b64, check_signature, make_row, sign, unb64
from sync.errors import BadSignature, Unreadable

MAX_MESSAGE_BYTES = 256 * 1024
"""Brokers kick larger messages, and clients then resend for ever."""
MAX_BATCH_JSON_BYTES = 4 * 1024 * 1024
"""A batch that unpacks to more is an attack."""
MAX_BATCH_ROWS = 1_000
ZSTD_LEVEL = 3

Seq = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
Epoch = Annotated[str, msgspec.Meta(pattern="^[0-9]{1,9}-[0-9a-f]{16}$")]
Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far something is known.

    Attributes:
        generation: Central's; a restored central takes a new one.
    """

    generation: int
    version: int


class Verdict(Enum):
    """What central did with a row, where it isn't simply booked."""

    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    CONFLICT = "conflict"
    """Other bytes under a known event id; a person looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowVerdict:
    """A row that was not simply booked."""

    seq: Seq
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Central has committed every row up to this one.

    Attributes:
        epoch: The epoch acknowledged.
        seq: Highest contiguous seq; 0 when none.
        hash: That row's hash; 64 zeros when none. A box without this row has forked.
        verdicts: Rows not simply booked, of the batches since the last ack.
        open_authorisations: Approved asks of this box that have not ended.
        heads: Registry heads by programme, after this commit.
        time: Central's signed time: later than every `ordered_at` it has booked.
    """

    device: str
    generation: int
    epoch: str
    seq: int
    hash: Hash
    time: Instant
    verdicts: tuple[RowVerdict, ...] = ()
    open_authorisations: tuple[UUID, ...] = ()
    heads: dict[str, Head] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resend:
    """Central lacks rows, or couldn't read them.

    Attributes:
        one_by_one: Each row in a batch of its own, so that one bad row doesn't take others with it.
    """

    device: str
    epoch: Epoch
    first_seq: Seq
    last_seq: Seq
    one_by_one: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRow:
    """A row as it travels in an ask.

    Attributes:
        event: The event's canonical bytes, verbatim.
    """

    epoch: Epoch
    seq: Seq
    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskMessage:
    """An authorisation request.

    Attributes:
        deadline_ms: How long the box waits; central needn't answer later.
        rows: The box's unacknowledged rows on the instrument.
        gives_up: Earlier asks of this box that it abandoned and central hasn't acknowledged.
    """

    ask: Ask
    sent_at: Instant
    deadline_ms: Annotated[int, msgspec.Meta(gt=0, le=60_000)]
    rows: tuple[RawRow, ...] = ()
    gives_up: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """A box is there, and says where its journal and its knowledge stand.

    Attributes:
        boot: Counts the agent's starts.
        head: Its journal's last row; None for an empty journal.
        grant: Id of the grant it holds.
        heads: Its replicas' heads.
        config: Version of its configuration.
    """

    device: str
    boot: int
    software: str
    head: RowLink | None
    heads: dict[str, Head]
    config: int
    at: Instant
    grant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """A box is gone: sent by the broker (LWT) or on a clean stop. Advice, not evidence: it isn't signed."""

    device: str
    boot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a box fares; lost ones don't matter.

    Attributes:
        unbooked_rows: Rows not yet acknowledged.
        value_at_risk_minor: Value in them, by currency.
        oldest_unbooked_at: Order time of the oldest.
        devices: State in a word by device name.
    """

    device: str
    at: Instant
    unbooked_rows: int
    value_at_risk_minor: dict[str, int]
    clock: ClockState
    devices: dict[str, str]
    oldest_unbooked_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Central asks a box to do something now."""

    device: str
    command_id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of a command or of a configuration version.

    Attributes:
        subject: "command/{id}" or "config/{version}".
    """

    device: str
    subject: str
    ok: bool
    detail: dict[str, Any]
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryDelta:
    """Registry entries that changed between two versions of one programme."""

    programme: str
    generation: int
    from_version: int
    version: int
    entries: tuple[RegistryEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySnapshot:
    """A programme's whole registry at one version."""

    programme: str
    generation: int
    version: int
    entries: tuple[RegistryEntry, ...]


Message: TypeAlias = (
    Ack
    | Resend
    | AskMessage
    | Answer
    | Grant
    | Birth
    | Death
    | Health
    | Command
    | Report
    | RegistryDelta
    | RegistrySnapshot
)
M = TypeVar("M")

CONTEXTS: dict[type[Any], str] = {
    Ack: "ack",
    Resend: "resend",
    AskMessage: "ask",
    Answer: "answer",
    Grant: "grant",
    Birth: "birth",
    Health: "health",
    Command: "command",
    Report: "report",
    RegistryDelta: "registry-delta",
    RegistrySnapshot: "registry-snapshot",
}
"""Signature contexts. Configuration messages are `edge_config.messages`, signed in the context "config"."""


def sign_message(message: object, *, context: str, key_id: str, key: Ed25519PrivateKey) -> bytes:
    """Encode and sign a message; `CONTEXTS` gives the context of this module's ones."""
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
