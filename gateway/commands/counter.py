"""`comptoir counter`: one-shot work at the counter of the running box."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from uuid_utils.compat import uuid7

from edge_config.settings import load_box_settings
from gateway.commands.client import ApiClient
from gateway.commands.plain import job_line
from gateway.commands.status import STAGES
from gateway.words import choose


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Carry it out and say what came of it."""
    settings = load_box_settings(arguments.config, environ)
    language = settings.language.value
    client = ApiClient(data_dir=settings.data_dir, language=language)
    status, answer = _call(client, arguments)
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False))
    elif status >= 400:
        print(answer.get("detail", answer), file=sys.stderr)
    else:
        for line in _lines(arguments.what, answer, language):
            print(line)
    return 0 if status < 400 and answer.get("accepted", True) and answer.get("understood", True) else 1


def _call(client: ApiClient, arguments: Namespace) -> tuple[int, dict[str, Any]]:
    match arguments.what:
        case "show":
            return client.call("GET", "/v1/counter")
        case "scan":
            return client.call("POST", "/v1/scans", {"code": arguments.code, "device": "terminal"})
        case "print":
            return client.call("POST", "/v1/prints", _given(event=arguments.event))
        case "printed":
            printed = arguments.answer in ("yes", "oui")
            return client.call("POST", f"/v1/prints/{arguments.job}/answer", {"printed": printed})
        case "close-day":
            return client.call("POST", "/v1/day-closures", {})
        case "training":
            return client.call("PUT", "/v1/training", {"on": arguments.state == "on"})
    return _operate(client, arguments)


def _operate(client: ApiClient, arguments: Namespace) -> tuple[int, dict[str, Any]]:
    body = _given(
        kind=arguments.what,
        amount=getattr(arguments, "amount", None),
        code=getattr(arguments, "code", None),
        programme=getattr(arguments, "programme", None),
        event=getattr(arguments, "event", None),
    )
    return client.call("POST", "/v1/operations", body, {"Idempotency-Key": str(arguments.key or uuid7())})


def _given(**fields: object) -> dict[str, Any]:
    return {name: str(value) for name, value in fields.items() if value is not None}


def _lines(what: str, answer: dict[str, Any], language: str) -> list[str]:
    match what:
        case "show":
            shown = [f"{presented['device']}: {presented['message']}" for presented in answer["presented"]]
            empty = choose(language, "Rien sur le comptoir.", "Nothing on the counter.")
            training = [choose(language, "ENTRAÎNEMENT", "TRAINING")] if answer["training"] else []
            return [*training, *(shown or [empty])]
        case "print" | "printed":
            return [job_line(answer["job"], answer["state"], answer["detail"], language)]
        case "close-day":
            return [closure["message"] for closure in answer["closures"]]
    line = str(answer["message"])
    if "stage" in answer:
        line += f" [{STAGES[answer['stage']][0 if language == 'fr' else 1]}] {answer['event_id']}"
    return [line]
