"""The OpenAPI document with an example for every operation, and each error under its own status."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, TypeAlias

from fastapi import FastAPI

from gateway.api.problems import PROBLEM_JSON, content_of, status_of
from gateway.guard import MAX_BODY_BYTES, is_open
from gateway.words import Problem, words_for

_Told: TypeAlias = tuple[int, str, str]
"""Status, kind and sentence of a problem."""

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457; `detail` is for people, `type` for programs.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
_GUARD = (
    (403, "foreign-host", "Host: call the box by its address, or by a name set in api.names"),
    (403, "foreign-origin", "Origin: web pages of other origins may not use this API"),
)
_TOO_LARGE = (413, "too-large", f"The body must have a Content-Length of at most {MAX_BODY_BYTES} bytes")
_BAD_REQUEST = (422, "bad-request", "amount: String should have at most 64 characters")
_DETAILS = {"amount": "12,x", "face": "€20.00", "device": "douchette", "programme": "albret"}


class DocumentedApi(FastAPI):
    """Adds to what FastAPI finds out by itself; only once somebody asks for the document."""

    def openapi(self) -> dict[str, Any]:
        """The document."""
        if self.openapi_schema is None:
            document = super().openapi()
            examples = json.loads((files(__package__) / "examples.json").read_text(encoding="utf-8"))
            document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _PROBLEM
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    _document(path, operation, examples.get(f"{method.upper()} {path}", {}))
        return self.openapi_schema or {}


def _document(path: str, operation: dict[str, Any], example: dict[str, Any]) -> None:
    responses = operation["responses"]
    if "requests" in example:
        bodies = {name: {"summary": name, "value": value} for name, value in example["requests"].items()}
        operation["requestBody"]["content"]["application/json"]["examples"] = bodies
    if "answer" in example:
        success = next(status for status in responses if status.startswith("2"))
        responses[success]["content"]["application/json"]["example"] = example["answer"]
    told = [*_GUARD, *(_told(Problem(name)) for name in example.get("problems", []))]
    if not is_open(path):
        told.append(_told(Problem.NOT_PAIRED))
    if "requestBody" in operation:
        told.append(_TOO_LARGE)
    # FastAPI describes its own error bodies there, which are never sent.
    if responses.pop("422", None) is not None:
        told.append(_BAD_REQUEST)
    for status in sorted({status for status, _, _ in told}):
        responses[str(status)] = _response([one for one in told if one[0] == status])


def _told(problem: Problem) -> _Told:
    return status_of(problem), problem.value, words_for(problem, "en", **_DETAILS)


def _response(told: list[_Told]) -> dict[str, Any]:
    examples = {kind: {"summary": kind, "value": content_of(status, kind, detail)} for status, kind, detail in told}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": "It couldn't be done: " + ", ".join(examples),
        "content": {PROBLEM_JSON: {"schema": schema, "examples": examples}},
    }
