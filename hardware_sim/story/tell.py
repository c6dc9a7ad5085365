"""Tell the story, then judge it by what it left on disk."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from hardware_sim.counter_client import Json
from hardware_sim.errors import SimulatorError, StoryError
from hardware_sim.shop import VirtualShop
from hardware_sim.story import chapters, facts
from hardware_sim.story.chapters import Cast
from hardware_sim.story.faults import Fault, plant
from hardware_sim.story.narrator import Narrator
from hardware_sim.town import VirtualTown

STORY = "story.json"
TOLD = "told.json"
"""In the town's folder: the steps as they were told, and which rows they added."""
_NO_SOCKETS = shutil.ignore_patterns("*.sock", "scanner")
BALANCES = {
    # Earned 1,18 + 3,00 + 0,50 + 1,00 + 0,60 + 0,25 €; spent 0,50 + 0,30 + 1,00 €.
    ("albret-card", "funder:albret-communaute"): -653,
    ("albret-card", "holders"): 473,
    ("albret-card", "merchant:a"): 180,
    # A sold five vouchers for cash and took two, B took V0 and, for the second time, V1; V3 and V4 are still out.
    ("albret-voucher", "holders"): 2 * chapters.FACE_MINOR,
    ("albret-voucher", "loss"): -chapters.FACE_MINOR,
    ("albret-voucher", "merchant:a"): -3 * chapters.FACE_MINOR,
    ("albret-voucher", "merchant:b"): 2 * chapters.FACE_MINOR,
}
CHAPTERS: tuple[Callable[[Cast, Narrator], None], ...] = (
    chapters.earn_and_spend,
    chapters.sell_and_redeem,
    chapters.go_offline,
    chapters.kill_and_restart,
    chapters.come_back,
)


def tell_story(*, out: Path, fault: Fault | None = None, keep: Path | None = None, database: str | None = None) -> bool:
    """Play the story in real processes and write `story.json` and the receipts.

    Args:
        out: Folder for the results; it is emptied of earlier ones.
        fault: Planted after the last step, before the books are checked.
        keep: Folder, not there yet, for what the town left behind: `judge_again` reads it. Nothing is planted in it.
        database: URL of an empty PostgreSQL database for central; by default SQLite.

    Returns:
        Whether every step and every promise held.
    """
    _make_room(out)
    # Unix sockets need short paths; /var/tmp is a real disk, and journals must meet one.
    with tempfile.TemporaryDirectory(prefix="town-", dir="/var/tmp") as folder:
        town = Path(folder)
        try:
            play(town, database=database)
            if keep is not None:
                shutil.copytree(town, keep, ignore=_NO_SOCKETS)
            return judge(town, out=out, fault=fault, database=database)
        except SimulatorError as error:
            print(f"\nThe story broke off: {error}", file=sys.stderr)
            _keep_logs(town, out)
            return False


def judge_again(kept: Path, *, out: Path, fault: Fault | None = None) -> bool:
    """Judge a story that was played and kept; a fault is planted in a copy of it.

    Raises:
        StoryError: There is no played story.
    """
    if not (kept / TOLD).is_file():
        raise StoryError(f"{kept} holds no story that was played to its end: play one with --keep")
    _make_room(out)
    with tempfile.TemporaryDirectory(prefix="town-", dir="/var/tmp") as folder:
        copy = Path(folder) / "town"
        shutil.copytree(kept, copy, ignore=_NO_SOCKETS)
        return judge(copy, out=out, fault=fault)


def play(folder: Path, *, database: str | None = None) -> None:
    """Live the story; what it left behind stays in the folder when every process has ended.

    Raises:
        SimulatorError: A step didn't hold.
    """
    tell = Narrator()
    with VirtualTown(folder, database=database) as town:
        cast = chapters.set_up(town)
        shops = [cast.a, cast.b]
        reached = {shop.device: [0] for shop in shops}
        for chapter in CHAPTERS:
            chapter(cast, tell)
            for shop in shops:
                reached[shop.device].append(facts.last_position(shop.journal))
    told = [
        {
            "step": step.number,
            "title": step.title,
            "reached": {device: at[index : index + 2] for device, at in reached.items()},
        }
        for index, step in enumerate(tell.steps)
    ]
    (folder / TOLD).write_text(json.dumps(told), encoding="utf-8")


