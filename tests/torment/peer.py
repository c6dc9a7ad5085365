"""persist-queue's file queue under the same blows: `python -m tests.torment.peer {write,read} FOLDER`.

It doesn't sync what it puts, so a power cut must cost it something: a test under which it loses nothing proves nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import sys
from typing import Any

from uuid_utils.compat import uuid7

_FILLER = "x" * 360
"""With its id, an item is as long as an event."""
_TOLD_BY = 1
"""File descriptor."""


def write(queue: Any) -> None:  # noqa: ANN401 - the library is installed for this test only
    """Put items for ever, and say each one's id once it is in the queue."""
    while True:
        item_id = str(uuid7())
        queue.put(item_id + _FILLER)
        os.write(_TOLD_BY, f"{item_id}\n".encode())


def read(queue: Any) -> None:  # noqa: ANN401 - as above
    """Say the id of everything that is in the queue."""
    with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
        while queue.qsize():
            item = queue.get(block=False)
            if item is None:
                return
            os.write(_TOLD_BY, f"{item[: -len(_FILLER)]}\n".encode())


def main(arguments: list[str]) -> int:
    """Write until killed, or read to the end."""
    what, folder = arguments
    queue = importlib.import_module("persistqueue").Queue(folder)
    {"write": write, "read": read}[what](queue)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
