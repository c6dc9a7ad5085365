"""Grants: when the next one is due, and how the one before ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from central import issue, office
from central.store import grants
from programme.events import EpochOpened, EpochReason, GrantReceived, RowLink
from programme.grants import Grant
from sync.chain import GENESIS
from sync.topics import Up
from sync.wire import MAX_MESSAGE_BYTES, Verdict
from tests.central.world import CARD, FILES, VOUCHER, Box, Centre, Replies


def open_numbers(centre: Centre) -> list[int]:
    with centre.workshop.read() as work:
        return [grant.number for grant in grants.open_ones(work.db)]


def first_grant(centre: Centre, box: Box) -> Grant:
    (signed,) = centre.batch(box).signed_grants
    return box.took_grant(signed)


def test_the_first_row_of_an_epoch_brings_the_first_grant(centre: Centre, box_a: Box) -> None:
    (voucher,) = centre.vouchers(box_a)

    (grant,) = centre.batch(box_a).grants

    assert (grant.device, grant.epoch, grant.number) == ("box-a", box_a.epoch, 1)
    assert grant.ends_at - grant.issued_at == timedelta(days=30)
    assert grant.allowances[CARD].ceiling_minor == 10_000
    assert grant.allowances[CARD].floor_limit_minor == 2_000
    assert [consignment.instrument for consignment in grant.allowances[VOUCHER].consigned] == [voucher]


def test_a_box_that_has_no_row_booked_gets_none(centre: Centre, box_a: Box) -> None:
    assert centre.birth(box_a).grants == []


def test_a_grant_is_sent_until_its_row_comes(centre: Centre, box_a: Box) -> None:
    (signed,) = centre.batch(box_a).signed_grants

    assert centre.birth(box_a).signed_grants == [signed]
    assert centre.batch(box_a).signed_grants == [signed]
    assert centre.batch(box_a).signed_grants == []
    centre.clock.advance(seconds=3)
    assert centre.batch(box_a).signed_grants == [signed]

    box_a.took_grant(signed)
    centre.clock.advance(seconds=3)
    assert centre.batch(box_a).signed_grants == []


def test_a_box_that_lost_its_grant_gets_it_at_its_birth(centre: Centre, box_a: Box) -> None:
    held = centre.grant(box_a)

    assert centre.birth(box_a, grant=None).grants == [held]
    assert centre.birth(box_a, grant=held.grant_id).grants == []


def spend(centre: Centre, box: Box, held: Grant, amount_minor: int) -> Replies:
    box.redeemed(CARD, centre.card(), amount_minor, grant=held.grant_id)
    return centre.batch(box)


def test_the_next_one_comes_when_more_than_half_of_a_ceiling_is_spent(centre: Centre, box_a: Box) -> None:
    held = centre.grant(box_a)

    assert spend(centre, box_a, held, 5_000).grants == []
    (following,) = spend(centre, box_a, held, 1).grants
    assert following.number == 2


def test_both_are_open_until_the_row_that_names_the_next(centre: Centre, box_a: Box) -> None:
    held = centre.grant(box_a)
    (signed,) = spend(centre, box_a, held, 5_001).signed_grants
    assert open_numbers(centre) == [1, 2]

    box_a.took_grant(signed)
    centre.batch(box_a)

    assert open_numbers(centre) == [2]


def test_only_one_grant_is_on_its_way(centre: Centre, box_a: Box) -> None:
    first_grant(centre, box_a)
    centre.vouchers(box_a)

    assert [grant.number for grant in centre.birth(box_a).grants] == [1]


def test_a_grant_can_be_delivered_however_many_vouchers_wait(centre: Centre, box_a: Box, tmp_path: Path) -> None:
    programmes = [VOUCHER, "voucher-3", "voucher-4", "voucher-5"]
    text = (FILES / f"{VOUCHER}.toml").read_text(encoding="utf-8")
    for number, programme in enumerate(programmes[1:], start=3):
        file = tmp_path / f"{programme}.toml"
        file.write_text(text.replace(VOUCHER, programme).replace("number = 2", f"number = {number}"), encoding="utf-8")
        office.load_programme(centre.workshop, file)
    for programme in programmes:
        order = issue.Order(programme=programme, count=300, face_minor=2_000, consign_to=box_a.device)
        assert len(list(issue.issue(centre.workshop, order))) == 300

    replies = centre.batch(box_a)

    (grant,) = replies.grants
    assert [len(grant.allowances[programme].consigned) for programme in programmes] == [75] * 4
    assert max(len(message.payload) for message in replies.raw if message.topic.endswith("/grant")) < MAX_MESSAGE_BYTES
    box_a.took_grant(replies.signed_grants[0])
    assert centre.batch(box_a).grants == []


def test_new_vouchers_bring_the_next_grant(centre: Centre, box_a: Box) -> None:
    centre.grant(box_a)
    (voucher,) = centre.vouchers(box_a)

    (following,) = centre.batch(box_a).grants

    assert following.number == 2
    assert [consignment.instrument for consignment in following.allowances[VOUCHER].consigned] == [voucher]


def test_a_running_server_notices_vouchers_consigned_beside_it(centre: Centre, box_a: Box) -> None:
    centre.grant(box_a)
    centre.birth(box_a)
    centre.tick()
    centre.vouchers(box_a)

    replies = centre.tick()

    assert [grant.number for grant in replies.grants] == [2]
    assert [delta.programme for delta in replies.deltas] == [VOUCHER]
    assert centre.tick().raw == []


def test_sold_vouchers_are_left_out_of_the_next(centre: Centre, box_a: Box) -> None:
    sold, kept = centre.vouchers(box_a, 2)
    held = centre.grant(box_a)
    box_a.sold(sold)

    (following,) = spend(centre, box_a, held, 5_001).grants

    assert [consignment.instrument for consignment in following.allowances[VOUCHER].consigned] == [kept]


def test_the_next_one_comes_past_half_its_life(centre: Centre, box_a: Box) -> None:
    centre.grant(box_a)
    centre.clock.advance(days=14)
    assert centre.batch(box_a).grants == []

    centre.clock.advance(days=2)

    assert [grant.number for grant in centre.batch(box_a).grants] == [2]


def test_a_new_epoch_starts_with_a_grant_of_its_own_and_the_old_one_stays_open(centre: Centre, box_a: Box) -> None:
    held = centre.grant(box_a)
    box_a.open_epoch("2-fedcba9876543210", box_a.rows[-1].link)

    (grant,) = centre.batch(box_a).grants

    assert grant.grant_id == "2-fedcba9876543210/1"
    with centre.workshop.read() as work:
        assert [found.grant_id for found in grants.open_ones(work.db)] == [held.grant_id, grant.grant_id]


def an_earn_first(centre: Centre, box: Box) -> None:
    box.epoch, box.rows = "2-fedcba9876543210", []
    box.earned(centre.card(), 100)


def another_epoch_s_opening(_: Centre, box: Box) -> None:
    parent = box.rows[-1].link
    box.epoch, box.rows = "2-fedcba9876543210", []
    box.happened(EpochOpened(epoch="3-fedcba9876543210", reason=EpochReason.FORK, parent=parent))


def an_unknown_parent(_: Centre, box: Box) -> None:
    box.open_epoch("2-fedcba9876543210", replace(box.rows[-1].link, hash="ab" * 32))


def no_parent(_: Centre, box: Box) -> None:
    box.open_epoch("2-fedcba9876543210", None)


@pytest.mark.parametrize("begin", [an_earn_first, another_epoch_s_opening, an_unknown_parent, no_parent])
def test_an_epoch_without_its_opening_gets_no_grant(
    centre: Centre, box_a: Box, begin: Callable[[Centre, Box], None]
) -> None:
    centre.grant(box_a)
    begin(centre, box_a)

    replies = centre.batch(box_a)

    assert replies.grants == []
    assert (replies.ack.seq, replies.ack.verdicts[0].verdict) == (1, Verdict.QUARANTINED)
    assert open_numbers(centre) == [1]


def test_a_late_batch_of_an_older_epoch_brings_no_grant(centre: Centre, box_a: Box) -> None:
    late = box_a.batch()
    box_a.open_epoch("2-fedcba9876543210", RowLink(epoch=box_a.epoch, seq=0, hash=GENESIS.hex()))
    assert [grant.grant_id for grant in centre.batch(box_a).grants] == ["2-fedcba9876543210/1"]

    assert centre.send(box_a, Up.JOURNAL, late).grants == []

    centre.clock.advance(days=20)
    box_a.earned(centre.card(), 100)
    assert [grant.grant_id for grant in centre.batch(box_a).grants] == ["2-fedcba9876543210/2"]


def told_of_last(centre: Centre, box: Box) -> tuple[Verdict, str]:
    """What becomes of a box's last row."""
    (verdict,) = centre.batch(box, len(box.rows)).ack.verdicts
    return verdict.verdict, verdict.reason


