"""Which of the counter's languages a caller wants."""

from __future__ import annotations

LANGUAGES = ("fr", "en")


def language_of(accepted: str | None, default: str) -> str:
    """The first of an Accept-Language header (RFC 9110 §12.5.4) that the counter speaks; weights are not compared."""
    for choice in (accepted or "").split(","):
        language = choice.partition(";")[0].strip().lower()[:2]
        if language in LANGUAGES:
            return language
    return default
