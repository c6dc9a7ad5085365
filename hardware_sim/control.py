"""A control channel for twins that run as their own process: line-delimited JSON over a Unix socket.

A request is one object with "do" and its arguments, `{"do": "scan", "payload": "…"}`; the reply is one object,
`{"ok": true, …}` or `{"error": "…"}`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from hardware_sim.errors import BadRequestError, ControlError
from hardware_sim.tasks import ConnectionSet

Request = Mapping[str, Any]
Reply = dict[str, Any]
Action = Callable[[Request], Awaitable[Reply]]

_LONGEST_PATH_BYTES = 107  # sockaddr_un.sun_path, unix(7)
_LONGEST_LINE_BYTES = 1_048_576
_RETRY_S = 0.02


class ControlServer:
    """Answers requests one line at a time with the actions of one twin."""

    def __init__(self, *, path: Path, actions: Mapping[str, Action]) -> None:
        _check_length(path)
        self._path = path
        self._actions = actions
        self._connections = ConnectionSet(self._serve)
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> ControlServer:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(
            self._connections.serve, str(self._path), limit=_LONGEST_LINE_BYTES
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        await self._connections.drop()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await self._next_line(reader):
            reply = await self._answer(line)
            writer.write(json.dumps(reply, ensure_ascii=False).encode("utf-8") + b"\n")
            await writer.drain()

    async def _next_line(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readline()
        except ValueError as error:
            raise ConnectionError("a line without an end") from error

    async def _answer(self, line: bytes) -> Reply:
        try:
            request = json.loads(line)
        except ValueError as error:
            return {"error": f"not a line of JSON: {error}"}
        name = request.get("do") if isinstance(request, dict) else None
        action = self._actions.get(name) if isinstance(name, str) else None
        if action is None:
            return {"error": f"unknown command {name!r}; this twin knows: {', '.join(sorted(self._actions))}"}
        try:
            return {"ok": True, **await action(request)}
        except BadRequestError as error:
            return {"error": str(error)}


class ControlClient:
    """The blocking other end, for the story and the shell."""

    def __init__(self, path: Path, *, timeout_s: float = 10.0) -> None:
        _check_length(path)
        self._path = path
        self._timeout_s = timeout_s

    def do(self, name: str, **arguments: object) -> Reply:
        """Send one command and return its reply.

        Raises:
            ControlError: The twin can't be reached or refused.
        """
        request = json.dumps({"do": name, **arguments}, ensure_ascii=False).encode("utf-8") + b"\n"
        try:
            reply = self._exchange(request)
        except OSError as error:
            raise ControlError(f"no answer from the twin at {self._path} ({error}): is it running?") from error
        if "error" in reply:
            raise ControlError(f"{name}: {reply['error']}")
        return reply

    def wait_ready(self) -> None:
        """Wait until the twin listens.

        Raises:
            ControlError: It did not within the time-out.
        """
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                with self._connect():
                    return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise ControlError(f"the twin at {self._path} did not start within {self._timeout_s} s") from error
            time.sleep(_RETRY_S)

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._timeout_s)
        try:
            connection.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        return connection

    def _exchange(self, request: bytes) -> Reply:
        with self._connect() as connection, connection.makefile("rb") as lines:
            connection.sendall(request)
            line = lines.readline()
        if not line:
            raise ConnectionError("the twin closed the connection")
        reply = json.loads(line)
        if not isinstance(reply, dict):
            raise ConnectionError(f"the twin answered {line!r}")
        return reply


def _check_length(path: Path) -> None:
    if len(str(path).encode()) > _LONGEST_PATH_BYTES:
        raise ControlError(
            f"the socket path {path} is longer than {_LONGEST_PATH_BYTES} bytes: choose a shorter folder"
        )
