"""What can be wrong with a box's or central's own files, and who must act.

EdgeConfigError
├── SettingsError      a person edits the settings file or the environment (lists every fault)
└── EnrolmentError     a person brings the right file
    ├── NotEnrolled           a person enrols the box
    ├── AlreadyEnrolled       a person gives a new box a new data folder
    ├── EnrolmentMissing      a person corrects the file's name
    ├── EnrolmentUnreadable   a person restores the file, or brings a whole one
    └── JournalKeyUnreadable  a person restores the box's key file
"""

from __future__ import annotations

from pathlib import Path


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


class NotEnrolled(EnrolmentError):
    """No enrolment, or no journal key, in the data folder."""


class AlreadyEnrolled(EnrolmentError):
    """The data folder holds an enrolment."""


class EnrolmentMissing(EnrolmentError):
    """A file that a person named isn't there.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: no such file. Check its name.")
        self.path = path


class EnrolmentUnreadable(EnrolmentError):
    """A file of an enrolment can't be read or isn't one.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path


class JournalKeyUnreadable(EnrolmentError):
    """The box's key file can't be read or isn't one."""
