"""What can be wrong with what the domain is given.

    ProgrammeError
    ├── AmountError        the person at the keypad: type the amount again
    ├── CodeError          the holder: this code is no instrument here
    │   ├── UnknownKey     (its signing key is not in force; the registry may still know the serial)
    │   ├── UnknownCode    (no programme knows it)
    │   ├── ForgedCode     (damaged, or not signed by whom it says)
    │   └── ForeignCode    (genuine, of a programme that isn't taken here)
    ├── RulesError         the programme's author: the file breaks a rule (lists every fault)
    └── NotUnderstood      a person at the centre: an event of a kind or shape this version doesn't know

Refusals are not errors: they are `decide`'s ordinary answers (see `programme.refusals`).
"""

from __future__ import annotations


class ProgrammeError(Exception):
    """Base of the domain's errors."""


class AmountError(ProgrammeError):
    """An amount can't be read or is out of bounds; type it again."""


class CodeError(ProgrammeError):
    """A scanned code is damaged, forged, or signed by nobody we know."""


class UnknownKey(CodeError):
    """A token signed by a key that is not in force: worth no more than a legacy identifier."""


class UnknownCode(CodeError):
    """No programme here knows this code."""


class ForgedCode(CodeError):
    """It says it is ours, and isn't, or is damaged."""


class ForeignCode(CodeError):
    """Genuine, but of a programme this shop doesn't take."""


class NotUnderstood(ProgrammeError):
    """An event's type or shape is unknown here; it waits for a person in quarantine."""


class RulesError(ProgrammeError):
    """A programme file breaks rules.

    Attributes:
        faults: Every fault found, each "key: what is wrong".
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults
