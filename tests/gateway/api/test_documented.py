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


def test_every_error_is_a_problem_under_its_own_status(till: Till) -> None:
    for name, operation in operations(till).items():
        errors = {status: response for status, response in operation["responses"].items() if status > "299"}
        assert "403" in errors, name
        assert "default" not in errors, name
        for status, response in errors.items():
            for kind, example in response["content"]["application/problem+json"]["examples"].items():
                assert set(example["value"]) == {"type", "title", "status", "detail"}, name
                assert (example["value"]["title"], example["value"]["status"]) == (kind, int(status)), name


def test_who_is_not_paired_may_only_pair(till: Till) -> None:
    without = {name for name, operation in operations(till).items() if "401" not in operation["responses"]}

    assert without == {"GET /v1/pairing", "POST /v1/pairing"}


FOREIGN = {"Origin": "https://elsewhere.example"}
REFUSED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "foreign-origin": ("GET", "/v1/status", {"headers": FOREIGN}),
    "foreign-host": ("GET", "/v1/screen", {"headers": {"Host": "elsewhere.example"}}),
    "too-large": ("POST", "/v1/scans", {"content": b" " * 70_000}),
    "bad-request": ("POST", "/v1/scans", {"json": {}}),
    "counter-changed": ("POST", "/v1/operations", {"json": {"kind": "redeem", "presented": 7}}),
    "nothing-presented": ("POST", "/v1/operations", {"json": {"kind": "redeem"}}),
    "nothing-to-void": ("POST", "/v1/operations", {"json": {"kind": "void"}}),
    "unknown-code": ("POST", "/v1/operations", {"json": {"kind": "redeem", "code": "HELLO"}}),
    "nothing-to-close": ("POST", "/v1/day-closures", {}),
    "no-printer": ("POST", "/v1/pairing/offers", {"params": {"print": "true"}}),
    "loopback-only": ("POST", "/v1/pairing/offers", {}),
    "wrong-pin": ("POST", "/v1/pairing", {"json": {"pin": "000000"}}),
    "camera-away": ("GET", "/v1/cameras/{name}/preview", {}),
    "nothing-to-print": ("GET", "/v1/operations/{event_id}/receipt.svg", {}),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused_is_documented(till: Till, kind: str) -> None:
    method, path, given = REFUSED[kind]
    documented = operations(till)[f"{method} {path}"]["responses"]
    headers = {"Idempotency-Key": str(uuid4()), **given.get("headers", {})}

    answer = till.http.call(method, path.format(name="plafond", event_id=uuid4()), **given | {"headers": headers})

    assert answer.json()["title"] == kind
    assert kind in documented[str(answer.status_code)]["content"]["application/problem+json"]["examples"]


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
            lying = till.box.desk.latest
            response = till.http.call(
                method,
                path.replace("{job}", "1"),
                json=real(till, example["value"]),
                headers={"Idempotency-Key": str(lying.key if lying and "presented" in example["value"] else uuid4())},
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
