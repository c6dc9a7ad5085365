"""Paper, on request."""

from __future__ import annotations

from fastapi import FastAPI

from gateway.agent import Agent
from gateway.api.bodies import AnswerBody, JobId, PrintBody
from gateway.views import JSON


def add_printing(api: FastAPI, agent: Agent) -> None:
    """Join the paths of the printer."""

    @api.post("/v1/prints", tags=["printing"], status_code=202)
    async def prints(body: PrintBody) -> JSON:
        """Print an operation or a closure; a second time it says DUPLICATA."""
        return await agent.print(body.event)

    @api.post("/v1/prints/{job}/answer", tags=["printing"])
    async def answer(job: JobId, body: AnswerBody) -> JSON:
        """Say whether an uncertain print came out; if it didn't, it is printed again as a duplicate."""
        return await agent.answer_print(job, printed=body.printed)
