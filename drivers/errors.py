"""What can go wrong with a device, and who must act.

    DriverError
    ├── DeviceGone       the supervisor: close and reopen (unplugged, cable cut, switched off, silent)
    ├── ProtocolError    the shell: some bytes were dropped, call the codec again to resynchronise
    └── SetUpError       a person: a setting; opening again won't help until it is changed

A scanner pulled out raises `DeviceGone`, a byte damaged on a serial line `ProtocolError`, a camera told to read a
symbology that it can't `SetUpError`.
"""


class DriverError(Exception):
    """Any fault of a device; the message names the device and the remedy.

    Attributes:
        french: The same for who reads French; empty where only logs tell of it.
    """

    def __init__(self, message: str, *, french: str = "") -> None:
        super().__init__(message)
        self.french = french


class DeviceGone(DriverError):
    """The device can't be reached any more: the supervisor reopens it."""


class ProtocolError(DriverError):
    """The device sent bytes that break its protocol: they were dropped, call the codec again.

    Attributes:
        dropped: The bytes that were dropped.
    """

    def __init__(self, message: str, *, dropped: bytes) -> None:
        super().__init__(message)
        self.dropped = dropped


class SetUpError(DriverError):
    """The device can't work as it is set up: a person must change a setting."""
