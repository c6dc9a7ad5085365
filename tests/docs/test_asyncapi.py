"""docs/asyncapi.yaml says what the wire's types say; the tests of the wire hold every message sent against it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import yaml

from edge_config.messages import Configuration
from programme.authorisations import Answer
from programme.events import EVENT_TYPES
from programme.grants import Grant
from sync import wire
from sync.topics import BoxAddress, Down, Up, registry
from sync.wire.signed import Signed
from tests.docs.asyncapi import document, find

ADDRESS = BoxAddress(tenant="{tenant}", shard="{shard}", device="{device}")
MESSAGES = (
    wire.Batch,
    wire.AskMessage,
    wire.Birth,
    wire.Death,
    wire.Health,
    wire.Report,
    wire.Ack,
    wire.Resend,
    Answer,
    Grant,
    Configuration,
    wire.Command,
    wire.RegistryDelta,
    wire.RegistrySnapshot,
    Signed,
)
TEMPLATE = "#/components/schemas/{name}"


def shapes() -> dict[str, Any]:
    """The types' schemas, without titles and prose."""
    _, schemas = msgspec.json.schema_components([*MESSAGES, *EVENT_TYPES.values()], ref_template=TEMPLATE)
    # As JSON Schema has it: lists for tuples, and ECMA's "$", which matches at the very end alone, for Python's "\\Z".
    text = msgspec.json.encode(schemas).replace(rb"\\Z", b"$")
    return {name: without_prose(schema) for name, schema in msgspec.json.decode(text).items()}


def without_prose(schema: Any) -> Any:  # noqa: ANN401 - JSON schema
    if isinstance(schema, dict):
        return {key: without_prose(value) for key, value in schema.items() if key not in ("title", "description")}
    return [without_prose(value) for value in schema] if isinstance(schema, list) else schema


def references(value: Any) -> Iterator[str]:  # noqa: ANN401 - YAML
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for within in value.values():
            yield from references(within)
    elif isinstance(value, list):
        for within in value:
            yield from references(within)


@pytest.mark.parametrize("name", sorted(shapes()))
def test_a_schema_says_what_the_type_says(name: str) -> None:
    told, is_so = without_prose(document()["components"]["schemas"].get(name)), shapes()[name]

    assert told == is_so, f"docs/asyncapi.yaml, {name}: it should be\n{yaml.safe_dump(is_so, sort_keys=False)}"


def test_no_schema_is_of_a_type_that_is_gone() -> None:
    assert set(document()["components"]["schemas"]) == {*shapes(), "CloudEvent"}


def test_every_channel_is_there_under_its_address() -> None:
    addresses = {channel["address"] for channel in document()["channels"].values()}

    assert addresses == {
        *(ADDRESS.up(channel) for channel in Up),
        *(ADDRESS.down(channel) for channel in Down),
        registry("{tenant}", "{programme}"),
    }


def test_every_channel_has_its_operation() -> None:
    described = {operation["channel"]["$ref"]: operation["action"] for operation in document()["operations"].values()}

    assert described == {
        f"#/channels/{name}": "send" if "/up/" in channel["address"] else "receive"
        for name, channel in document()["channels"].items()
    }


def test_every_event_type_is_told_of() -> None:
    event = document()["components"]["schemas"]["CloudEvent"]

    assert event["properties"]["type"]["enum"] == sorted(EVENT_TYPES)
    assert {one["properties"]["type"]["const"]: one["properties"]["data"]["$ref"] for one in event["oneOf"]} == {
        name: TEMPLATE.format(name=kind.__name__) for name, kind in EVENT_TYPES.items()
    }


def test_the_signature_contexts_are_the_ones_in_use() -> None:
    told = {
        find(content["properties"]["payload"]["contentSchema"]["$ref"])["description"]: message["x-signature-context"]
        for message in document()["components"]["messages"].values()
        if "x-signature-context" in message
        for content in [message["payload"]["allOf"][1]]
    }
    contexts = {kind.__name__: context for kind, context in wire.CONTEXTS.items()}

    assert sorted(told.values()) == sorted({*contexts.values(), "config"} - {"registry-snapshot"})


def test_every_reference_leads_somewhere() -> None:
    for reference in references(document()):
        assert find(reference) is not None
