"""`comptoir screens`: which other screens may use the counter, on a box that has no screen of its own."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from edge_config.settings import load_box_settings
from gateway.commands.client import ApiClient
from gateway.commands.plain import local_time
from gateway.words import Problem, choose

_MINUTE_S = 60


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Carry it out and say what came of it."""
    settings = load_box_settings(arguments.config, environ)
    language = settings.language.value
    client = ApiClient(data_dir=settings.data_dir, language=language)
    if arguments.what == "revoke":
        return _revoke(client, arguments.screen, language)
    adding = arguments.what == "add"
    status, answer = client.call("POST", "/v1/pairing/offers") if adding else client.call("GET", "/v1/pairing")
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False))
    elif status >= 400:
        print(answer.get("detail", answer), file=sys.stderr)
        if answer.get("title") == Problem.LOOPBACK_ONLY.value:
            print(_how_to_open(str(arguments.config), language), file=sys.stderr)
    else:
        for line in _offer(answer, language) if adding else _list(answer["screens"], language):
            print(line)
    return 0 if status < 400 else 1


def _revoke(client: ApiClient, screen: str, language: str) -> int:
    _, answer = client.call("GET", "/v1/pairing")
    name = next((paired["name"] for paired in answer.get("screens", []) if paired["id"] == screen), None)
    if name is None:
        unknown = choose(
            language,
            f"Aucun écran relié n'a l'identifiant « {screen} ». Voyez-les : comptoir screens list",
            f"No paired screen has the id “{screen}”. See them: comptoir screens list",
        )
        print(unknown, file=sys.stderr)
        return 1
    status, answer = client.call("DELETE", f"/v1/pairing/screens/{screen}")
    if status >= 400:
        print(answer.get("detail", answer), file=sys.stderr)
        return 1
    print(choose(language, f"Écran retiré : {name}.", f"Screen revoked: {name}."))
    return 0


def _offer(offer: dict[str, Any], language: str) -> list[str]:
    minutes, url, pin = offer["valid_s"] // _MINUTE_S, offer["url"], offer["pin"]
    return [
        choose(language, f"Sur l'autre écran, ouvrez {url}", f"On the other screen, open {url}"),
        choose(language, f"puis tapez ce code : {pin}", f"then type this code: {pin}"),
        choose(
            language, f"Valable {minutes} minutes, pour un seul écran.", f"Valid for {minutes} minutes, for one screen."
        ),
    ]


def _list(screens: list[dict[str, Any]], language: str) -> list[str]:
    if not screens:
        return [choose(language, "Aucun écran relié.", "No paired screen.")]
    told = []
    for screen in screens:
        paired_at, seen_at = (local_time(screen[name], language) for name in ("paired_at", "seen_at"))
        since = choose(language, f"relié le {paired_at}, vu le {seen_at}", f"paired {paired_at}, seen {seen_at}")
        told.append(f"{screen['id']}  {screen['name']}, {since}")
    return told


def _how_to_open(config: str, language: str) -> str:
    return choose(
        language,
        f'Pour l\'ouvrir : sous [api] dans {config}, host = "0.0.0.0" ; puis redémarrez la caisse.',
        f'To open it: under [api] in {config}, host = "0.0.0.0"; then restart the box.',
    )
