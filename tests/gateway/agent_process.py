"""The agent as a process of its own, as systemd would run it, and its terminal tools."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from uuid_utils.compat import uuid7
from websockets.asyncio.client import ClientConnection, connect

from edge_config.enrolment import read_message, write_message
from edge_config.messages import EnrolmentRequest
from sync.chain import unb64
from tests.gateway.playing import until
from tests.gateway.world import FakeCentral, enrolment


class AgentProcess:
    """One box on disk: its settings, and the agent that runs on it."""

    def __init__(self, folder: Path, *, settings: str = "", ask_deadline_ms: int = 1_500) -> None:
        self.folder = folder
        self.config = folder / "comptoir.toml"
        self.data_dir = folder / "box"
        self.log = folder / "agent.log"
        self.config.write_text(
            f'data_dir = "box"\nask_deadline_ms = {ask_deadline_ms}\n[api]\nport = 0\n{settings}', encoding="utf-8"
        )
        self._process: asyncio.subprocess.Process | None = None

    def tool(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a terminal tool."""
        command = [sys.executable, "-m", "gateway.cli", *arguments, "--config", str(self.config)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, **environ}, timeout=60
        )

    def enrol(self, central: FakeCentral, *, broker_port: int = 1, url: str = "http://127.0.0.1:1") -> Ed25519PublicKey:
        """Enrol by file, and return the box's public key."""
        asked = self.tool("enrol", "request", "--out", str(self.folder / "request.json"))
        assert asked.returncode == 0, asked.stderr
        request = read_message(self.folder / "request.json", EnrolmentRequest)
        granted = enrolment(central, broker=f"mqtt://127.0.0.1:{broker_port}", url=url)
        write_message(self.folder / "enrolment.json", granted)
        accepted = self.tool("enrol", "accept", str(self.folder / "enrolment.json"))
        assert accepted.returncode == 0, accepted.stderr
        return Ed25519PublicKey.from_public_bytes(unb64(request.journal_key))

    async def start(self) -> None:
        """Start, and wait until it says that it is ready."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gateway.cli", "run", "--config", str(self.config), stderr=log, stdout=log
            )
        await until(lambda: self._url() is not None or self.has_ended)
        assert not self.has_ended, self.log.read_text(encoding="utf-8")

    async def stop(self) -> int:
        """SIGTERM; returns its exit code."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """SIGKILL."""
        await self._end(signal.SIGKILL)
        (self.data_dir / "api.json").unlink(missing_ok=True)

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process is not None and self._process.returncode is not None

    async def get(self, path: str) -> Any:  # noqa: ANN401
        """Read from the API."""
        async with httpx.AsyncClient(base_url=self._url() or "") as client:
            response = await client.get(path)
        assert response.status_code == 200, response.text
        return response.json()

    async def operate(self, *, key: UUID | None = None, **body: object) -> Any:  # noqa: ANN401
        """Ask for an operation."""
        headers = {"Idempotency-Key": str(key or uuid7())}
        async with httpx.AsyncClient(base_url=self._url() or "", timeout=30) as client:
            response = await client.post("/v1/operations", json=body, headers=headers)
        assert response.status_code == 200, response.text
        return response.json()

    async def status_until(self, **expected: object) -> Any:  # noqa: ANN401
        """Wait until parts of the status, named like `queue__unbooked_rows`, are as expected."""
        while True:
            status = await self.get("/v1/status")
            if all(_dig(status, name.split("__")) == value for name, value in expected.items()):
                return status
            await asyncio.sleep(0.02)

    @contextlib.asynccontextmanager
    async def watch(self) -> AsyncIterator[AsyncIterator[Any]]:
        """The screen states that are pushed to a page."""

        async def states(socket: ClientConnection) -> AsyncIterator[Any]:
            async for frame in socket:
                yield json.loads(frame)["screen"]

        async with connect(f"ws://{urlsplit(self._url() or '').netloc}/v1/screen/live") as socket:
            yield states(socket)

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self._process.wait()

    def _url(self) -> str | None:
        try:
            return str(json.loads((self.data_dir / "api.json").read_text(encoding="utf-8"))["url"])
        except FileNotFoundError:
            return None


def _dig(value: Any, path: list[str]) -> object:  # noqa: ANN401
    for name in path:
        value = value[name] if value is not None else None
    return value
