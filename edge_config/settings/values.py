"""The settings themselves, and what each of them may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

_STRICT = ConfigDict(extra="forbid")


def _checked_host(host: str) -> str:
    """Refuse what no resolver takes, e.g. an empty or overlong part: `getaddrinfo` encodes names just so."""
    try:
        host.encode("idna")
    except UnicodeError:
        raise PydanticCustomError("string_pattern_mismatch", "no host") from None
    return host


def _checked_url(url: str) -> str:
    """Refuse an address whose host or port nobody can connect to."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise PydanticCustomError("string_pattern_mismatch", "no address") from None
    if not host or port == 0:
        raise PydanticCustomError("string_pattern_mismatch", "no address")
    _checked_host(host)
    return url


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Host = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[^\s/@\x00]+$"), AfterValidator(_checked_host)]
Port = Annotated[int, Field(ge=0, le=65535)]
RemotePort = Annotated[int, Field(ge=1, le=65535)]
BrokerUrl = Annotated[str, Field(pattern=r"^mqtt://[^/:@\s]+(:\d{1,5})?$"), AfterValidator(_checked_url)]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s]+$"), AfterValidator(_checked_url)]
CameraUrl = Annotated[str, Field(pattern=r"^(https?|rtsps?)://[^\s]+$"), AfterValidator(_checked_url)]


class Language(Enum):
    """What the shopkeeper reads."""

    FRENCH = "fr"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """The local API.

    Attributes:
        host: Loopback, so that only programs of this machine reach it; else an address of the shop's network, or
            0.0.0.0 for all: screens there must be paired.
        port: 0 takes any free port; `data_dir/api.json` names it.
        names: Host names that the network gives the box.
        embedded_in: Origins whose pages may show the counter page in a frame.
    """

    __pydantic_config__ = _STRICT
    host: Annotated[str, Field(pattern=r"^(\d{1,3}(\.\d{1,3}){3}|localhost|[0-9a-fA-F]*:[0-9a-fA-F:]*)$")] = "127.0.0.1"
    port: Port = 8787
    names: tuple[Annotated[str, Field(pattern=r"^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?$")], ...] = ()
    embedded_in: tuple[Annotated[str, Field(pattern=r"^https?://[a-zA-Z0-9.:\[\]-]+$")], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerSettings:
    """A serial scanner.

    Attributes:
        name: How the counter calls it.
        device: E.g. `/dev/serial/by-path/…`, which stays the same for a USB socket.
    """

    __pydantic_config__ = _STRICT
    name: Name
    device: Path
    baud: Annotated[int, Field(gt=0, le=4_000_000)] = 9_600


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSettings:
    """A camera; exactly one of the four sources is set.

    Attributes:
        device: `/dev/video0`, or better its name under `/dev/v4l/by-path`, which stays the same for a USB socket.
        url: A network camera: MJPEG over http://, or rtsp://; `user:password@` before the host where it wants them.
        folder: Pictures, also those that are put there later.
        video: A file.
    """

    __pydantic_config__ = _STRICT
    name: Name
    device: Path | None = None
    url: CameraUrl | None = None
    folder: Path | None = None
    video: Path | None = None


class Confirmation(Enum):
    """How a printer tells that it has printed."""

    PROCESS_ID = "process_id"
    """GS ( H: TM-T20 to T88VII, m30, U220."""
    PAPER_STATUS = "paper_status"
    """GS r 1: every other model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrinterSettings:
    """A receipt printer on the network.

    Attributes:
        port: 9100 unless the printer was set otherwise.
        paper_mm: Width of the roll, 80 or 58.
        columns: Characters in a line where the model has its own number: a TM-T88 (180 dpi) has 42 on 80 mm.
        confirm_by: What the model can; the default works with every one.
    """

    __pydantic_config__ = _STRICT
    name: Name
    host: Host
    port: RemotePort = 9_100
    paper_mm: Annotated[int, Field(strict=True)] = 80
    columns: Annotated[int, Field(ge=24, le=64)] | None = None
    confirm_by: Confirmation = Confirmation.PAPER_STATUS


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSettings:
    """The journal's place on the disk.

    Attributes:
        days_at_hand: Younger rows stay in the database; older ones, once booked, move to archives.
        years_kept: Archives are deleted after so long; French law wants six years.
        reserve_mib: With less free space than this, new operations are refused; closures, acks and archives need it.
    """

    __pydantic_config__ = _STRICT
    days_at_hand: Annotated[int, Field(ge=1, le=3_650)] = 40
    years_kept: Annotated[int, Field(ge=1, le=100)] = 6
    reserve_mib: Annotated[int, Field(ge=0, le=1_000_000)] = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxSettings:
    """The box's settings.

    Attributes:
        data_dir: Journal, keys and state; a relative path starts at the settings file.
        ask_deadline_ms: How long the counter waits for central before it stands in.
        broker: Instead of the broker named at enrolment, "mqtt://host:port".
        central: Instead of central's base URL named at enrolment.
    """

    __pydantic_config__ = _STRICT
    data_dir: Path
    language: Language = Language.FRENCH
    api: ApiSettings = field(default_factory=ApiSettings)
    journal: JournalSettings = field(default_factory=JournalSettings)
    ask_deadline_ms: Annotated[int, Field(gt=0, le=60_000)] = 1_500
    scanners: tuple[ScannerSettings, ...] = ()
    cameras: tuple[CameraSettings, ...] = ()
    printer: PrinterSettings | None = None
    broker: BrokerUrl | None = None
    central: HttpUrl | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where central's HTTP side listens; port 0 takes any free one."""

    __pydantic_config__ = _STRICT
    host: Host = "127.0.0.1"
    port: Port = 8780


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralSettings:
    """Central's settings.

    Attributes:
        data_dir: Keys and, unless `database` says otherwise, the database; relative to the settings file.
        tenant: First level of every topic.
        broker: "mqtt://host:port".
        public_url: How boxes reach the HTTP side; None is `http`'s own address.
        database: SQLAlchemy URL; None is SQLite in `data_dir`.
    """

    __pydantic_config__ = _STRICT
    data_dir: Path
    tenant: Name
    broker: BrokerUrl
    http: HttpSettings = field(default_factory=HttpSettings)
    public_url: HttpUrl | None = None
    database: str | None = None

    @property
    def database_url(self) -> str:
        """The database to open."""
        return self.database or f"sqlite:///{self.data_dir / 'central.sqlite'}"
