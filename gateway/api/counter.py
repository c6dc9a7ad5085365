"""Operations and what lies on the counter."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response

from gateway.agent import Agent
from gateway.api.bodies import OperationBody, ScanBody, SeenQuery, TrainingBody
from gateway.api.language import language_of
from gateway.orders import Order, Shown
from gateway.views import JSON

Language = Annotated[str | None, Header(alias="accept-language", max_length=100)]
Key = Annotated[str, Header(max_length=64, description="A UUID, another one for each operation.")]


def speaking(request: Request, accept_language: Language = None) -> Agent:
    """The agent, in the caller's language."""
    agent: Agent = request.app.state.agent
    return agent.speaking(language_of(accept_language, agent.views.language))


Speaking = Annotated[Agent, Depends(speaking)]
Seen = Annotated[SeenQuery, Query()]


def add_counter(api: FastAPI, agent: Agent, boot: UUID) -> None:
    """Join the paths of the counter.

    Args:
        boot: Of this start of the agent.
    """
    api.state.agent = agent
    _add_desk(api, boot)

    @api.get("/v1/status", tags=["box"])
    async def status(agent: Speaking) -> JSON:
        """How the box fares: queue, link, grant, replicas, devices."""
        return agent.status()

    @api.post("/v1/operations", tags=["counter"])
    async def operations(body: OperationBody, idempotency_key: Key, agent: Speaking) -> JSON:
        """Carry out an operation; the answer says whether it was accepted, and is on disk."""
        key = _key(idempotency_key)
        return await agent.operate(_order(body, key), key)

    @api.post("/v1/day-closures", tags=["counter"])
    async def day_closures(agent: Speaking) -> JSON:
        """Close every business day that has operations, up to today."""
        return await agent.close_days()

    @api.put("/v1/training", tags=["counter"])
    async def training(body: TrainingBody, agent: Speaking) -> JSON:
        """Begin or end training; it moves no money."""
        return agent.train(body.on)


def _add_desk(api: FastAPI, boot: UUID) -> None:
    @api.get("/v1/counter", tags=["counter"])
    async def counter(agent: Speaking) -> JSON:
        """What lies on the counter."""
        return await agent.show()

    @api.delete("/v1/counter", tags=["counter"], status_code=204)
    async def clear(agent: Speaking, seen: Seen) -> Response:
        """Take everything off the counter that was seen."""
        if seen.boot in (None, boot):
            agent.desk.clear(up_to=seen.up_to)
        return Response(status_code=204)

    @api.delete("/v1/counter/result", tags=["counter"], status_code=204)
    async def dismiss(agent: Speaking, seen: Seen) -> Response:
        """Take the last result away, if it was seen; what lies on the counter stays."""
        if seen.boot in (None, boot):
            agent.desk.dismiss(up_to=seen.up_to)
        return Response(status_code=204)

    @api.post("/v1/scans", tags=["counter"])
    async def scans(body: ScanBody, agent: Speaking) -> JSON:
        """Put a code on the counter that was typed, or read by a reader of the till."""
        return await agent.scan(body.code, device=body.device)


def _order(body: OperationBody, key: UUID) -> Order:
    if body.amount is not None and body.amount_minor is not None:
        raise HTTPException(422, "amount, amount_minor: give one of the two")
    if body.code is not None and body.presented is not None:
        raise HTTPException(422, "code, presented: give one of the two")
    return Order(
        kind=body.kind,
        amount=body.amount if body.amount is not None else body.amount_minor,
        code=body.code,
        programme=body.programme,
        target=body.event,
        presented=None if body.presented is None else Shown(number=body.presented, key=key),
        training=body.training,
    )


def _key(text: str) -> UUID:
    try:
        return UUID(text.strip().strip('"'))
    except ValueError:
        raise HTTPException(400, "Idempotency-Key: must be a UUID, another one for each operation") from None
