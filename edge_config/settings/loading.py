"""Reading settings: the file, then the environment over it, then all faults together."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from edge_config.errors import SettingsError
from edge_config.faults import Fault, contradictions, explain_system, explain_toml, explain_value
from edge_config.settings.values import BoxSettings, CentralSettings

PREFIX = "COMPTOIR_"
_LANGUAGE_LINE = re.compile(r"""^\s*language\s*=\s*["'](fr|en)["']""", re.MULTILINE)
_MOST_DIGITS = 18

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
        "journal.days_at_hand",
        "journal.years_kept",
        "journal.reserve_mib",
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
