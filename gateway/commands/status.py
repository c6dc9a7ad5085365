"""`comptoir status`: how the box fares, for people or programs."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from edge_config.settings import load_box_settings
from gateway.commands.client import ApiClient
from gateway.words import choose
from programme.money import CURRENCIES, format_amount

STAGES = {
    "recorded": ("enregistré", "recorded"),
    "sent": ("envoyé", "sent"),
    "booked": ("comptabilisé au centre", "booked by the centre"),
}
"""How far an operation is, in French and in English."""


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Print it."""
    settings = load_box_settings(arguments.config, environ)
    language = settings.language.value
    status, answer = ApiClient(data_dir=settings.data_dir, language=language).call("GET", "/v1/status")
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        for line in lines(answer, language):
            print(line)
    return 0 if status == 200 else 1


def lines(status: dict[str, Any], language: str) -> list[str]:
    """The status in plain words."""
    return [
        *_box(status, language),
        *_queue(status["queue"], language),
        _grant(status["grant"], language),
        *(_replica(name, replica, language) for name, replica in status["replicas"].items()),
        *(f"{device['name']}: {device['message']}" for device in status["devices"]),
        *(_job(job, language) for job in status["jobs"]),
        *(_operation(operation, language) for operation in status["operations"]),
    ]


def _box(status: dict[str, Any], language: str) -> list[str]:
    told = [f"{status['device']} · {status['shop']}"]
    if status["training"]:
        told.append(choose(language, "ENTRAÎNEMENT : rien ne compte", "TRAINING: nothing counts"))
    if status["link"]["up"]:
        told.append(choose(language, "Connexion : établie", "Connection: up"))
    else:
        told.append(
            choose(language, "Connexion : coupée, la caisse continue seule", "Connection: down, the box goes on alone")
        )
    return told


def _queue(queue: dict[str, Any], language: str) -> list[str]:
    rows, oldest = queue["unbooked_rows"], queue["oldest_unbooked_at"] or "-"
    at_risk = [
        format_amount(amount_minor, CURRENCIES[currency], language=language)
        for currency, amount_minor in queue["value_at_risk_minor"].items()
    ]
    value = ", ".join(at_risk) or "0"
    return [
        choose(language, f"File d'attente : {rows} lignes non comptabilisées", f"Queue: {rows} unbooked rows"),
        choose(language, f"Valeur à risque : {value}", f"Value at risk: {value}"),
        choose(language, f"La plus ancienne : {oldest}", f"Oldest unbooked: {oldest}"),
    ]


def _grant(grant: dict[str, Any] | None, language: str) -> str:
    if grant is None:
        return choose(language, "Autorisation hors ligne : aucune", "Offline grant: none")
    name, ends_at = grant["id"], grant["ends_at"]
    return choose(
        language, f"Autorisation hors ligne : {name}, jusqu'au {ends_at}", f"Offline grant: {name}, until {ends_at}"
    )


def _replica(name: str, replica: dict[str, Any], language: str) -> str:
    version, age_s = replica["version"], replica["age_s"]
    known = f"version {version}" if version is not None else "-"
    age = choose(language, f", vérifié il y a {age_s} s", f", checked {age_s} s ago") if age_s is not None else ""
    return choose(language, f"Registre {name} : ", f"Registry {name}: ") + known + age


def _job(job: dict[str, Any], language: str) -> str:
    return choose(language, f"Impression {job['job']} : ", f"Print {job['job']}: ") + f"{job['state']} {job['detail']}"


def _operation(operation: dict[str, Any], language: str) -> str:
    stage = STAGES[operation["stage"]][0 if language == "fr" else 1]
    return f"[{stage}] {operation['message']} {operation['event_id']}"
