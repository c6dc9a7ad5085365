"""Tell the story, then judge it by what it left on disk."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from hardware_sim.counter_client import Json
from hardware_sim.errors import SimulatorError
from hardware_sim.story import chapters, facts
from hardware_sim.story.chapters import Cast
from hardware_sim.story.faults import Fault, plant
from hardware_sim.story.narrator import Narrator
from hardware_sim.town import VirtualTown

STORY = "story.json"
CHAPTERS: tuple[Callable[[Cast, Narrator], None], ...] = (
    chapters.earn_and_spend,
    chapters.sell_and_redeem,
    chapters.go_offline,
    chapters.kill_and_restart,
    chapters.come_back,
)


def tell_story(*, out: Path, fault: Fault | None = None) -> bool:
    """Play the story in real processes and write `story.json` and the receipts.

    Args:
        out: Folder for the results; it is emptied of earlier ones.
        fault: Planted after the last step, before the books are checked.

    Returns:
        Whether every step and every promise held.
    """
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob("*.png"), out / STORY]:
        old.unlink(missing_ok=True)
    # Unix sockets need short paths; /var/tmp is a real disk, and journals must meet one.
    with tempfile.TemporaryDirectory(prefix="town-", dir="/var/tmp") as folder:
        try:
            story = _play(Path(folder), out, fault)
        except SimulatorError as error:
            print(f"\nThe story broke off: {error}", file=sys.stderr)
            _keep_logs(Path(folder), out)
            return False
    (out / STORY).write_text(json.dumps(story, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return _judge(story, out)


def _play(folder: Path, out: Path, fault: Fault | None) -> Json:
    tell = Narrator()
    with VirtualTown(folder) as town:
        cast = chapters.set_up(town)
        shops = [cast.a, cast.b]
        reached = {shop.device: [0] for shop in shops}
        for chapter in CHAPTERS:
            chapter(cast, tell)
            for shop in shops:
                reached[shop.device].append(facts.last_position(shop.journal))
        if fault is not None:
            plant(fault, town.database)
            print(f"\n   (a fault is planted: {fault.value})")
        steps = [
            facts.step_facts(step, shops, {device: (at[index], at[index + 1]) for device, at in reached.items()})
            for index, step in enumerate(tell.steps)
        ]
        central = facts.central_facts(town, shops)
        for picture in sorted(cast.a.receipts.glob("*.png")):
            shutil.copy(picture, out / picture.name)
        journals = [facts.journal_facts(shop, folder / "tampered" / shop.shop) for shop in shops]
    return {**central, "journals": journals, "receipts": facts.picture_facts(out), "steps": steps}


def _judge(story: Json, out: Path) -> bool:
    """Say what holds, from story.json alone."""
    promises = {
        "the books balance, and every journalled event is booked once": story["books_balance"],
        "one voucher was taken twice: 20 € funded, 20 € the programme's loss, both merchants credited": (
            story["double_acceptances"] == 1 and _is_the_one_expected(story["desk"])
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


def _is_the_one_expected(desk: list[Json]) -> bool:
    finding = next(finding for finding in desk if finding["kind"] == "double_acceptance")
    return (
        (finding["funded_minor"], finding["loss_minor"]) == (chapters.FACE_MINOR, chapters.FACE_MINOR)
        and {event["shop_name"] for event in finding["events"]} == set(chapters.SHOPS.values())
        and all(event["credited"] == "merchant" for event in finding["events"])
    )


def _keep_logs(folder: Path, out: Path) -> None:
    """Leave the programs' logs beside the story, for whoever looks for the reason."""
    for log in folder.rglob("*.log"):
        shutil.copy(log, out / f"{log.parent.name}-{log.name}")
