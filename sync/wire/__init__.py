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

from sync.wire.batch import (
    MAX_BATCH_JSON_BYTES,
    MAX_BATCH_ROWS,
    Batch,
    encode_batch,
    read_batch,
    verify_batch,
)
from sync.wire.fields import (
    MAX_MESSAGE_BYTES,
    Epoch,
    Hash,
    Seq,
)
from sync.wire.messages import (
    CONTEXTS,
    Ack,
    AskMessage,
    Birth,
    Command,
    Death,
    Head,
    Health,
    RawRow,
    RegistryDelta,
    RegistrySnapshot,
    Report,
    Resend,
    RowVerdict,
    Verdict,
)
from sync.wire.signed import (
    Signed,
    decode_payload,
    open_message,
    read_signed,
    read_text,
    sign_message,
)

__all__ = [
    "CONTEXTS",
    "MAX_BATCH_JSON_BYTES",
    "MAX_BATCH_ROWS",
    "MAX_MESSAGE_BYTES",
    "Ack",
    "AskMessage",
    "Batch",
    "Birth",
    "Command",
    "Death",
    "Epoch",
    "Hash",
    "Head",
    "Health",
    "RawRow",
    "RegistryDelta",
    "RegistrySnapshot",
    "Report",
    "Resend",
    "RowVerdict",
    "Seq",
    "Signed",
    "Verdict",
    "decode_payload",
    "encode_batch",
    "open_message",
    "read_batch",
    "read_signed",
    "read_text",
    "sign_message",
    "verify_batch",
]
