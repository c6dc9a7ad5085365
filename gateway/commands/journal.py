"""`comptoir journal`: look into the journal, also while the agent runs."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
from argparse import Namespace
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_config.errors import EdgeConfigError
from edge_config.settings import load_box_settings
from gateway.archiving import MIB
from gateway.identity import load_identity
from gateway.paths import journal_path
from gateway.words import choose
from sync.chain import Row
from sync.errors import JournalBroken, JournalError, JournalMissing
from sync.journal.audit import verify_file
from sync.journal.database import connect_read_only, meaning
from sync.journal.export import Span, export
from sync.journal.shelf import Shelf
from sync.journal.summary import Summary, summarise
from sync.journal.verify import verify


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Verify it, print it, say how much it holds, or write it for an auditor."""
    if arguments.what == "verify" and arguments.file is not None:
        return _verify_file(arguments, environ)
    settings = load_box_settings(arguments.config, environ)
    path, language = journal_path(settings.data_dir), settings.language.value
    if arguments.what == "show":
        _show(path, arguments.last)
        return 0
    if arguments.what == "status":
        for line in _lines(summarise(path), settings.journal.reserve_mib, language):
            print(line)
        return 0
    identity = load_identity(settings.data_dir)
    if arguments.what == "export":
        return _export(path, arguments, identity.journal_key, language)
    keys = {**identity.central_keys, identity.device: identity.journal_key.public_key()}
    report = verify(path, keys=keys, device=identity.device)
    acknowledged = f"{report.acknowledged.epoch}/{report.acknowledged.seq}" if report.acknowledged else "-"
    print(
        choose(
            language,
            f"Journal intact : {report.rows} lignes, jusqu'à {report.head.epoch}/{report.head.seq}, "
            f"archives comprises ({report.archives}) ; accusé du centre jusqu'à {acknowledged}.",
            f"The journal holds: {report.rows} rows, up to {report.head.epoch}/{report.head.seq}, "
            f"archives included ({report.archives}); acknowledged by the centre up to {acknowledged}.",
        )
    )
    return 0


def _lines(told: Summary, reserve_mib: int, language: str) -> list[str]:
    base, packed, free = (size / MIB for size in (told.database_bytes, told.archive_bytes, told.free_bytes))
    oldest = f"{told.oldest_at_hand_at:%Y-%m-%d}" if told.oldest_at_hand_at else "-"
    return [
        choose(
            language,
            f"Lignes : {told.rows}, dont {told.archived_rows} dans {told.archives} archives ; "
            f"non comptabilisées au centre : {told.unbooked_rows}",
            f"Rows: {told.rows}, of which {told.archived_rows} in {told.archives} archives; "
            f"not booked by the centre: {told.unbooked_rows}",
        ),
        choose(
            language,
            f"Dernière clôture : {told.last_closed or '-'} ; plus ancienne ligne hors archives : {oldest}",
            f"Last closure: {told.last_closed or '-'}; oldest row outside of archives: {oldest}",
        ),
        choose(
            language,
            f"Disque (Mio) : base {base:.1f}, archives {packed:.1f}, libre {free:.0f}, réserve {reserve_mib}",
            f"Disk (MiB): database {base:.1f}, archives {packed:.1f}, free {free:.0f}, reserve {reserve_mib}",
        ),
    ]


def _verify_file(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """An auditor has the file alone; on a box, its keys and the centre's are looked at, too."""
    language, keys = "fr", {}
    with contextlib.suppress(EdgeConfigError):
        settings = load_box_settings(arguments.config, environ)
        language = settings.language.value
        identity = load_identity(settings.data_dir)
        keys = {**identity.central_keys, identity.device: identity.journal_key.public_key()}
    try:
        report = verify_file(arguments.file, keys=keys)
    except JournalError as error:
        french = f"{arguments.file} n'est pas ce que la caisse a écrit ({error}) : redemandez le fichier."
        english = f"{arguments.file} isn't what the box wrote ({error}): ask for the file again."
        print(f"comptoir: {choose(language, french, english)}", file=sys.stderr)
        return 1
    first, last = report.first, report.last
    span = f"{first.epoch}/{first.first_seq} – {last.epoch}/{last.last_seq}"
    acks = ("vérifiés", "verified") if report.acks_checked else ("non vérifiés", "not verified")
    print(
        choose(
            language,
            f"Fichier intact : caisse {report.device}, {report.rows} lignes, {span}, signées par la clé "
            f"{report.journal_key} ; accusés du centre {acks[0]}.",
            f"The file holds: box {report.device}, {report.rows} rows, {span}, signed by the key "
            f"{report.journal_key}; the centre's acks {acks[1]}.",
        )
    )
    return 0


def _export(path: Path, arguments: Namespace, key: Ed25519PrivateKey, language: str) -> int:
    span = Span(
        first=_midnight(arguments.first) if arguments.first else None,
        end=_midnight(arguments.last_day + timedelta(days=1)) if arguments.last_day else None,
    )
    out: Path = arguments.out
    with out.open("xb") as file:
        try:
            count = export(path, file, key=key, span=span)
        except BaseException:
            out.unlink()
            raise
    print(choose(language, f"Lignes écrites dans {out} : {count}.", f"Rows written to {out}: {count}."))
    return 0


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _show(path: Path, last: int | None) -> None:
    if not path.exists():
        raise JournalMissing(f"{path} doesn't exist: enrol this box, or name its settings with --config")
    try:
        with closing(connect_read_only(path)) as connection:
            (count,) = connection.execute("SELECT coalesce(max(position), 0) FROM rows").fetchone()
            first = max(1, count - last + 1 if last is not None else 1)
            for row in Shelf(path).rows(connection, first, count):
                print(json.dumps(_shown(row), ensure_ascii=False))
    except sqlite3.Error as error:
        raise meaning(error, path) from error


def _shown(row: Row) -> dict[str, Any]:
    epoch, seq = row.epoch, row.seq
    try:
        return {"epoch": epoch, "seq": seq, "hash": row.hash.hex(), "event": json.loads(row.event)}
    except (ValueError, TypeError, AttributeError) as error:
        raise JournalBroken(
            f"row {epoch}/{seq} of the journal is damaged ({error}): keep the file, a new epoch is needed",
            epoch=epoch,
            seq=seq,
        ) from error
