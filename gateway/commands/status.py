"""`comptoir status`: how the box fares, for people or programs."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from edge_config.settings import load_box_settings
from gateway.commands.client import ApiClient
from gateway.commands.epochs import tell_epoch
from gateway.commands.plain import age, job_line, local_time
from gateway.paths import journal_path
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
    elif status != 200:
        print(answer.get("detail", answer), file=sys.stderr)
    else:
        if told := tell_epoch(journal_path(settings.data_dir), answer["epoch"], language):
            print(told)
        for line in lines(answer, language):
            print(line)
    return 0 if status == 200 else 1


def lines(status: dict[str, Any], language: str, zone: tzinfo | None = None) -> list[str]:
    """The status in plain words, its times in a zone, the machine's own by default."""
    return [
        *_box(status, language),
        *_queue(status["queue"], language, zone),
        _grant(status["grant"], language, zone),
        *(_replica(name, replica, language) for name, replica in status["replicas"].items()),
        *(f"{device['name']}: {device['message']}" for device in status["devices"]),
        *(job_line(job["job"], job["state"], job["detail"], language) for job in status["jobs"]),
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


def _queue(queue: dict[str, Any], language: str, zone: tzinfo | None) -> list[str]:
    rows, oldest = queue["unbooked_rows"], queue["oldest_unbooked_at"]
    if not rows:
        return [choose(language, "File d'attente vide : tout est au centre", "Queue empty: the centre has everything")]
    at_risk = [
        format_amount(amount_minor, CURRENCIES[currency], language=language)
        for currency, amount_minor in queue["value_at_risk_minor"].items()
    ]
    value = ", ".join(at_risk) or "0"
    waiting = (
        choose(language, "1 ligne pas encore au centre", "1 row not booked by the centre yet")
        if rows == 1
        else choose(language, f"{rows} lignes pas encore au centre", f"{rows} rows not booked by the centre yet")
    )
    told = [
        choose(language, f"File d'attente : {waiting}", f"Queue: {waiting}"),
        choose(language, f"Valeur à risque : {value}", f"Value at risk: {value}"),
    ]
    if oldest is not None:
        since = local_time(oldest, language, zone)
        told.append(choose(language, f"La plus ancienne : {since}", f"Oldest unbooked: {since}"))
    return told


def _grant(grant: dict[str, Any] | None, language: str, zone: tzinfo | None) -> str:
    if grant is None:
        return choose(language, "Autorisation hors ligne : aucune", "Offline grant: none")
    name, ends_at = grant["id"], local_time(grant["ends_at"], language, zone)
    return choose(
        language, f"Autorisation hors ligne : {name}, jusqu'au {ends_at}", f"Offline grant: {name}, until {ends_at}"
    )


def _replica(name: str, replica: dict[str, Any], language: str) -> str:
    version, age_s = replica["version"], replica["age_s"]
    told = f"version {version}" if version is not None else choose(language, "pas encore reçu", "not received yet")
    if age_s is not None:
        since = age(age_s, language)
        told += choose(language, f", vérifié il y a {since}", f", checked {since} ago")
    return choose(language, f"Registre {name} : ", f"Registry {name}: ") + told


def _operation(operation: dict[str, Any], language: str) -> str:
    stage = STAGES[operation["stage"]][0 if language == "fr" else 1]
    return f"[{stage}] {operation['message']} {operation['event_id']}"
