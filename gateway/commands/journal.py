"""`comptoir journal`: look into the journal, also while the agent runs."""

from __future__ import annotations

import json
import sqlite3
from argparse import Namespace
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from edge_config.settings import load_box_settings
from gateway.identity import load_identity
from gateway.paths import journal_path
from gateway.words import choose
from sync.errors import JournalBroken, JournalMissing
from sync.journal.database import connect_read_only, meaning
from sync.journal.verify import verify

_ROWS = "SELECT epoch, seq, hash, event FROM rows WHERE position > ? ORDER BY position"


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Verify it or print it."""
    settings = load_box_settings(arguments.config, environ)
    path = journal_path(settings.data_dir)
    if arguments.what == "show":
        _show(path, arguments.last)
        return 0
    identity = load_identity(settings.data_dir)
    keys = {**identity.central_keys, identity.device: identity.journal_key.public_key()}
    report = verify(path, keys=keys, device=identity.device)
    acknowledged = f"{report.acknowledged.epoch}/{report.acknowledged.seq}" if report.acknowledged else "-"
    print(
        choose(
            settings.language.value,
            f"Journal intact : {report.rows} lignes, jusqu'à {report.head.epoch}/{report.head.seq} ; "
            f"accusé du centre jusqu'à {acknowledged}.",
            f"The journal holds: {report.rows} rows, up to {report.head.epoch}/{report.head.seq}; "
            f"acknowledged by the centre up to {acknowledged}.",
        )
    )
    return 0


def _show(path: Path, last: int | None) -> None:
    if not path.exists():
        raise JournalMissing(f"{path} doesn't exist: enrol this box, or name its settings with --config")
    try:
        with closing(connect_read_only(path)) as connection:
            (count,) = connection.execute("SELECT coalesce(max(position), 0) FROM rows").fetchone()
            for epoch, seq, digest, event in connection.execute(_ROWS, (count - last if last is not None else 0,)):
                print(json.dumps(_shown(epoch, seq, digest, event), ensure_ascii=False))
    except sqlite3.Error as error:
        raise meaning(error, path) from error


def _shown(epoch: str, seq: int, digest: bytes, event: bytes) -> dict[str, Any]:
    try:
        return {"epoch": epoch, "seq": seq, "hash": digest.hex(), "event": json.loads(event)}
    except (ValueError, TypeError, AttributeError) as error:
        raise JournalBroken(
            f"row {epoch}/{seq} of the journal is damaged ({error}): keep the file, a new epoch is needed",
            epoch=epoch,
            seq=seq,
        ) from error