def test_a_row_about_a_grant_of_another_box_ends_nothing(centre: Centre, box_a: Box, box_b: Box) -> None:
    centre.grant(box_a)
    (signed,) = centre.batch(box_b).signed_grants

    box_a.took_grant(signed)

    assert told_of_last(centre, box_a) == (
        Verdict.QUARANTINED,
        "names grant 1, and holds 1-0123456789abcdef/1 of box-b",
    )
    with centre.workshop.read() as work:
        newest = grants.newest(work.db, "box-b", box_b.epoch)
    assert newest is not None
    assert not newest.received


def test_a_grant_past_its_end_is_still_shown_until_its_successor_s_row(centre: Centre, box_a: Box) -> None:
    centre.grant(box_a)
    centre.clock.advance(days=31)
    assert centre.audit().open_ceilings_minor[CARD] == 10_000

    (following,) = centre.batch(box_a).signed_grants
    assert centre.audit().open_ceilings_minor[CARD] == 20_000
    box_a.took_grant(following)
    centre.batch(box_a)

    assert centre.audit().open_ceilings_minor[CARD] == 10_000


def test_the_ceilings_of_open_grants_are_shown(centre: Centre, box_a: Box, box_b: Box) -> None:
    centre.grant(box_a)
    centre.grant(box_b)

    assert centre.audit().open_ceilings_minor == {CARD: 20_000, VOUCHER: 40_000}


