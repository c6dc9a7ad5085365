"""Whether operations are exercises: noted on the disk, so that no restart makes real what is only practised."""

from __future__ import annotations

from pathlib import Path

from edge_config.enrolment import remove_private, write_private
from gateway.errors import CounterError
from gateway.words import Problem


class Training:
    """The box's training mode."""

    def __init__(self, mark: Path) -> None:
        """Go on as before the last stop.

        Args:
            mark: The file that is there while training is on.
        """
        self._mark = mark
        self.is_on = mark.exists()

    def switch(self, on: bool) -> None:
        """Begin or end training.

        Raises:
            CounterError: The disk couldn't take it: nothing has changed.
        """
        try:
            if on:
                write_private(self._mark, b"", may_replace=True)
            else:
                remove_private(self._mark)
        except OSError as error:
            raise CounterError(Problem.TRAINING_UNCHANGED) from error
        self.is_on = on
