"""What callers of the local API send."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from gateway.orders import Kind

JobId = Annotated[int, Path(ge=1, le=2**63 - 1)]
"""SQLite's row ids go no further."""


class Body(BaseModel):
    """Whatever isn't asked for is refused."""

    model_config = ConfigDict(extra="forbid")


class ScanBody(Body):
    """A code that was typed by hand, or read by a reader of the till."""

    code: Annotated[str, Field(min_length=1, max_length=4096)]
    device: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] = "api"


class SeenQuery(Body):
    """How far a screen saw: what came later stays, however late this is repeated.

    Attributes:
        boot: Of the start of the box that the number is of; of another one, everything stays.
        up_to: The newest number in the state, of a read or a result; all, when it is left out.
    """

    boot: UUID | None = None
    up_to: Annotated[int, Field(ge=0)] | None = None


class OperationBody(Body):
    """An operation.

    Attributes:
        amount: As typed, "23,50"; the basket of an earn, the value of a voucher to sell.
        amount_minor: The same in minor units; one of the two at most.
        code: What lies on the counter, when it is left out.
        programme: To sell from.
        event: The operation to void; the last one, when it is left out.
        presented: The number of what a screen showed on the counter, whose key is then the Idempotency-Key; refused
            once something else lies there.
        training: The mode that a screen showed; refused once it is another.
    """

    kind: Kind
    amount: Annotated[str, Field(max_length=64)] | None = None
    amount_minor: StrictInt | None = None
    code: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    programme: Annotated[str, Field(max_length=64)] | None = None
    event: UUID | None = None
    presented: StrictInt | None = None
    training: StrictBool | None = None


class PrintBody(Body):
    """What to print; the last operation, when it is left out."""

    event: UUID | None = None


class AnswerBody(Body):
    """Whether an uncertain print came out."""

    printed: StrictBool


class TrainingBody(Body):
    """Whether operations are exercises."""

    on: StrictBool
