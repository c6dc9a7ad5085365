"""Settings of both programs: a TOML file, then the environment; every fault is reported at once.

What a box must know before it can ask central: where its data and its devices are. What central decides (shop,
programmes, keys) comes as `edge_config.messages.Configuration` instead.

Scalars can be set from the environment: `COMPTOIR_` and the key in capitals, a dot as an underscore, so `api.port` is
`COMPTOIR_API_PORT`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from edge_config.errors import SettingsError

PREFIX = "COMPTOIR_"
_STRICT = ConfigDict(extra="forbid")

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Host = Annotated[str, Field(min_length=1, max_length=253)]
Port = Annotated[int, Field(ge=0, le=65535)]
RemotePort = Annotated[int, Field(ge=1, le=65535)]
BrokerUrl = Annotated[str, Field(pattern=r"^mqtt://[^/:@\s]+(:\d{1,5})?$")]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


class Language(Enum):
    """What the shopkeeper reads."""

    FRENCH = "fr"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """The local API.

    Attributes:
        host: Loopback, so that only programs of this machine reach it.
        port: 0 takes any free port; `data_dir/api.json` names it.
    """

    __pydantic_config__ = _STRICT
    host: Annotated[str, Field(pattern=r"^(127(\.\d{1,3}){3}|localhost|::1)$")] = "127.0.0.1"
    port: Port = 8787


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
    """A camera: a folder of pictures that is watched, or a video file; exactly one of the two is set."""

    __pydantic_config__ = _STRICT
    name: Name
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


S = TypeVar("S", BoxSettings, CentralSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form(Generic[S]):
    """How one program's settings are read: its adapter, and the keys that the environment may set."""

    kind: type[S]
    from_environment: tuple[str, ...]


_BOX = _Form(
    kind=BoxSettings,
    from_environment=(
        "data_dir",
        "language",
        "ask_deadline_ms",
        "broker",
        "central",
        "api.host",
        "api.port",
        "printer.name",
        "printer.host",
        "printer.port",
        "printer.paper_mm",
        "printer.columns",
        "printer.confirm_by",
    ),
)
_CENTRAL = _Form(
    kind=CentralSettings,
    from_environment=("data_dir", "tenant", "broker", "http.host", "http.port", "public_url", "database"),
)


def load_box_settings(path: Path, environ: Mapping[str, str]) -> BoxSettings:
    """Read a box's settings.

    Raises:
        SettingsError: Every fault at once, with the line where the TOML itself is broken, else the key.
    """
    return _load(path, environ, _BOX)


def load_central_settings(path: Path, environ: Mapping[str, str]) -> CentralSettings:
    """Read central's settings.

    Raises:
        SettingsError: Every fault at once, with the line where the TOML itself is broken, else the key.
    """
    return _load(path, environ, _CENTRAL)


def _load(path: Path, environ: Mapping[str, str], form: _Form[S]) -> S:
    table = _read_toml(path)
    faults = _override(table, environ, form.from_environment)
    try:
        settings = TypeAdapter(form.kind).validate_python(table)
    except ValidationError as error:
        faults += [_fault(item["loc"], item["msg"]) for item in error.errors()]
        settings = None
    faults += _contradictions(table)
    if settings is None or faults:
        raise SettingsError(str(path), faults)
    return _with_absolute_data_dir(settings, path)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(str(path), [f"can't be read ({error.strerror}): name the file with --config"]) from None
    except UnicodeDecodeError as error:
        raise SettingsError(str(path), [f"not UTF-8 text, from byte {error.start} on"]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(str(path), [f"not valid TOML: {error}"]) from None


def _override(table: dict[str, Any], environ: Mapping[str, str], keys: tuple[str, ...]) -> list[str]:
    """Put the environment's values over the file's; returns faults."""
    faults = []
    for key in keys:
        variable = PREFIX + key.upper().replace(".", "_")
        if variable not in environ:
            continue
        head, dot, leaf = key.partition(".")
        target = table.setdefault(head, {}) if dot else table
        if not isinstance(target, dict):
            faults.append(f"{head}: must be a table, for {variable} sets a key of it")
            continue
        target[leaf or head] = _typed(environ[variable])
    return faults


def _typed(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdecimal() else text


def _fault(where: tuple[int | str, ...], what: str) -> str:
    return f"{'.'.join(map(str, where)) or 'file'}: {what[0].lower()}{what[1:]}"


def _contradictions(table: dict[str, Any]) -> list[str]:
    """What types can't say; it looks at the raw table, so that these faults are told along with the others."""
    faults = []
    for index, camera in enumerate(_tables(table.get("cameras"))):
        if ("folder" in camera) == ("video" in camera):
            faults.append(f"cameras.{index}: exactly one of folder and video must be given")
    printer = table.get("printer")
    if isinstance(printer, dict) and printer.get("paper_mm", 80) not in (58, 80):
        faults.append("printer.paper_mm: must be 80 or 58")
    devices = [*_tables(table.get("scanners")), *_tables(table.get("cameras")), *_tables([printer])]
    names = [str(device["name"]) for device in devices if "name" in device]
    for name in sorted({name for name in names if names.count(name) > 1}):
        faults.append(f"{name}: two devices have this name")
    return faults


def _tables(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _with_absolute_data_dir(settings: S, path: Path) -> S:
    return replace(settings, data_dir=(path.parent / settings.data_dir).absolute())
