"""What is wrong with settings, in plain words: French for the shop, English for who sets `language = "en"`."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ITEM = re.compile(r"\.\d+$")
_LINE = re.compile(r"at line (\d+), column (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        key: Of the settings, e.g. `api.port`.
        french: What is wrong and what is wanted, after the key.
    """

    key: str
    french: str
    english: str

    def say(self, language: str) -> str:
        """The sentence."""
        return f"{self.key} : {self.french}" if language == "fr" else f"{self.key}: {self.english}"


# By pydantic's error type (https://docs.pydantic.dev/latest/errors/validation_errors/), with the names of its `ctx`.
_BY_TYPE: Mapping[str, tuple[str, str]] = {
    "missing": ("manque, ce réglage est obligatoire", "is missing, this setting is required"),
    "unexpected_keyword_argument": ("réglage inconnu, vérifiez son nom", "unknown setting, check its name"),
    "extra_forbidden": ("réglage inconnu, vérifiez son nom", "unknown setting, check its name"),
    "string_type": ("doit être un texte entre guillemets", "must be text in quotes"),
    "int_type": ("doit être un nombre entier", "must be a whole number"),
    "int_parsing": ("doit être un nombre entier", "must be a whole number"),
    "int_parsing_size": ("ce nombre est bien trop grand", "this number is far too large"),
    "int_from_float": ("doit être un nombre entier, sans virgule", "must be a whole number, without decimals"),
    "greater_than": ("doit être plus grand que {gt}", "must be more than {gt}"),
    "greater_than_equal": ("doit être au moins {ge}", "must be at least {ge}"),
    "less_than": ("doit être plus petit que {lt}", "must be less than {lt}"),
    "less_than_equal": ("doit être au plus {le}", "must be at most {le}"),
    "string_too_short": ("ne doit pas être vide", "must not be empty"),
    "string_too_long": ("trop long, {max_length} caractères au plus", "too long, at most {max_length} characters"),
    "path_type": ("doit être un chemin entre guillemets", "must be a path in quotes"),
    "tuple_type": ("doit être une liste : écrivez [[{leaf}]]", "must be a list: write [[{leaf}]]"),
    "dataclass_type": ("doit être une table : écrivez [{leaf}]", "must be a table: write [{leaf}]"),
}
_OTHER = ("valeur inutilisable", "can't be used")

_PATTERNS: Mapping[str, tuple[str, str]] = {
    "name": (
        "lettres minuscules sans accent, chiffres et tirets seulement, 40 au plus, par exemple « imprimante-1 »",
        "only small letters, digits and hyphens, at most 40, for example “printer-1”",
    ),
    "host": (
        "doit être un nom de machine ou une adresse, par exemple 192.168.1.50",
        "must be a host name or an address, for example 192.168.1.50",
    ),
    "api.host": (
        "doit être une adresse de cette machine : 127.0.0.1, 192.168.1.20 ou 0.0.0.0, par exemple",
        "must be an address of this machine: 127.0.0.1, 192.168.1.20 or 0.0.0.0, for example",
    ),
    "api.names": (
        "doit être un nom de machine seul, par exemple caisse.maison",
        "must be a host name alone, for example till.home.arpa",
    ),
    "api.embedded_in": (
        "doit être de la forme https://caisse.exemple.fr, sans chemin",
        "must look like https://till.example.com, without a path",
    ),
    "broker": (
        "doit être de la forme mqtt://machine:1883, port de 1 à 65535",
        "must look like mqtt://host:1883, port 1 to 65535",
    ),
    "url": (
        "doit être une adresse http:// ou rtsp://, sans espace",
        "must be an http:// or rtsp:// address, without spaces",
    ),
    "central": (
        "doit être une adresse http:// ou https://, sans espace, port de 1 à 65535",
        "must be an http:// or https:// address, without spaces, port 1 to 65535",
    ),
}
_CAMERA_SOURCES = ("device", "url", "folder", "video")
_PATTERN_KEYS = {"tenant": "name", "public_url": "central"}
_CHOICES: Mapping[str, tuple[str, ...]] = {"language": ("fr", "en"), "confirm_by": ("process_id", "paper_status")}

_NUMBERS = ("ask_deadline_ms", "port", "baud", "columns", "days_at_hand", "years_kept", "reserve_mib")

_SYSTEM: Mapping[int, tuple[str, str]] = {
    errno.ENOENT: ("introuvable", "no such file"),
    errno.EACCES: ("accès refusé", "permission denied"),
    errno.EPERM: ("accès refusé", "permission denied"),
    errno.EISDIR: ("c'est un dossier", "it is a folder"),
    errno.ENOTDIR: ("un dossier du chemin n'en est pas un", "a folder of the path is none"),
    errno.EEXIST: ("existe déjà", "exists already"),
    errno.ENOSPC: ("plus de place sur le disque", "no space left on the disk"),
    errno.EIO: ("le disque ou l'appareil ne répond plus", "the disk or the device doesn't answer any more"),
    errno.ENAMETOOLONG: ("nom trop long", "the name is too long"),
    errno.EADDRINUSE: ("adresse déjà prise", "the address is taken"),
    errno.EADDRNOTAVAIL: ("cette adresse n'est pas de cette machine", "the address is not of this machine"),
    errno.ECONNREFUSED: ("personne ne répond à cette adresse", "nobody answers at that address"),
    errno.EROFS: ("disque en lecture seule", "the disk is read-only"),
}


def explain_value(item: Mapping[str, Any]) -> Fault:
    """A fault that pydantic found (one of its `errors()`)."""
    where = tuple(map(str, item["loc"]))
    leaf = where[-1] if where else ""
    french, english = _sentences(item["type"], ".".join(where), leaf)
    limits = {**item.get("ctx", {}), "leaf": leaf}
    return Fault(key=".".join(where) or "?", french=french.format(**limits), english=english.format(**limits))


def _sentences(kind: str, key: str, leaf: str) -> tuple[str, str]:
    if kind == "string_pattern_mismatch":
        whole = _ITEM.sub("", key)
        return _PATTERNS.get(whole) or _PATTERNS.get(_PATTERN_KEYS.get(leaf, leaf), _OTHER)
    if kind == "enum" and leaf in _CHOICES:
        values = [f'"{value}"' for value in _CHOICES[leaf]]
        return f"doit être {' ou '.join(values)}", f"must be {' or '.join(values)}"
    return _BY_TYPE.get(kind, _OTHER)


def explain_toml(error: Exception) -> Fault:
    """A file that isn't TOML; tomllib says where in its message only."""
    found = _LINE.search(str(error))
    french_place = f"ligne {found[1]}, colonne {found[2]}" if found else "fin du fichier"
    english_place = f"line {found[1]}, column {found[2]}" if found else "end of the file"
    if isinstance(error, RecursionError):
        french, english = "trop de tables ou de listes l'une dans l'autre", "too many tables or lists in one another"
    elif str(error).startswith(("Cannot", "Duplicate")):
        french, english = "ce réglage ou cette table est donné deux fois", "this setting or table is given twice"
    else:
        french = "ce n'est pas du TOML ; vérifiez guillemets, crochets et signes ="
        english = "not valid TOML; check quotes, brackets and equals signs"
    return Fault(key="TOML", french=f"{french_place} : {french}", english=f"{english_place}: {english}")


def explain_system(error: OSError, language: str) -> str:
    """Why the system refused, in words; by its own name where it is none of the usual reasons."""
    number = error.errno or 0
    sentences = _SYSTEM.get(number)
    if sentences is not None:
        return sentences[0 if language == "fr" else 1]
    if language == "fr" and number in errno.errorcode:
        return f"erreur {errno.errorcode[number]} du système"
    return error.strerror or str(error)


def contradictions(table: dict[str, Any]) -> list[Fault]:
    """What types can't say; it looks at the raw table, so that these faults are told along with the others."""
    faults = []
    for index, camera in enumerate(_tables(table.get("cameras"))):
        if len(camera.keys() & _CAMERA_SOURCES) != 1:
            choices = ", ".join(_CAMERA_SOURCES)
            french, english = f"donnez une seule source parmi {choices}", f"give exactly one of {choices}"
            faults.append(Fault(key=f"cameras.{index}", french=french, english=english))
    if "\0" in str(table.get("data_dir", "")):  # which no system takes in a path
        faults.append(Fault(key="data_dir", french="contient un caractère nul", english="holds a null character"))
    for key in sorted(_numbers_that_are_truths(table)):
        faults.append(Fault(key=key, french=_BY_TYPE["int_type"][0], english=_BY_TYPE["int_type"][1]))
    printer = table.get("printer")
    if isinstance(printer, dict) and printer.get("paper_mm", 80) not in (58, 80):
        faults.append(Fault(key="printer.paper_mm", french="doit être 80 ou 58", english="must be 80 or 58"))
    devices = [*_tables(table.get("scanners")), *_tables(table.get("cameras")), *_tables([printer])]
    names = [str(device["name"]) for device in devices if "name" in device]
    for name in sorted({name for name in names if names.count(name) > 1}):
        french, english = "deux appareils portent ce nom", "two devices have this name"
        faults.append(Fault(key=name, french=french, english=english))
    return faults


def _numbers_that_are_truths(table: dict[str, Any]) -> set[str]:
    """Keys that say true or false for a number, which pydantic takes for 1 and 0."""
    parts = {"": table} | {f"{name}.": table.get(name) for name in ("api", "http", "journal", "printer")}
    parts |= {f"scanners.{index}.": scanner for index, scanner in enumerate(_tables(table.get("scanners")))}
    return {
        prefix + leaf
        for prefix, part in parts.items()
        if isinstance(part, dict)
        for leaf in _NUMBERS
        if isinstance(part.get(leaf), bool)
    }


def _tables(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