def judge(folder: Path, *, out: Path, fault: Fault | None = None, database: str | None = None) -> bool:
    """Write `story.json` from what a played story left behind, and say what holds.

    Args:
        folder: As `play` left it, its processes ended; a fault is planted in it.
        out: Folder for the results, without earlier ones.
        database: As `play` had it; faults are planted in SQLite only.
    """
    town = VirtualTown(folder, database=database)
    shops = [VirtualShop(shop, folder=folder / shop, broker_port=0, central_port=0) for shop in chapters.SHOPS]
    if fault is not None:
        plant(fault, town.database)
        print(f"\n   (a fault is planted: {fault.value})")
    for picture in sorted(shops[0].receipts.glob("*.png")):
        shutil.copy(picture, out / picture.name)
    story = {
        **facts.central_facts(town, shops),
        "instruments": facts.instrument_facts(town, shops),
        "journals": [facts.journal_facts(shop, folder / "tampered" / shop.shop) for shop in shops],
        "receipts": facts.picture_facts(out),
        "steps": [facts.step_facts(told, shops) for told in json.loads((folder / TOLD).read_text(encoding="utf-8"))],
    }
    (out / STORY).write_text(json.dumps(story, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return _say_what_holds(story, out)


def _make_room(out: Path) -> None:
    """Nothing of an earlier story may pass for this one's."""
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob("*.png"), out / STORY]:
        old.unlink(missing_ok=True)


def _say_what_holds(story: Json, out: Path) -> bool:
    """Say what holds, from story.json alone."""
    promises = {
        "the books balance, and every journalled event is booked once": story["books_balance"],
        "every account holds what the two tills' rolls add up to": (
            {(entry["programme"], entry["account"]): entry["balance_minor"] for entry in story["balances"]} == BALANCES
        ),
        "central and both replicas agree on every card and voucher": all(
            instrument["agrees"] for instrument in story["instruments"]
        ),
        "V1 was taken twice: 20 € funded, 20 € the programme's loss, both merchants credited": (
            story["double_acceptances"] == 1 and _is_the_one_expected(story)
        ),
        "the journals verify, and a changed row and a cut tail are found": all(
            journal["verifies"] and journal["changed_row_found"] and journal["cut_tail_found"]
            for journal in story["journals"]
        ),
        "a camera reads every printed voucher": (
            len(story["receipts"]) == 5 and all(len(receipt["codes"]) == 1 for receipt in story["receipts"])
        ),
    }
    print("\nWhat it left behind")
    for promise, holds in promises.items():
        print(f"   {'✓' if holds else '✗'} {promise}")
    for broken in [*story["broken_promises"], *(f"lost: {event_id}" for event_id in story["lost_events"])]:
        print(f"     {broken}")
    print(f"\n{out / STORY} and {len(story['receipts'])} receipts")
    return all(promises.values())


def _is_the_one_expected(story: Json) -> bool:
    finding = next(finding for finding in story["desk"] if finding["kind"] == "double_acceptance")
    sold = [row["instrument"] for step in story["steps"] for row in step["events"] if row["type"] == "comptoir.sold.v1"]
    return (
        finding["instrument"] == sold[1]
        and (finding["funded_minor"], finding["loss_minor"]) == (chapters.FACE_MINOR, chapters.FACE_MINOR)
        and {event["shop_name"] for event in finding["events"]} == set(chapters.SHOPS.values())
        and all(event["credited"] == "merchant" for event in finding["events"])
    )


def _keep_logs(folder: Path, out: Path) -> None:
    """Leave the programs' logs beside the story, for whoever looks for the reason."""
    for log in folder.rglob("*.log"):
        shutil.copy(log, out / f"{log.parent.name}-{log.name}")
