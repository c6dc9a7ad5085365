"""Bounds and forms that every message shares."""

from __future__ import annotations

from typing import Annotated

import msgspec

MAX_MESSAGE_BYTES = 256 * 1024
"""Brokers kick larger messages, and clients then resend for ever."""

Seq = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
# Not `$`, which also allows a line feed at the end.
Epoch = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}-[0-9a-f]{16}\Z")]
Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
