"""The receipt as a QR code on the screen, instead of paper."""

from __future__ import annotations

from uuid import UUID

from fastapi import FastAPI, Response

from gateway.api.counter import Speaking
from gateway.api.screen import Language


def add_receipts(api: FastAPI) -> None:
    """Join the path of e-receipts."""

    @api.get("/v1/operations/{event_id}/receipt.svg", tags=["printing"], response_class=Response)
    async def receipt(event_id: UUID, agent: Speaking, language: Language | None = None) -> Response:
        """The receipt's text, or the sold voucher's code, as a QR code that any phone reads offline.

        An `<img>` can't send Accept-Language, so the language may be in the address.
        """
        speaking = agent if language is None else agent.speaking(language)
        return Response(
            speaking.receipt_svg(event_id), media_type="image/svg+xml", headers={"Cache-Control": "no-store"}
        )
