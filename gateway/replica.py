"""Keeping the registry replica at central's newest: deltas as they come, and a whole snapshot over HTTP after a gap."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from urllib.parse import quote, urlsplit

import structlog

from gateway.identity import Identity
from sync.backoff import Backoff
from sync.chain import check_signature, unb64
from sync.errors import BadSignature, JournalError, LinkError, Unreadable, WireError
from sync.journal import Journal
from sync.wire import CONTEXTS, Head, RegistryDelta, RegistrySnapshot, decode_payload, read_signed

MAX_SNAPSHOT_BYTES = 256 * 1024 * 1024
DELTA_WITHIN_S = 2.0
"""A head in an ack is usually overtaken by its delta: only one that is not needs a snapshot."""
_HTTP_TIMEOUT_S = 30.0
_log = structlog.get_logger("comptoir.replica")


class FetchSnapshot(Protocol):
    """Fetches a programme's whole registry."""

    def __call__(self, programme: str, known: Head | None) -> RegistrySnapshot | None:
        """Blocks; None when what is known is the newest.

        Raises:
            LinkError: Central can't be reached, or says no.
            WireError: What it sent can't be used.
        """
        ...


class HttpSnapshots:
    """Fetches from central."""

    def __init__(self, *, identity: Identity, base_url: str) -> None:
        self._identity = identity
        self._base = urlsplit(base_url)

    def __call__(self, programme: str, known: Head | None) -> RegistrySnapshot | None:
        """Fetch, unless what is known is the newest."""
        enrolment = self._identity.enrolment
        headers = {"Authorization": f"Bearer {self._identity.device}:{enrolment.snapshot_secret}"}
        if known is not None:
            headers["If-None-Match"] = f'"{known.generation}-{known.version}"'
        status, body = self._get(f"{self._base.path.rstrip('/')}/v1/registry/{quote(programme)}", headers)
        if status == http.HTTPStatus.NOT_MODIFIED:
            return None
        if status != http.HTTPStatus.OK:
            raise LinkError(f"registry {programme}: central answered {status}")
        return self._open(programme, body)

    def _get(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        secure = self._base.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._base.hostname or "", self._base.port, timeout=_HTTP_TIMEOUT_S)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read(MAX_SNAPSHOT_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise LinkError(f"central can't be reached at {self._base.netloc} ({error})") from error
        finally:
            connection.close()

    def _open(self, programme: str, body: bytes) -> RegistrySnapshot:
        signed = read_signed(body, limit_bytes=MAX_SNAPSHOT_BYTES)
        key = self._identity.central_keys.get(signed.key)
        if key is None:
            raise BadSignature(f"registry {programme}: signed by the unknown key {signed.key[:40]!r}")
        context = CONTEXTS[RegistrySnapshot]
        check_signature(key, context, signed.payload.encode(), unb64(signed.signature))
        snapshot = decode_payload(signed.payload, RegistrySnapshot)
        if snapshot.programme != programme:
            raise BadSignature(f"registry {programme}: central sent {snapshot.programme[:40]!r}")
        return snapshot


class Replica:
    """Keeps the journal's replica current; `run` fetches what the rest asks for."""

    def __init__(
        self,
        *,
        journal: Journal,
        fetch: FetchSnapshot,
        now: Callable[[], datetime],
        backoff: Backoff | None = None,
        delta_within_s: float = DELTA_WITHIN_S,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Set up.

        Args:
            changed: Called when a snapshot was taken.
        """
        self.checked_at: dict[str, datetime] = {}
        self._journal = journal
        self._fetch = fetch
        self._now = now
        self._backoff = backoff or Backoff()
        self._delta_within_s = delta_within_s
        self._changed = changed
        self._wanted: set[str] = set()
        self._work = asyncio.Event()

    async def take_delta(self, delta: RegistryDelta) -> None:
        """Apply a verified delta; where that leaves a gap, fetch."""
        if await asyncio.to_thread(self._journal.apply_delta, delta):
            self.checked_at[delta.programme] = self._now()
        else:
            self.want(delta.programme)

    def take_heads(self, heads: dict[str, Head]) -> None:
        """See how far central is; what is missing will be fetched unless its delta comes first."""
        known = self._journal.replica_heads()
        for programme, head in heads.items():
            mine = known.get(programme)
            if mine is not None and not _is_behind(mine, head):
                self.checked_at[programme] = self._now()
            elif mine is None or mine.generation < head.generation:
                self.want(programme)
            else:
                asyncio.get_running_loop().call_later(self._delta_within_s, self._want_if_behind, programme, head)

    def want(self, programme: str) -> None:
        """Fetch a programme's snapshot soon."""
        self._wanted.add(programme)
        self._work.set()

    async def run(self) -> None:
        """Fetch what is wanted, for ever."""
        while True:
            await self._work.wait()
            self._work.clear()
            for programme in sorted(self._wanted):
                try:
                    await self._refresh(programme)
                except (LinkError, WireError, JournalError) as error:
                    _log.warning("snapshot not taken", programme=programme, reason=str(error))
                    await asyncio.sleep(self._backoff.next_s())
                    self._work.set()

    async def _refresh(self, programme: str) -> None:
        known = self._journal.replica_head(programme)
        snapshot = await asyncio.to_thread(self._fetch, programme, known)
        if snapshot is not None and known is not None and snapshot.generation < known.generation:
            raise Unreadable(f"registry {programme}: an old snapshot came again, of generation {snapshot.generation}")
        if snapshot is not None:
            await asyncio.to_thread(self._journal.replace_replica, snapshot)
            self._changed()
            _log.info("snapshot taken", programme=programme, version=snapshot.version, entries=len(snapshot.entries))
        self._backoff.proved()
        self._wanted.discard(programme)
        self.checked_at[programme] = self._now()

    def _want_if_behind(self, programme: str, head: Head) -> None:
        mine = self._journal.replica_head(programme)
        if mine is None or _is_behind(mine, head):
            self.want(programme)


def _is_behind(mine: Head, head: Head) -> bool:
    return (mine.generation, mine.version) < (head.generation, head.version)
