"""Prints that two screens ask for, or answer for, at once."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from gateway.receipts import decode_ticket
from sync.journal import JobState
from tests.gateway.till import Till


def at_once(till: Till, *posts: tuple[str, dict[str, Any]]) -> list[int]:
    """Post without waiting for the answers; their statuses, in order."""

    async def post() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=till.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8787") as client:
            return await asyncio.gather(*(client.post(path, json=body) for path, body in posts))

    return sorted(answer.status_code for answer in asyncio.run(post()))


def jobs(till: Till) -> list[tuple[JobState, bool]]:
    """How far each print is, and whether it says DUPLICATA."""
    return [(job.state, decode_ticket(job.payload).duplicate) for job in till.box.journal.jobs()]


def uncertain_sale(till: Till) -> int:
    """A sold voucher whose print may have come out: its job."""
    till.box.give_grant(1)
    till.operate(kind="sell", programme="albret-voucher", amount="20,00")
    (job,) = till.box.journal.jobs()
    till.box.journal.update_job(job.job_id, JobState.UNCERTAIN)
    return job.job_id


def test_two_screens_that_print_at_once_get_one_original(printing_till: Till) -> None:
    event = printing_till.operate(kind="earn", amount="10,00", code=printing_till.box.central.card(1))["event_id"]

    assert at_once(printing_till, *[("/v1/prints", {"event": event})] * 2) == [202, 202]

    assert jobs(printing_till) == [(JobState.QUEUED, False)]


def test_two_screens_that_say_no_at_once_print_once_more(printing_till: Till) -> None:
    job = uncertain_sale(printing_till)

    assert at_once(printing_till, *[(f"/v1/prints/{job}/answer", {"printed": False})] * 2) == [200, 404]

    assert jobs(printing_till) == [(JobState.FAILED, False), (JobState.QUEUED, True)]


@pytest.mark.parametrize("first", [True, False])
def test_of_two_answers_at_once_the_first_counts(printing_till: Till, first: bool) -> None:
    job = uncertain_sale(printing_till)

    answers = [(f"/v1/prints/{job}/answer", {"printed": printed}) for printed in (first, not first)]
    assert at_once(printing_till, *answers) == [200, 404]

    printed_again = [] if first else [(JobState.QUEUED, True)]
    assert jobs(printing_till) == [(JobState.CONFIRMED if first else JobState.FAILED, False), *printed_again]
