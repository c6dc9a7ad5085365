"""The OpenAPI document: every operation has an example, and every example is what the box takes and answers."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest

from drivers.supervise import DeviceReport, DeviceState
from programme.registry import InstrumentStatus
from sync.journal import JobState
from tests.gateway.api.test_pairing import TABLET
from tests.gateway.till import Till

NO_BODY = re.compile(r"/v1/(events|cameras/.*|operations/.*)")
"""These answer something else than JSON."""


def operations(till: Till) -> dict[str, Any]:
    paths = till.http.get("/openapi.json").json()["paths"]
    return {f"{method.upper()} {path}": found for path, methods in paths.items() for method, found in methods.items()}


def answer_of(operation: Any) -> Any:  # noqa: ANN401
    (success,) = (response for status, response in operation["responses"].items() if status.startswith("2"))
    return success.get("content", {}).get("application/json", {}).get("example")


def shape(value: Any) -> Any:  # noqa: ANN401
    """What there is, whatever it says: names of programmes and faces are told as values, too."""
    match value:
        case dict():
            by_name = all(re.fullmatch(r"albret-\w+|[A-Z]{3}|\d+", name) for name in value)
            return "by name" if by_name else {name: shape(inner) for name, inner in value.items()}
        case [first, *_]:
            return [shape(first)]
        case []:
            return []
    return "value"


def test_every_operation_that_takes_or_answers_json_has_an_example(till: Till) -> None:
    for name, operation in operations(till).items():
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["examples"], name
        if "204" not in operation["responses"] and not NO_BODY.fullmatch(name.partition(" ")[2]):
            assert answer_of(operation) is not None, name


def test_every_error_is_a_problem(till: Till) -> None:
    for name, operation in operations(till).items():
        assert "422" not in operation["responses"], name
        example = operation["responses"]["default"]["content"]["application/problem+json"]["example"]
        assert set(example) == {"type", "title", "status", "detail"}, name


@pytest.fixture
def busy(printing_till: Till) -> Till:
    """A counter where there is something of everything that the examples show."""
    till = printing_till
    box = till.box
    box.give_grant(1, 2)
    box.knows_card(1, 1_240)
    box.knows_voucher(7, InstrumentStatus.ACTIVE)
    till.board.report(DeviceReport(device="douchette", state=DeviceState.READY, message="douchette: ready"))
    sale = till.operate(kind="sell", programme="albret-voucher", amount="20,00")["event_id"]
    (job,) = box.journal.jobs()
    box.journal.update_job(job.job_id, JobState.UNCERTAIN)
    till.http.post("/v1/scans", json={"code": box.central.card(1), "device": "douchette"})
    till.operate(kind="earn", amount="23,50")
    assert till.get("/v1/screen")["operations"][1]["event_id"] == sale
    return till


def real(till: Till, body: Any) -> Any:  # noqa: ANN401
    """An example with codes, numbers and ids that mean something at this counter."""
    meant = {
        "code": till.box.central.card(1),
        "presented": lying.number if (lying := till.box.desk.latest) is not None else 0,
        "event": till.get("/v1/screen")["operations"][0]["event_id"],
        "pin": till.pairing.offer(),
    }
    return {name: meant.get(name, value) for name, value in body.items()}


def test_every_example_is_taken(busy: Till) -> None:
    till = busy
    for name, operation in operations(till).items():
        method, _, path = name.partition(" ")
        bodies = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {})
        for example in bodies.values():
            if path == "/v1/operations" and example["value"]["kind"] == "redeem":
                till.http.post("/v1/scans", json={"code": till.box.central.token(7), "device": "douchette"})
            response = till.http.call(
                method,
                path.replace("{job}", "1"),
                json=real(till, example["value"]),
                headers={"Idempotency-Key": str(uuid4())},
            )
            assert response.status_code < 300, (name, example, response.text)


@pytest.mark.parametrize("path", ["/v1/status", "/v1/counter", "/v1/screen?language=en"])
def test_what_is_asked_for_looks_like_its_example(busy: Till, path: str) -> None:
    example = answer_of(operations(busy)[f"GET {path.partition('?')[0]}"])

    assert shape(busy.get(path)) == shape(example)


def test_what_is_done_is_answered_like_its_example(busy: Till) -> None:
    till = busy
    known = operations(till)
    card = till.box.central.card(1)

    answers = {
        "POST /v1/scans": till.http.post("/v1/scans", json={"code": card, "device": "till"}).json(),
        "POST /v1/operations": till.operate(kind="earn", amount="5", code=card),
        "POST /v1/prints": till.http.post("/v1/prints", json={}).json(),
        "POST /v1/prints/{job}/answer": till.http.post("/v1/prints/1/answer", json={"printed": True}).json(),
        "POST /v1/day-closures": till.http.post("/v1/day-closures").json(),
        "PUT /v1/training": till.http.put("/v1/training", json={"on": True}).json(),
    }
    till.pairing.pair(till.pairing.offer(), address=TABLET, name="Tablet")
    answers["GET /v1/pairing"] = till.get("/v1/pairing")

    for name, answer in answers.items():
        assert shape(answer) == shape(answer_of(known[name])), name
