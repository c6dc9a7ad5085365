"""Times and states as people read them."""

from __future__ import annotations

from datetime import datetime, tzinfo

from gateway.words import choose
from sync.journal.values import JobState

JOB_STATES = {
    JobState.QUEUED.value: ("en attente", "waiting"),
    JobState.SENDING.value: ("en cours", "printing"),
    JobState.CONFIRMED.value: ("sortie, l'imprimante l'a confirmé", "done, as the printer confirmed"),
    JobState.UNCERTAIN.value: (
        "incertaine : regardez si le ticket est sorti, puis comptoir counter printed {job} oui (ou non)",
        "uncertain: look whether the paper came out, then comptoir counter printed {job} yes (or no)",
    ),
    JobState.FAILED.value: ("échouée", "failed"),
}
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


def local_time(instant: str, language: str, zone: tzinfo | None = None) -> str:
    """An ISO 8601 instant on the wall clock of a zone, the machine's own by default, to the minute."""
    at = datetime.fromisoformat(instant).astimezone(zone)
    return choose(language, f"{at:%d/%m/%Y à %H:%M}", f"{at:%Y-%m-%d %H:%M}")


def age(seconds: int, language: str) -> str:
    """How long ago."""
    if seconds < 2 * _MINUTE_S:
        return f"{seconds} s"
    if seconds < 2 * _HOUR_S:
        return f"{seconds // _MINUTE_S} min"
    if seconds < 2 * _DAY_S:
        return f"{seconds // _HOUR_S} h"
    return choose(language, f"{seconds // _DAY_S} jours", f"{seconds // _DAY_S} days")


def job_line(job: int, state: str, detail: str | None, language: str) -> str:
    """How far a print is."""
    french, english = JOB_STATES.get(state, (state, state))
    said = choose(language, f"Impression {job} : {french}", f"Print {job}: {english}").format(job=job)
    return f"{said}. {detail}" if detail else f"{said}."
