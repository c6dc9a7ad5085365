"""What a camera sees, as a film that any browser shows in an <img>."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, Path, Request, Response
from fastapi.responses import StreamingResponse

from gateway.previews import Previews

_BOUNDARY = "picture"
_DELIMITER = f"--{_BOUNDARY}\r\n".encode()

Camera = Annotated[str, Path(max_length=40)]


async def watching(request: Request, name: Camera) -> AsyncIterator[AsyncIterator[bytes]]:
    """The camera's pictures; given back once the answer ended, however that was."""
    previews: Previews = request.app.state.previews
    with previews.watching(name) as pictures:
        yield pictures


Pictures = Annotated[AsyncIterator[bytes], Depends(watching)]


def add_previews(api: FastAPI, previews: Previews) -> None:
    """Join the path of the cameras."""

    api.state.previews = previews

    @api.get("/v1/cameras/{name}/preview", tags=["box"], response_class=Response)
    async def preview(pictures: Pictures) -> StreamingResponse:
        """What the camera sees, for aiming it; ends when the camera goes."""
        return StreamingResponse(
            _parts(pictures),
            media_type=f"multipart/x-mixed-replace; boundary={_BOUNDARY}",
            headers={"Cache-Control": "no-store"},
        )


async def _parts(pictures: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """RFC 2046 §5.1.1; the next delimiter goes with each picture, as browsers show one only when they see it end."""
    yield _DELIMITER
    async for jpeg in pictures:
        head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
        yield head + jpeg + b"\r\n" + _DELIMITER
