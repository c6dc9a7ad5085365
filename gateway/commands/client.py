"""Calls the running agent's API from the terminal."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import GatewayError, SetUpFault
from gateway.paths import api_path
from gateway.words import choose

_TIMEOUT_S = 65.0  # an ask may wait for its deadline, 60 s at most


class Unanswered(GatewayError):
    """The agent can't be reached, or went away over the request."""


class ApiClient:
    """One agent."""

    def __init__(self, *, data_dir: Path, language: str) -> None:
        """Find the agent.

        Raises:
            SetUpFault: None is running on this data folder.
        """
        self._language = language
        try:
            address = urlsplit(str(json.loads(api_path(data_dir).read_text(encoding="utf-8"))["url"]))
            self._host, self._port = address.hostname or "", address.port
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            raise SetUpFault(self._say_stopped()) from None

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Call, and return status and JSON object; an empty one where nothing is answered.

        Raises:
            Unanswered: No answer; an operation may or may not have been recorded.
        """
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
        sent = None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, path, sent, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        except ConnectionRefusedError:
            raise SetUpFault(self._say_stopped()) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unanswered(self._say_lost(error, headers or {})) from None
        finally:
            connection.close()

    def _say_stopped(self) -> str:
        return choose(
            self._language,
            "La caisse ne tourne pas. Démarrez-la : comptoir run",
            "The box isn't running. Start it: comptoir run",
        )

    def _say_lost(self, error: Exception, headers: dict[str, str]) -> str:
        key = headers.get("Idempotency-Key")
        said = choose(self._language, f"Pas de réponse ({error}).", f"No answer ({error}).")
        if key is None:
            return said
        return said + choose(
            self._language,
            f" Répétez sans risque avec --key {key}",
            f" Repeat it safely with --key {key}",
        )
