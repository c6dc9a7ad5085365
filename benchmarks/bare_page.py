"""The floor of a page's change: a bare FastAPI application whose POST is one synced commit and one pushed frame."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn
from fastapi import FastAPI, WebSocket
from pydantic import BaseModel


class Scan(BaseModel):
    """What a scanner reads."""

    code: str


def make_app(database: Path) -> FastAPI:
    """One writer thread with one connection, and one page that listens."""
    api = FastAPI(openapi_url=None)
    connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE scans (number INTEGER PRIMARY KEY, code TEXT NOT NULL)")
    writer = ThreadPoolExecutor(max_workers=1)
    frames: asyncio.Queue[str] = asyncio.Queue()

    def record(code: str) -> int:
        number = connection.execute("INSERT INTO scans (code) VALUES (?)", (code,)).lastrowid
        assert number is not None
        return number

    @api.post("/v1/scans")
    async def scan(body: Scan) -> dict[str, int]:
        number = await asyncio.get_running_loop().run_in_executor(writer, record, body.code)
        frames.put_nowait(f'{{"number":{number}}}')
        return {"number": number}

    @api.websocket("/v1/screen/live")
    async def follow(socket: WebSocket) -> None:
        await socket.accept()
        while True:
            await socket.send_text(await frames.get())

    return api


def main() -> None:
    """Serve on a free port of loopback, which is printed."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        make_app(Path(sys.argv[1])), log_config=None, access_log=False, lifespan="off", ws="websockets-sansio"
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
