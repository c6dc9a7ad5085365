"""What can go wrong in the simulator, and who must act.

SimulatorError
├── FontNotFoundError   a person installs the `sim` extra
├── NoFreePortError     a person ends what occupies the loopback ports
├── BrokerError         a person installs the broker or reads its log
├── PictureError        the caller gives another picture
├── UnpluggedError      the caller plugs the twin in first
├── ProgramError        a person reads the program's log
├── StoryError          the story didn't hold: a person reads which step, and why
├── BadRequestError     the caller corrects the control request
└── ControlError        the caller reads the twin's answer, or starts the twin
"""


class SimulatorError(Exception):
    """Any fault of the simulator; the message names the twin and the remedy."""


class FontNotFoundError(SimulatorError):
    """The font is not installed: a person installs the simulator's extra."""


class NoFreePortError(SimulatorError):
    """No loopback port could be bound: a person ends what occupies them."""


class BrokerError(SimulatorError):
    """The broker can't be found or does not start: a person installs it or reads its log."""


class PictureError(SimulatorError):
    """The picture can't be photographed: the caller gives another one."""


class UnpluggedError(SimulatorError):
    """The twin is unplugged: the test or the story plugs it in before it scans."""


class ProgramError(SimulatorError):
    """A program of the virtual town ended, failed or was not ready in time: a person reads its log."""


class StoryError(SimulatorError):
    """Something in the story did not happen as it must."""


class BadRequestError(SimulatorError):
    """Raised by an action of a control server: the request can't be carried out; the caller corrects it."""


class ControlError(SimulatorError):
    """The twin refused a command or can't be reached; the message says which and what to do."""
