"""The local API of a box, from the outside: what a shopkeeper's screen or a till would call."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from hardware_sim.errors import StoryError

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the box answered.

    Attributes:
        status: HTTP status.
        body: The JSON object; problem+json for a refusal.
    """

    status: int
    body: Json

    @property
    def accepted(self) -> bool:
        """Whether it was done."""
        return 200 <= self.status < 300


class CounterClient:
    """Calls one box."""

    def __init__(self, url: str, *, timeout_s: float = 30.0) -> None:
        self._url = url
        self._timeout_s = timeout_s

    def get(self, path: str) -> Json:
        """Read a resource.

        Raises:
            OSError: The box can't be reached.
            StoryError: It answered with an error.
        """
        reply = self._call("GET", path, None, {})
        if not reply.accepted:
            raise StoryError(f"GET {path}: {reply.status} {reply.body}")
        return reply.body

    def post(self, path: str, body: Json, *, key: UUID | None = None) -> Reply:
        """Ask for something to be done.

        Args:
            key: The Idempotency-Key, which becomes the event's id; a new one by default.

        Raises:
            OSError: The box can't be reached, or died over it.
        """
        return self._call("POST", path, body, {"Idempotency-Key": str(key or uuid7())})

    def _call(self, method: str, path: str, body: Json | None, headers: dict[str, str]) -> Reply:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(self._url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as response:
                return Reply(status=response.status, body=json.load(response))
        except urllib.error.HTTPError as error:
            with error:
                return Reply(status=error.code, body=json.load(error))
