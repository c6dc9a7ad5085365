"""A small central behind a real broker: it verifies, acknowledges, answers, and can be told not to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from programme.authorisations import Answer
from programme.cloudevents import decode_event
from programme.events import Event
from programme.grants import Allowance, Grant
from programme.registry import RegistryEntry
from sync.chain import GENESIS
from sync.mqtt import MqttLink
from sync.topics import BoxAddress, Down, Up, all_up, parse_up, registry
from sync.wire import (
    CONTEXTS,
    Ack,
    AskMessage,
    Birth,
    Death,
    Head,
    Health,
    RegistryDelta,
    RegistrySnapshot,
    Report,
    decode_payload,
    open_message,
    read_batch,
    verify_batch,
)
from tests.gateway.playing import until
from tests.gateway.world import CARD, DEVICE, VOUCHER, FakeCentral

M = TypeVar("M")
ADDRESS = BoxAddress(tenant="albret", shard="3f", device=DEVICE)


class Centre:
    """Use as `async with Centre(…) as centre`."""

    def __init__(self, central: FakeCentral, box_key: Ed25519PublicKey, *, port: int) -> None:
        self.central = central
        self.births: list[Birth] = []
        self.deaths: list[Death] = []
        self.healths: list[Health] = []
        self.reports: list[Report] = []
        self.asks: list[AskMessage] = []
        self.batches: list[tuple[int, int]] = []
        self.events: dict[UUID, Event] = {}
        self.watermarks: dict[str, tuple[int, str]] = {}
        self.open_authorisations: tuple[UUID, ...] = ()
        self.heads: dict[str, Head] = {}
        self.acknowledges = True
        self.answers: Callable[[AskMessage], Answer | None] = lambda _: None
        self._keys = {DEVICE: box_key}
        self._link = MqttLink(host="127.0.0.1", port=port, client_id="centre", subscriptions=(all_up("albret"),))
        self._up = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Centre:
        self._running = asyncio.create_task(self._link.run(self._up.set, self._take))
        await self._up.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._running is not None
        self._running.cancel()
        await asyncio.wait({self._running})

    def send(self, channel: Down, message: object, context: str | None = None) -> None:
        """Sign a message and send it to the box."""
        signed = self.central.sign(message, context or CONTEXTS[type(message)])
        self._link.publish(ADDRESS.down(channel), signed.encode())

    def send_raw(self, channel: Down, payload: bytes) -> None:
        """Send anything."""
        self._link.publish(ADDRESS.down(channel), payload)

    def send_delta(self, delta: RegistryDelta) -> None:
        """Tell every box what changed."""
        self._link.publish(registry("albret", delta.programme), self.central.sign(delta, "registry-delta").encode())

    def acknowledge(self, epoch: str) -> None:
        """Say how far an epoch is committed."""
        seq, digest = self.watermarks.get(epoch, (0, GENESIS.hex()))
        self.send(
            Down.ACK,
            Ack(
                device=DEVICE,
                generation=1,
                epoch=epoch,
                seq=seq,
                hash=digest,
                time=self._time(),
                open_authorisations=self.open_authorisations,
                heads=self.heads,
            ),
        )

    def grant(self, epoch: str, *, number: int = 1) -> None:
        """Grant offline rights."""
        now = self._time()
        allowance = Allowance(ceiling_minor=20_000, floor_limit_minor=5_000)
        self.send(
            Down.GRANT,
            Grant(
                device=DEVICE,
                epoch=epoch,
                number=number,
                issued_at=now,
                ends_at=now + timedelta(days=30),
                allowances={CARD: allowance, VOUCHER: allowance},
            ),
        )

    def approve(self, message: AskMessage, *, balance_minor: int = 5_000) -> Answer:
        """The answer that approves."""
        return Answer(
            device=DEVICE,
            ask=message.ask,
            approved=True,
            balance_minor=balance_minor,
            answered_at=self._time(),
        )

    async def booked(self, event_id: UUID) -> Event:
        """Wait until an event has come."""
        await until(lambda: event_id in self.events)
        return self.events[event_id]

    def _time(self) -> datetime:
        """Later than everything booked."""
        latest = max((event.ordered_at for event in self.events.values()), default=datetime.now().astimezone())
        return latest + timedelta(microseconds=1)

    def _take(self, topic: str, payload: bytes) -> None:
        address, channel = parse_up(topic)
        assert address == ADDRESS
        match channel:
            case Up.PRESENCE:
                self._presence(payload)
            case Up.JOURNAL:
                self._batch(payload)
            case Up.ASK:
                self._ask(self._open(payload, AskMessage))
            case Up.HEALTH:
                self.healths.append(self._open(payload, Health))
            case Up.REPORT:
                self.reports.append(self._open(payload, Report))

    def _presence(self, payload: bytes) -> None:
        if b"signature" not in payload:
            self.deaths.append(decode_payload(payload, Death))
            return
        birth = self._open(payload, Birth)
        self.births.append(birth)
        assert birth.head is not None
        self.acknowledge(birth.head.epoch)

    def _batch(self, payload: bytes) -> None:
        batch = read_batch(payload)
        rows = verify_batch(batch, self._keys[DEVICE])
        self.batches.append((rows[0].seq, rows[-1].seq))
        if not self.acknowledges:
            return
        for row in rows:
            event = decode_event(row.event)
            self.events[event.event_id] = event
            seq, _ = self.watermarks.get(row.epoch, (0, ""))
            if row.seq == seq + 1:
                self.watermarks[row.epoch] = (row.seq, row.hash.hex())
        self.acknowledge(batch.epoch)

    def _ask(self, message: AskMessage) -> None:
        self.asks.append(message)
        answer = self.answers(message)
        if answer is not None:
            self.send(Down.ANSWER, answer)

    def _open(self, payload: bytes, kind: type[M]) -> M:
        return open_message(payload, kind, context=CONTEXTS[kind], keys=self._keys)


class SnapshotServer:
    """Central's HTTP side. Use as `with SnapshotServer(…) as server`."""

    def __init__(self, central: FakeCentral) -> None:
        self.snapshots: dict[str, RegistrySnapshot] = {}
        self.requests: list[tuple[str, dict[str, str], int]] = []
        self.spoil: Callable[[bytes], bytes] = lambda body: body
        self._central = central
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> SnapshotServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def put(self, programme: str, version: int, *entries: RegistryEntry, generation: int = 1) -> Head:
        """A programme's registry."""
        self.snapshots[programme] = RegistrySnapshot(
            programme=programme, generation=generation, version=version, entries=entries
        )
        return Head(generation=generation, version=version)

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """What a request gets."""
        snapshot = self.snapshots.get(path.rpartition("/")[2])
        if headers.get("Authorization") != f"Bearer {DEVICE}:secret":
            return 401, b""
        if snapshot is None:
            return 404, b""
        if headers.get("If-None-Match") == f'"{snapshot.generation}-{snapshot.version}"':
            return 304, b""
        return 200, self.spoil(self._central.sign(snapshot, "registry-snapshot").encode())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = dict(self.headers.items())
                status, body = server.answer(self.path, headers)
                server.requests.append((self.path, headers, status))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:  # noqa: ANN401
                return

        return Handler
