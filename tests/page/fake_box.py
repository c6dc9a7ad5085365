"""A box of the page's own: it serves the page's files and speaks the local API with scripted states."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, StreamingResponse
from PIL import Image

from hardware_sim.ports import free_loopback_port
from tests.page.states import JSON, paired_screens, ready

PAGE = Path(__file__).parents[2] / "gateway" / "page"
POLICY = {"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'"}
PIN = "123456"
OFFER: JSON = {"pin": PIN, "valid_s": 300, "url": "http://192.168.1.20:8080/"}
CODE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 3 3"><path d="M0 0h1v1H0zM2 0h1v1H2zM1 1h1v1H1z"/></svg>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that the page asked for."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    key: str | None
    language: str | None


@dataclass(kw_only=True)
class FakeBox:
    """A scripted box; use as a context manager.

    Attributes:
        screen: What every page shows.
        paired: Whether it lets pages in.
        screens: The paired ones.
        lookers: How many look through its camera.
        acts: What the pages asked for, in order.
        answers: What an act is answered, by path; otherwise an empty object.
        full: Why it takes no more pages.
        failure: What it answers to who asks for the screen, when it can't show one.
    """

    screen: JSON = field(default_factory=ready)
    paired: bool = True
    screens: list[JSON] = field(default_factory=paired_screens)
    lookers: int = 0
    fingerprint: str = "page-1"
    acts: list[Act] = field(default_factory=list)
    answers: dict[str, tuple[int, JSON]] = field(default_factory=lambda: {"/v1/pairing/offers": (200, OFFER)})
    full: str = ""
    failure: tuple[int, str] | None = None
    port: int = field(default_factory=free_loopback_port)
    _after: Callable[[Act], None] = lambda _: None
    _queues: list[asyncio.Queue[JSON]] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop | None = None
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> FakeBox:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, also again after a stop."""
        started = threading.Event()
        app = _application(self, started.set)
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=self.port,
            log_level="critical",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="fake-box")
        self._thread.start()
        assert started.wait(20), "the fake box didn't start"

    def stop(self) -> None:
        """End, as a box does that is switched off."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
            self._server = None

    def push(self, screen: JSON) -> None:
        """Show a state on every page."""
        self.screen = screen
        if self._loop is not None and self._server is not None:
            self._loop.call_soon_threadsafe(self._show, screen)

    def show_after(self, path: str, screen: JSON) -> None:
        """Show a state as soon as an act was asked for, before its answer goes out."""

        def after(act: Act) -> None:
            if act.path == path:
                self.push(screen)

        self._after = after

    def done(self, method: str, path: str) -> list[Act]:
        """The acts of one kind."""
        return [act for act in self.acts if (act.method, act.path) == (method, path)]

    def _show(self, screen: JSON) -> None:
        for queue in self._queues:
            queue.put_nowait(screen)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        assert self._server is not None
        await self._server.serve()


def _application(box: FakeBox, started: Callable[[], None]) -> FastAPI:
    app = FastAPI(on_startup=None)
    app.router.on_startup.append(started)
    _add_page(app, box)
    _add_screen(app, box)
    _add_acts(app, box)
    return app


def _add_page(app: FastAPI, box: FakeBox) -> None:
    @app.get("/")
    def index() -> HTMLResponse:
        text = (PAGE / "index.html").read_text(encoding="utf-8")
        marked = text.replace('name="comptoir-page" content=""', f'name="comptoir-page" content="{box.fingerprint}"')
        assert marked != text
        return HTMLResponse(marked, headers=POLICY)

    @app.get("/page/{name}")
    def file(name: str) -> FileResponse:
        return FileResponse(PAGE / Path(name).name, headers=POLICY)


def _add_screen(app: FastAPI, box: FakeBox) -> None:
    @app.get("/v1/screen")
    def screen() -> JSONResponse:
        if box.failure is not None:
            return _problem(box.failure[0], "trouble", box.failure[1])
        return JSONResponse(box.screen) if box.paired else _problem(401, "not-paired", "Cet écran n'est pas relié.")

    @app.websocket("/v1/screen/live")
    async def live(socket: WebSocket) -> None:
        if not box.paired or box.failure is not None:
            await socket.close(1008)
            return
        await socket.accept()
        if box.full:
            await socket.close(1013, box.full)
            return
        queue: asyncio.Queue[JSON] = asyncio.Queue()
        queue.put_nowait(box.screen)
        box._queues.append(queue)
        sending = asyncio.create_task(_send(socket, queue))
        try:
            await socket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            sending.cancel()
            box._queues.remove(queue)


async def _send(socket: WebSocket, queue: asyncio.Queue[JSON]) -> None:
    while True:
        await socket.send_json({"screen": await queue.get()})


def _add_acts(app: FastAPI, box: FakeBox) -> None:
    @app.get("/v1/operations/{event_id}/receipt.svg")
    def receipt(event_id: str) -> Response:
        return Response(f"{CODE}<!-- {event_id} -->", media_type="image/svg+xml")

    @app.get("/v1/cameras/plafond/preview")
    def preview() -> StreamingResponse:
        return StreamingResponse(_film(box), media_type="multipart/x-mixed-replace; boundary=picture")

    @app.get("/v1/pairing")
    def paired() -> JSON:
        return {"paired": box.paired, "screens": box.screens}

    @app.post("/v1/pairing")
    async def pairing(request: Request) -> JSONResponse:
        box.paired = (await request.json())["pin"] == PIN
        return JSONResponse({}) if box.paired else _problem(403, "wrong-pin", "Ce code n'est pas le bon.")

    @app.api_route("/v1/{path:path}", methods=["POST", "PUT", "DELETE"])
    async def act(path: str, request: Request) -> JSONResponse:
        body = await request.json() if await request.body() else None
        asked = Act(
            method=request.method,
            path=f"/v1/{path}",
            query=dict(request.query_params),
            body=body,
            key=request.headers.get("idempotency-key"),
            language=request.headers.get("accept-language"),
        )
        box.acts.append(asked)
        box._after(asked)
        if asked.method == "DELETE":
            box.screens = [screen for screen in box.screens if asked.path != f"/v1/pairing/screens/{screen['id']}"]
        status, answer = box.answers.get(asked.path, (200, {}))
        return JSONResponse(answer, status_code=status)


async def _film(box: FakeBox) -> AsyncIterator[bytes]:
    """Two pictures, as Chromium shows one when the next begins; then nothing new until the page looks away."""
    jpeg = io.BytesIO()
    Image.new("L", (64, 48), 128).save(jpeg, "JPEG")
    box.lookers += 1
    try:
        part = b"Content-Type: image/jpeg\r\n\r\n" + jpeg.getvalue() + b"\r\n--picture\r\n"
        yield b"--picture\r\n" + part + part
        await asyncio.Event().wait()
    finally:
        box.lookers -= 1


def _problem(status: int, kind: str, detail: str) -> JSONResponse:
    return JSONResponse({"title": kind, "status": status, "detail": detail}, status_code=status)
