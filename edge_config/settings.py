"""Settings of both programs: a TOML file, then the environment; every fault is reported at once.

What a box must know before it can ask central: where its data and its devices are. What central decides (shop,
programmes, keys) comes as `edge_config.messages.Configuration` instead.

Scalars can be set from the environment: `COMPTOIR_` and the key in capitals, a dot as an underscore, so `api.port` is
`COMPTOIR_API_PORT`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from edge_config.errors import SettingsError
from edge_config.faults import Fault, contradictions, explain_system, explain_toml, explain_value

PREFIX = "COMPTOIR_"
_STRICT = ConfigDict(extra="forbid")
_LANGUAGE_LINE = re.compile(r"""^\s*language\s*=\s*["'](fr|en)["']""", re.MULTILINE)
_MOST_DIGITS = 18


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
    """How one program's settings are read: its type, the keys that the environment may set, and who reads of faults."""

    kind: type[S]
    default_language: str
    from_environment: tuple[str, ...]


_BOX = _Form(
    kind=BoxSettings,
    default_language="fr",
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
    default_language="en",
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
    table = _read_toml(path, environ, form.default_language)
    faults = _override(table, environ, form.from_environment)
    language = _language_of(table.get("language"), form.default_language)
    try:
        settings = TypeAdapter(form.kind).validate_python(table)
    except ValidationError as error:
        faults += [explain_value(item) for item in error.errors()]
        settings = None
    faults += contradictions(table)
    if settings is None or faults:
        told = [_naming_variable(fault, environ, form.from_environment).say(language) for fault in faults]
        raise SettingsError(str(path), told, language=language)
    return _with_absolute_data_dir(settings, path)


def _read_toml(path: Path, environ: Mapping[str, str], default_language: str) -> dict[str, Any]:
    language = _language_of(environ.get(PREFIX + "LANGUAGE"), default_language)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        reason = explain_system(error, language)
        french = f"ne peut pas être lu ({reason}) : nommez le fichier avec --config"
        told = french if language == "fr" else f"can't be read ({reason}): name the file with --config"
        raise SettingsError(str(path), [told], language=language) from None
    except UnicodeDecodeError as error:
        french = f"ce n'est pas du texte UTF-8, à partir de l'octet {error.start}"
        told = french if language == "fr" else f"not UTF-8 text, from byte {error.start} on"
        raise SettingsError(str(path), [told], language=language) from None
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of numbers and nestings that Python itself refuses
        written = _LANGUAGE_LINE.search(text)
        language = _language_of(environ.get(PREFIX + "LANGUAGE", written and written[1]), default_language)
        raise SettingsError(str(path), [explain_toml(error).say(language)], language=language) from None


def _language_of(value: object, default: str) -> str:
    return value if isinstance(value, str) and value in ("fr", "en") else default


def _override(table: dict[str, Any], environ: Mapping[str, str], keys: tuple[str, ...]) -> list[Fault]:
    """Put the environment's values over the file's; returns faults."""
    faults = []
    for key in keys:
        variable = _variable(key)
        if variable not in environ:
            continue
        head, dot, leaf = key.partition(".")
        target = table.setdefault(head, {}) if dot else table
        if not isinstance(target, dict):
            french = f"doit être une table, car {variable} en règle une clé"
            english = f"must be a table, for {variable} sets a key of it"
            faults.append(Fault(key=head, french=french, english=english))
            continue
        target[leaf or head] = _typed(environ[variable])
    return faults


def _variable(key: str) -> str:
    return PREFIX + key.upper().replace(".", "_")


def _naming_variable(fault: Fault, environ: Mapping[str, str], keys: tuple[str, ...]) -> Fault:
    """Name the variable that gave a wrong value, or a person looks for it in the file."""
    variable = _variable(fault.key)
    return replace(fault, key=f"{fault.key} ({variable})") if fault.key in keys and variable in environ else fault


def _typed(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else text


def _with_absolute_data_dir(settings: S, path: Path) -> S:
    return replace(settings, data_dir=(path.parent / settings.data_dir).absolute())
