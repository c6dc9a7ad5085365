"""What is wrong with a request, in the language that the caller asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.words import choose

# By pydantic's error type (https://docs.pydantic.dev/latest/errors/validation_errors/), with the names of its `ctx`.
_BY_TYPE: Mapping[str, tuple[str, str]] = {
    "missing": ("manque", "is missing"),
    "extra_forbidden": ("n'est pas demandé ici, vérifiez son nom", "isn't asked for here, check its name"),
    "string_type": ("doit être un texte", "must be text"),
    "string_too_short": ("trop court ou vide", "too short or empty"),
    "string_too_long": ("trop long, {max_length} caractères au plus", "too long, at most {max_length} characters"),
    "string_pattern_mismatch": ("n'a pas la forme voulue ({pattern})", "isn't of the form wanted ({pattern})"),
    "int_type": ("doit être un nombre entier", "must be a whole number"),
    "int_parsing": ("doit être un nombre entier", "must be a whole number"),
    "int_parsing_size": ("ce nombre est bien trop grand", "this number is far too large"),
    "int_from_float": ("doit être un nombre entier, sans virgule", "must be a whole number, without decimals"),
    "greater_than_equal": ("doit être au moins {ge}", "must be at least {ge}"),
    "less_than_equal": ("doit être au plus {le}", "must be at most {le}"),
    "bool_type": ("doit être true ou false", "must be true or false"),
    "enum": ("doit être l'un de : {expected}", "must be one of: {expected}"),
    "uuid_type": ("doit être un UUID", "must be a UUID"),
    "uuid_parsing": ("doit être un UUID", "must be a UUID"),
    "model_attributes_type": ("doit être un objet JSON", "must be a JSON object"),
    "json_invalid": ("n'est pas du JSON", "isn't JSON"),
}
_OTHER = ("valeur inutilisable", "can't be used")


def explain_fault(fault: Mapping[str, Any], language: str) -> str:
    """A fault that pydantic found (one of its `errors()`), with the field's name."""
    field = ".".join(map(str, fault["loc"][1:])) or "body"
    french, english = _BY_TYPE.get(fault["type"], _OTHER)
    limits = dict(fault.get("ctx", {}))
    if "expected" in limits:  # pydantic lists the choices in English
        limits["expected"] = limits["expected"].replace(" or ", ", ")
    return choose(language, f"{field} : {french.format(**limits)}", f"{field}: {english.format(**limits)}")
