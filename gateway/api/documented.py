"""The OpenAPI document with an example for every operation, and errors as they really are."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from fastapi import FastAPI

from gateway.api.problems import PROBLEM_JSON

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
_BAD_REQUEST = {
    "type": "urn:comptoir:problem:bad-request",
    "title": "bad-request",
    "status": 422,
    "detail": "amount: String should have at most 64 characters",
}


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
                    _document(operation, examples.get(f"{method.upper()} {path}", {}))
        return self.openapi_schema or {}


def _document(operation: dict[str, Any], example: dict[str, Any]) -> None:
    responses = operation["responses"]
    if "requests" in example:
        told = {name: {"summary": name, "value": value} for name, value in example["requests"].items()}
        operation["requestBody"]["content"]["application/json"]["examples"] = told
    if "answer" in example:
        success = next(status for status in responses if status.startswith("2"))
        responses[success]["content"]["application/json"]["example"] = example["answer"]
    # FastAPI describes its own error bodies there, which are never sent.
    responses.pop("422", None)
    responses["default"] = {
        "description": "It couldn't be done, and why.",
        "content": {
            PROBLEM_JSON: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": example.get("problem", _BAD_REQUEST),
            }
        },
    }
