"""How a print job can end: confirmed, uncertain or not started."""

from dataclasses import dataclass

from drivers.escpos.words import Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The printer said that it has printed the job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """Data was sent, and no answer came: ask the shopkeeper whether it printed."""

    reason: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class NotStarted:
    """No byte of the job was sent: it may wait and be tried again."""

    reason: Condition


PrintOutcome = Confirmed | Uncertain | NotStarted
