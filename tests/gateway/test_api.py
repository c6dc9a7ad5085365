"""The local API: what a till may ask, and what it gets when it asks wrongly."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from drivers.supervise import DeviceReport, DeviceState
from programme.registry import InstrumentStatus
from sync.closures import check_closure
from sync.journal import JobState
from tests.gateway.till import Till
from tests.gateway.world import Box


def test_a_code_is_put_on_the_counter_and_earns(till: Till) -> None:
    shown = till.http.post("/v1/scans", json={"code": till.box.central.card(1)}).json()
    earned = till.operate(kind="earn", amount="23,50")

    assert (shown["kind"], shown["spendable_minor"], shown["actions"]) == ("card", 0, ["earn"])
    assert (earned["accepted"], earned["amount_minor"], earned["stage"]) == (True, 118, "recorded")
    assert earned["message"] == "1,18\u00a0€ gagnés."
    (on_counter,) = till.get("/v1/counter")["presented"]
    assert on_counter["pending_minor"] == 118


def test_a_repeated_key_answers_with_the_same_event_whatever_lies_on_the_counter_now(till: Till) -> None:
    key = str(uuid4())
    till.http.post("/v1/scans", json={"code": till.box.central.card(1)})
    first = till.operate(key=key, kind="earn", amount="23,50")
    till.http.post("/v1/scans", json={"code": till.box.central.card(2)})

    again = till.operate(key=f'"{key}"', kind="earn", amount="23,50")

    assert again == first | {"repeated": True}
    assert till.box.rows() == ["epoch_opened", "earned"]


def test_a_key_for_another_amount_is_refused(till: Till) -> None:
    key = str(uuid4())
    code = till.box.central.card(1)
    till.operate(key=key, kind="earn", amount="23,50", code=code)

    told = till.operate(key=key, kind="earn", amount="23,51", code=code, status=409)

    assert told["type"] == "urn:comptoir:problem:key-reused"


def test_a_void_of_the_last_operation_is_repeated_as_that_void(till: Till) -> None:
    till.operate(kind="earn", amount="10,00", code=till.box.central.card(1))
    till.operate(kind="earn", amount="20,00", code=till.box.central.card(1))
    key = str(uuid4())

    first = till.operate(key=key, kind="void")
    again = till.operate(key=key, kind="void")

    assert first["amount_minor"] == again["amount_minor"] == 100
    assert again["repeated"]


def test_a_refusal_is_an_answer_in_words(till: Till) -> None:
    till.box.give_grant()
    till.box.knows_voucher(7, InstrumentStatus.REDEEMED, used_in="Café du Pont")

    refused = till.operate(kind="redeem", code=till.box.central.token(7))

    assert not refused["accepted"]
    assert refused["refusal"]["reason"] == "AlreadyRedeemed"
    assert refused["message"] == "Déjà utilisé le 4 mai à 12:00, Café du Pont."


def test_english(box: Box) -> None:
    told = Till(box, language="en").http.post("/v1/scans", json={"code": "HELLO"}).json()

    assert told["message"].startswith("Unknown code")
    assert not told["understood"]


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "1"}, {"Idempotency-Key": ""}])
def test_an_operation_needs_a_key(till: Till, headers: dict[str, str]) -> None:
    response = till.http.post("/v1/operations", json={"kind": "earn", "amount": "5"}, headers=headers)

    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"
    assert "idempotency-key" in response.json()["detail"].lower()


BAD_BODIES: list[object] = [
    None,
    [],
    {},
    {"kind": "steal"},
    {"kind": "earn", "amount": 5},
    {"kind": "earn", "amount_minor": 5.5},
    {"kind": "earn", "amount_minor": "5"},
    {"kind": "earn", "amount": "5", "amount_minor": 500},
    {"kind": "earn", "amount": "5", "name": "Madame X"},
    {"kind": "earn", "amount": "5", "code": ""},
    {"kind": "void", "event": "yesterday"},
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=str)
def test_a_body_that_is_wrong(till: Till, body: object) -> None:
    response = till.http.post("/v1/operations", json=body, headers={"Idempotency-Key": str(uuid4())})

    assert response.status_code == 422
    assert response.json()["title"] == "bad-request"


@pytest.mark.parametrize(
    ("body", "french", "english"),
    [
        ({}, "kind : manque", "kind: is missing"),
        ({"kind": "steal"}, "kind : doit être l'un de : 'earn', 'redeem'", "kind: must be one of: 'earn', 'redeem'"),
        ({"kind": "earn", "code": ""}, "code : trop court ou vide", "code: too short or empty"),
        ({"kind": "earn", "amount": "5" * 65}, "amount : trop long, 64 caractères", "amount: too long, at most 64"),
        ({"kind": "earn", "amount_minor": "5"}, "amount_minor : doit être un nombre", "amount_minor: must be a whole"),
        ({"kind": "void", "event": "yesterday"}, "event : doit être un UUID", "event: must be a UUID"),
        ({"kind": "earn", "{0}": "X"}, "{0} : n'est pas demandé ici", "{0}: isn't asked for here"),
        ([], "body : doit être un objet JSON", "body: must be a JSON object"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_body_is_said_in_both_languages(
    till: Till, body: object, french: str, english: str
) -> None:
    for language, expected in (("fr", french), ("en", english)):
        headers = {"Idempotency-Key": str(uuid4()), "Accept-Language": language}
        told = till.http.post("/v1/operations", json=body, headers=headers).json()["detail"]
        assert expected in told


def test_only_the_newest_reads_of_many_readers_are_kept(till: Till) -> None:
    for number in range(20):
        till.http.post("/v1/scans", json={"code": till.box.central.card(number), "device": f"reader-{number}"})

    readers = [placed.device for placed in till.box.desk.placed]

    assert readers == [f"reader-{number}" for number in range(19, 11, -1)]


def test_a_body_that_is_no_json(till: Till) -> None:
    response = till.http.post(
        "/v1/operations",
        content=b"\xff\x00{",
        headers={"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"},
    )

    assert response.status_code == 400


def test_a_bad_amount_is_a_problem_in_words(till: Till) -> None:
    told = till.operate(kind="earn", amount="abc", code=till.box.central.card(1), status=422)

    assert told["type"] == "urn:comptoir:problem:bad-amount"
    assert "23,50" in told["detail"]


def test_an_unknown_path_is_a_problem(till: Till) -> None:
    response = till.http.get("/v2/counter")

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_the_status_tells_what_is_at_risk(till: Till) -> None:
    till.box.give_grant()
    till.board.report(DeviceReport(device="douchette", state=DeviceState.GONE, message="douchette: unplugged"))
    till.operate(kind="earn", amount="23,50", code=till.box.central.card(1))

    status = till.get("/v1/status")

    assert status["queue"]["unbooked_rows"] == 3
    assert status["queue"]["value_at_risk_minor"] == {"EUR": 118}
    assert status["queue"]["oldest_unbooked_at"].startswith("2026-05-04")
    assert status["link"] == {"up": False, "last_ack_at": None}
    assert status["grant"]["id"].endswith("/1")
    assert status["replicas"]["albret-card"]["age_s"] == 0
    assert status["replicas"]["albret-voucher"]["age_s"] is None
    (device,) = status["devices"]
    assert (device["state"], device["message"][:6]) == ("gone", "Absent")
    (operation,) = status["operations"]
    assert operation["stage"] == "recorded"


def test_an_operation_is_recorded_then_sent_then_booked(till: Till) -> None:
    box = till.box
    till.operate(kind="earn", amount="23,50", code=box.central.card(1))
    stages = []

    stages.append(till.get("/v1/status")["operations"][0]["stage"])
    box.journal.mark_sent(2)
    stages.append(till.get("/v1/status")["operations"][0]["stage"])
    box.acknowledge_all()
    stages.append(till.get("/v1/status")["operations"][0]["stage"])

    assert stages == ["recorded", "sent", "booked"]


def test_a_day_is_closed_with_signed_totals_that_add_up(till: Till) -> None:
    box = till.box
    till.operate(kind="earn", amount="23,50", code=box.central.card(1))

    (closure,) = till.http.post("/v1/day-closures").json()["closures"]
    nothing_left = till.http.post("/v1/day-closures")
    till.operate(kind="earn", amount="10,00", code=box.central.card(1))
    till.http.post("/v1/day-closures")

    assert closure["message"] == "Journée du 04/05/2026 close."
    assert nothing_left.status_code == 409
    first, second = box.closures()
    assert first.totals["albret-card"].earned_minor == first.perpetual["albret-card"].earned_minor == 118
    assert (second.totals["albret-card"].earned_minor, second.perpetual["albret-card"].earned_minor) == (50, 168)
    check_closure(second, box.key.public_key())


def test_after_closure_an_operation_can_not_be_voided(till: Till) -> None:
    earned = till.operate(kind="earn", amount="23,50", code=till.box.central.card(1))
    till.http.post("/v1/day-closures")

    assert till.operate(kind="void", event=earned["event_id"])["refusal"]["reason"] == "UnknownOperation"


def test_training_says_so(till: Till) -> None:
    assert till.http.put("/v1/training", json={"on": True}).json()["training"]

    earned = till.operate(kind="earn", amount="23,50", code=till.box.central.card(1))

    assert earned["training"]
    assert "ENTRAÎNEMENT" in earned["message"]
    assert till.get("/v1/status")["training"]
    assert not till.http.put("/v1/training", json={"on": False}).json()["training"]


def test_training_outlives_a_restart_until_it_is_ended(box: Box) -> None:
    Till(box).http.put("/v1/training", json={"on": True})
    box.restart()
    till = Till(box)

    assert till.get("/v1/status")["training"]
    assert till.operate(kind="earn", amount="23,50", code=till.box.central.card(1))["training"]

    till.http.put("/v1/training", json={"on": False})
    box.restart()
    assert not Till(box).get("/v1/status")["training"]


def test_training_that_the_disk_can_not_note_does_not_begin(till: Till) -> None:
    (till.box.folder / "training").mkdir()

    answer = till.http.put("/v1/training", json={"on": True})

    assert answer.status_code == 507
    assert answer.json()["detail"].startswith("Le disque n'a pas pu noter l'entraînement : rien n'a changé.")
    assert not till.get("/v1/status")["training"]


def test_printing_without_a_printer_says_so(till: Till) -> None:
    till.operate(kind="earn", amount="23,50", code=till.box.central.card(1))

    response = till.http.post("/v1/prints", json={})

    assert (response.status_code, response.json()["title"]) == (422, "no-printer")


def test_a_receipt_is_printed_on_request_and_then_is_a_duplicate(printing_till: Till) -> None:
    box = printing_till.box
    printing_till.operate(kind="earn", amount="23,50", code=box.central.card(1))
    assert box.journal.jobs() == []

    first = printing_till.http.post("/v1/prints", json={})
    while_queued = printing_till.http.post("/v1/prints", json={})
    box.journal.update_job(first.json()["job"], JobState.CONFIRMED)
    second = printing_till.http.post("/v1/prints", json={})

    assert (first.status_code, first.json()["state"]) == (202, "queued")
    assert while_queued.json()["job"] == first.json()["job"] != second.json()["job"]
    assert [ticket.duplicate for ticket in box.tickets()] == [False, True]


def test_an_uncertain_print_asks_a_person(printing_till: Till) -> None:
    box = printing_till.box
    box.give_grant(7, 8)
    printing_till.operate(kind="sell", programme="albret-voucher", amount="20")
    printing_till.operate(kind="sell", programme="albret-voucher", amount="20")
    first, second = box.journal.jobs()
    for job in (first, second):
        box.journal.update_job(job.job_id, JobState.UNCERTAIN)

    came_out = printing_till.http.post(f"/v1/prints/{first.job_id}/answer", json={"printed": True})
    did_not = printing_till.http.post(f"/v1/prints/{second.job_id}/answer", json={"printed": False})
    unknown = printing_till.http.post("/v1/prints/99/answer", json={"printed": True})

    assert came_out.json()["state"] == "confirmed"
    assert did_not.json()["state"] == "queued"
    assert unknown.status_code == 404
    assert [ticket.duplicate for ticket in box.tickets()] == [False, False, True]
    assert box.tickets()[2].code == box.tickets()[1].code


@pytest.mark.parametrize("closed", [False, True])
def test_a_voided_sale_is_not_printed_again(printing_till: Till, closed: bool) -> None:
    box = printing_till.box
    box.give_grant(7)
    sale = printing_till.operate(kind="sell", programme="albret-voucher", amount="20")["event_id"]
    (job,) = box.journal.jobs()
    box.journal.update_job(job.job_id, JobState.UNCERTAIN)
    printing_till.operate(kind="void", event=sale)
    if closed:
        printing_till.http.post("/v1/day-closures")

    again = printing_till.http.post("/v1/prints", json={"event": sale})
    did_not = printing_till.http.post(f"/v1/prints/{job.job_id}/answer", json={"printed": False})

    assert (again.status_code, again.json()["title"]) == (409, "sale-voided")
    assert did_not.json()["state"] == "failed"
    assert len(box.journal.jobs()) == 1


def test_printing_an_event_that_is_not_there(printing_till: Till) -> None:
    response = printing_till.http.post("/v1/prints", json={"event": str(uuid4())})

    assert (response.status_code, response.json()["title"]) == (404, "nothing-to-print")


def test_the_data_folder_is_not_served(till: Till, tmp_path: Path) -> None:
    assert (tmp_path / "journal.sqlite").exists()
    assert till.http.get("/journal.sqlite").status_code == 404


@pytest.mark.parametrize("job", [0, 10**20])
def test_a_print_of_an_impossible_number_is_a_bad_request(till: Till, job: int) -> None:
    response = till.http.post(f"/v1/prints/{job}/answer", json={"printed": True})

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


def test_a_journal_that_can_not_be_read_is_a_problem_in_words(till: Till) -> None:
    till.box.lookup.close()

    answer = till.http.get("/v1/status")

    assert answer.status_code == 503
    assert answer.json()["title"] == "journal-unreadable"
    assert answer.json()["detail"].startswith("Le journal n'a pas pu être lu.")
