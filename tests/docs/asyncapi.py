"""docs/asyncapi.yaml as a program reads it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import yaml
import zstandard

from sync.topics import ROOT
from sync.wire import decode_payload
from sync.wire.signed import Signed

PATH = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"
_REF = "#/components/schemas/"


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    loaded: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return loaded


def find(reference: str) -> Any:  # noqa: ANN401 - YAML
    """What a reference within the document names."""
    found: Any = document()
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def channel_of(topic: str) -> dict[str, Any]:
    """The channel that a topic belongs to."""
    for channel in document()["channels"].values():
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(channel["address"])), topic):
            return dict(channel)
    raise AssertionError(f"{topic} isn't documented; {ROOT} is")


def check(topic: str, payload: bytes) -> None:
    """Check a message that was sent against its channel's messages, member by member.

    Raises:
        jsonschema.ValidationError: It fits none of them.
    """
    messages = [find(message["$ref"]) for message in channel_of(topic)["messages"].values()]
    faults = []
    for message in messages:
        try:
            return _check(message, payload)
        except jsonschema.ValidationError as error:
            faults.append(error)
    raise faults[0]


def _check(message: dict[str, Any], payload: bytes) -> None:
    if message.get("contentType") == "application/zstd":
        batch = msgspec.json.decode(zstandard.ZstdDecompressor().decompress(payload))
        _validate("Batch", batch)
        for row in batch["rows"]:
            _check_event(msgspec.json.decode(row))
        return
    if "$ref" in message["payload"]:
        _validate(message["payload"]["$ref"].removeprefix(_REF), msgspec.json.decode(payload))
        return
    envelope, content = message["payload"]["allOf"]
    _validate(envelope["$ref"].removeprefix(_REF), msgspec.json.decode(payload))
    within = content["properties"]["payload"]["contentSchema"]["$ref"].removeprefix(_REF)
    _validate(within, msgspec.json.decode(decode_payload(payload, Signed).payload))


def _check_event(event: dict[str, Any]) -> None:
    _validate("CloudEvent", event)
    (data,) = [
        one["properties"]["data"]["$ref"]
        for one in document()["components"]["schemas"]["CloudEvent"]["oneOf"]
        if one["properties"]["type"]["const"] == event["type"]
    ]
    _validate(data.removeprefix(_REF), event["data"])


def _validate(schema: str, value: object) -> None:
    jsonschema.Draft202012Validator(
        {"$ref": f"{_REF}{schema}", "components": {"schemas": _strict()}},
        format_checker=jsonschema.FormatChecker(),
    ).validate(value)


@cache
def _strict() -> dict[str, Any]:
    """The schemas, with no member beyond those documented."""
    return {
        name: schema | {"additionalProperties": False} if "properties" in schema and "oneOf" not in schema else schema
        for name, schema in document()["components"]["schemas"].items()
    }
