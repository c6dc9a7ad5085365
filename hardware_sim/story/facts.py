"""What the story left behind, read from central's database, the journals and the pictures alone."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from drivers.camera.decode import GatedDecoder
from hardware_sim.counter_client import Json
from hardware_sim.errors import ProgramError, StoryError
from hardware_sim.programs import run_once
from hardware_sim.shop import VirtualShop
from hardware_sim.town import VirtualTown
from programme.cloudevents import decode_event

_EVENTS = "SELECT position, epoch, seq, event FROM rows ORDER BY position"
_UNBALANCED = "SELECT entry FROM postings GROUP BY entry HAVING sum(amount_minor) <> 0"
_BALANCES = """
SELECT programme, currency, account, sum(amount_minor) FROM postings JOIN ledger_entries USING (entry)
GROUP BY programme, currency, account HAVING sum(amount_minor) <> 0 ORDER BY programme, currency, account
"""
_REPLICA = "SELECT programme, instrument, entry FROM replica JOIN replica_head USING (programme, slot)"


def last_position(journal: Path) -> int:
    """The journal's last row; 0 before there is one."""
    if not journal.exists():
        return 0
    with closing(_read_only(journal)) as connection:
        return int(connection.execute("SELECT coalesce(max(position), 0) FROM rows").fetchone()[0])


def step_facts(told: Json, shops: list[VirtualShop]) -> Json:
    """A step, with the rows that its time added to the journals.

    Args:
        told: Its "reached" holds, by device, the last position before the step and the one after it.
    """
    events = []
    for shop in shops:
        before, after = told["reached"][shop.device]
        events += [row for row in _rows(shop.journal) if before < row.pop("position") <= after]
    return {"step": told["step"], "title": told["title"], "events": events}


def event_ids(journal: Path) -> set[str]:
    """Ids of all events in a journal."""
    return {row["event_id"] for row in _rows(journal)} if journal.exists() else set()


def _rows(journal: Path) -> list[Json]:
    with closing(_read_only(journal)) as connection:
        return [_row(*row) for row in connection.execute(_EVENTS)]


def _row(position: int, epoch: str, seq: int, raw: bytes) -> Json:
    event = decode_event(raw)
    row: Json = {
        "position": position,
        "device": event.source,
        "epoch": epoch,
        "seq": seq,
        "event_id": str(event.event_id),
        "type": event.type,
    }
    for name in ("programme", "instrument", "amount_minor"):
        value = getattr(event.data, name, None)
        if value is not None:
            row[name] = value
    return row


def central_facts(town: VirtualTown, shops: list[VirtualShop]) -> Json:
    """Balances, the books' own check, and whether each journalled event is booked once, from the database."""
    books = _books(town)
    desk: Json = json.loads(town.office("desk", "--json"))
    balances = [
        {"programme": programme, "currency": currency, "account": account, "balance_minor": int(amount_minor)}
        for programme, currency, account, amount_minor in town.ask(_BALANCES)
    ]
    unbalanced = [entry for (entry,) in town.ask(_UNBALANCED)]
    booked = {event_id for (event_id,) in town.ask("SELECT event_id FROM events")}
    journalled = {row["event_id"] for shop in shops for row in _rows(shop.journal)}
    lost = sorted(journalled - booked)
    doubles = [finding for finding in desk["findings"] if finding["kind"] == "double_acceptance"]
    return {
        "books_balance": bool(books["books_balance"]) and not unbalanced and not lost,
        "broken_promises": [
            f"{promise['name']}: {violation}" for promise in books["invariants"] for violation in promise["violations"]
        ],
        "lost_events": lost,
        "balances": balances,
        "double_acceptances": len(doubles),
        "desk": desk["findings"],
    }


def instrument_facts(town: VirtualTown, shops: list[VirtualShop]) -> list[Json]:
    """What central's registry and each replica say of every instrument."""
    registry = {
        (programme, instrument): _standing(entry)
        for programme, instrument, entry in town.ask("SELECT programme, instrument, entry FROM instruments")
    }
    replicas = {shop.device: _replica(shop.journal) for shop in shops}
    return [
        {
            "programme": programme,
            "instrument": instrument,
            **standing,
            "agrees": all(replica.get((programme, instrument)) == standing for replica in replicas.values()),
        }
        for (programme, instrument), standing in sorted(registry.items())
    ]


def _replica(journal: Path) -> dict[tuple[str, str], Json]:
    with closing(_read_only(journal)) as connection:
        found = connection.execute(_REPLICA).fetchall()
    return {(programme, instrument): _standing(entry) for programme, instrument, entry in found}


def _standing(entry: str | bytes) -> Json:
    told: Json = json.loads(entry)
    return {"status": told["status"], "balance_minor": told["balance_minor"]}


def _books(town: VirtualTown) -> Json:
    """What `comptoir-central books` says; that they don't balance is an answer, too."""
    printed = run_once("central.cli", ["books", "--json", "--data", str(town.data)], accept=(0, 1))
    try:
        books: Json = json.loads(printed)
    except ValueError:
        raise StoryError(f"comptoir-central books --data {town.data} printed no books: run it by hand") from None
    return books


def picture_facts(pictures: Path) -> list[Json]:
    """What a camera reads on each receipt's picture."""
    decoder = GatedDecoder(look_again_every=1)
    facts = []
    for picture in sorted(pictures.glob("*.png")):
        grey = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)
        if grey is None:
            continue
        codes = [code.payload for code in decoder.decode(grey.astype(np.uint8, copy=False))]
        facts.append({"picture": picture.name, "codes": codes, "height_dots": int(grey.shape[0])})
    return facts


def journal_facts(shop: VirtualShop, scratch: Path) -> Json:
    """Whether the box's journal verifies, and whether one changed row and a cut tail are found in copies of it."""
    return {
        "device": shop.device,
        "rows": len(_rows(shop.journal)),
        "verifies": _verifies(shop, shop.journal.parent),
        "changed_row_found": not _verifies(shop, _tampered(shop, scratch / "changed", _change_row)),
        "cut_tail_found": not _verifies(shop, _tampered(shop, scratch / "cut", _cut_tail)),
    }


def _verifies(shop: VirtualShop, data_dir: Path) -> bool:
    try:
        run_once(
            "gateway.cli",
            ["journal", "verify", "--config", str(shop.settings)],
            environ={"COMPTOIR_DATA_DIR": str(data_dir)},
        )
    except ProgramError:
        return False
    return True


def _tampered(shop: VirtualShop, copy: Path, tamper: Callable[[sqlite3.Connection], None]) -> Path:
    shutil.copytree(shop.journal.parent, copy, ignore=shutil.ignore_patterns("*.sock"))
    with closing(sqlite3.connect(copy / shop.journal.name)) as connection, connection:
        tamper(connection)
    return copy


def _change_row(connection: sqlite3.Connection) -> None:
    """Another amount in the first operation."""
    position, raw = connection.execute(
        "SELECT position, event FROM rows WHERE value_minor > 0 ORDER BY position LIMIT 1"
    ).fetchone()
    changed = raw.replace(b'"amount_minor":', b'"amount_minor":1', 1)
    connection.execute("UPDATE rows SET event = ? WHERE position = ?", (changed, position))


def _cut_tail(connection: sqlite3.Connection) -> None:
    """The last row never was."""
    connection.execute("DELETE FROM rows WHERE position = (SELECT max(position) FROM rows)")
    connection.execute("UPDATE standing SET (seq, hash) = (SELECT seq, hash FROM rows ORDER BY position DESC LIMIT 1)")


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)
