"""What can be wrong with a box's or central's own files, and who must act.

EdgeConfigError
├── SettingsError      a person edits the settings file or the environment (lists every fault)
└── EnrolmentError     a person enrols the box, or brings the right file
"""

from __future__ import annotations


class EdgeConfigError(Exception):
    """Base of this package's errors; each message says what to do."""


class SettingsError(EdgeConfigError):
    """The settings can't be used.

    Attributes:
        faults: Every fault found, each "key: what is wrong".
        language: In which they are told, as far as the settings could say.
    """

    def __init__(self, source: str, faults: list[str], *, language: str) -> None:
        super().__init__(f"{source}{' : ' if language == 'fr' else ': '}{'; '.join(faults)}")
        self.faults = faults
        self.language = language


class EnrolmentError(EdgeConfigError):
    """The box isn't enrolled, is enrolled already, or was given a file that isn't for it."""