def second_grant(centre: Centre, box: Box) -> str:
    centre.grant(box)
    centre.clock.advance(days=20)
    (signed,) = centre.batch(box).signed_grants
    return signed


def test_a_row_that_names_another_grant_than_it_holds_ends_nothing(centre: Centre, box_a: Box) -> None:
    signed = second_grant(centre, box_a)

    box_a.happened(GrantReceived(number=1, signed=signed))

    verdict, reason = told_of_last(centre, box_a)
    assert (verdict, reason) == (Verdict.QUARANTINED, f"names grant 1, and holds {box_a.epoch}/2 of box-a")
    assert open_numbers(centre) == [1, 2]


def test_a_grant_that_central_did_not_sign_ends_nothing(centre: Centre, box_a: Box) -> None:
    held, card = centre.grant(box_a), centre.card()
    forged = replace(held, number=9)
    box_a.happened(GrantReceived(number=9, signed=box_a.signed(forged).decode()))

    verdict, reason = told_of_last(centre, box_a)
    box_a.redeemed(CARD, card, 100, grant=held.grant_id)
    centre.batch(box_a)

    assert (verdict, "isn't central's" in reason) == (Verdict.QUARANTINED, True)
    assert centre.balances() == {"loss": -100, "merchant:a": 100}


def test_a_grant_of_an_epoch_before_is_not_taken_in_the_next(centre: Centre, box_a: Box) -> None:
    signed = second_grant(centre, box_a)
    box_a.open_epoch("2-fedcba9876543210", box_a.rows[-1].link)
    centre.batch(box_a)

    box_a.took_grant(signed)

    assert told_of_last(centre, box_a) == (Verdict.QUARANTINED, "a grant of another epoch than the row's")
    assert open_numbers(centre) == [1, 2, 1]


def test_a_voucher_is_to_sell_as_long_as_the_registry_says_so(centre: Centre, box_a: Box) -> None:
    """Taken unsold, it isn't; once that is voided, it is again; sold, it isn't any more."""
    first, second = centre.vouchers(box_a, 2)

    def to_sell() -> set[str]:
        with centre.workshop.read() as work:
            return {found.instrument for found in grants.to_sell(work.db, "box-a", VOUCHER, most=9)}

    assert to_sell() == {first, second}
    taken = box_a.redeemed(VOUCHER, first, 2_000)
    centre.batch(box_a)
    assert to_sell() == {second}
    box_a.voided(taken)
    box_a.sold(second)
    centre.batch(box_a)
    assert to_sell() == {first}
