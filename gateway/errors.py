"""What can go wrong at the box, and who must act.

GatewayError
├── SetUpFault           a person: enrol the box, or correct its settings or its data folder
│   ├── ApiAddressTaken  a person: stop the other program, or set another address
│   └── EnrolmentUnusable a person: ask central for a new enrolment
├── ConfigurationRefused central's operator: this configuration can't be applied; the one before stays
└── CounterError         the shopkeeper: the words say what to do; the counter goes on
"""

from __future__ import annotations

from gateway.words import Problem, words_for


class GatewayError(Exception):
    """Base of this package's errors."""


class SetUpFault(GatewayError):
    """The box can't work as it is set up."""


class ApiAddressTaken(SetUpFault):
    """The API's address is taken, or not of this machine."""


class EnrolmentUnusable(SetUpFault):
    """The enrolment reads well, and what it names can't be used."""


class ConfigurationRefused(GatewayError):
    """A configuration that can't be applied; the box keeps the one it has."""


class CounterError(GatewayError):
    """What was asked of the counter can't be done; nothing was recorded.

    Attributes:
        problem: What is wrong; `gateway.words` has the sentence.
    """

    def __init__(self, problem: Problem, **details: str) -> None:
        super().__init__(words_for(problem, "en", **details))
        self.problem = problem
        self._details = details

    def say(self, language: str) -> str:
        """The sentence for the shopkeeper."""
        return words_for(self.problem, language, **self._details)
