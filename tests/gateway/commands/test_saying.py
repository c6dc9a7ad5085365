"""What ends a command is one sentence in the shopkeeper's language, with what to do."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from drivers.errors import DeviceGone, SetUpError
from edge_config.errors import (
    AlreadyEnrolled,
    EnrolmentError,
    EnrolmentMissing,
    EnrolmentUnreadable,
    JournalKeyUnreadable,
    NotEnrolled,
)
from edge_config.settings import BoxSettings
from gateway.commands.saying import is_camera_missing, say
from gateway.errors import ApiAddressTaken, ConfigurationRefused, CounterError, EnrolmentUnusable
from gateway.words import Problem
from sync.errors import JournalBroken, JournalError, JournalForeign, JournalFull, JournalInUse, JournalMissing

SETTINGS = BoxSettings(data_dir=Path("/box"))

SAID = [
    (JournalForeign("x"), "/box/journal.sqlite est le journal d'une autre caisse"),
    (JournalInUse("x"), "Arrêtez-la d'abord"),
    (JournalMissing("x"), "comptoir enrol"),
    (JournalFull("x"), "Plus de place"),
    (JournalBroken("x", epoch="1-a", seq=7), "modifié à la ligne 1-a/7 : gardez le fichier"),
    (JournalBroken("x", epoch="", seq=0), "est abîmé : gardez le fichier"),
    (JournalError("x"), "vérifiez le disque"),
    (NotEnrolled("x"), "comptoir enrol request"),
    (AlreadyEnrolled("x"), "déjà inscrite"),
    (EnrolmentUnreadable(Path("e.json"), "x"), "e.json n'est pas un fichier d'inscription"),
    (JournalKeyUnreadable("x"), "remettez le fichier d'origine"),
    (EnrolmentError("x"), "demandez-en une nouvelle au centre"),
    (EnrolmentUnusable("x"), "demandez-en une nouvelle au centre"),
    (ApiAddressTaken("x"), "127.0.0.1:8787 est prise"),
    (ConfigurationRefused("x"), "redemandez-la au centre"),
    (EnrolmentMissing(Path("e.json")), "e.json est introuvable : vérifiez le nom"),
    (DeviceGone("x"), "vérifiez câble"),
    (SetUpError("x", french="Réduisez l'image."), "Réduisez l'image."),
]


@pytest.mark.parametrize(("error", "expected"), SAID, ids=lambda value: type(value).__name__)
def test_in_french_it_says_what_to_do(error: Exception, expected: str) -> None:
    assert expected in say(error, SETTINGS, "fr")


@pytest.mark.parametrize("error", [error for error, _ in SAID], ids=lambda value: type(value).__name__)
def test_in_english_the_error_speaks_for_itself(error: Exception) -> None:
    assert say(error, SETTINGS, "en") == str(error)


def test_the_systems_reasons_are_told_in_both() -> None:
    error = OSError(errno.EACCES, "Permission denied", "/box/x")

    assert say(error, SETTINGS, "fr") == "/box/x : accès refusé."
    assert say(error, SETTINGS, "en") == "/box/x: permission denied."
    assert say(OSError(errno.ENOSPC, "No space left on device"), None, "fr") == (
        "Le système refuse : plus de place sur le disque."
    )


def test_a_reason_without_words_is_named_by_its_code() -> None:
    error = OSError(errno.EXDEV, "Invalid cross-device link", "/box/x")

    assert say(error, SETTINGS, "fr") == "/box/x : erreur EXDEV du système."
    assert say(error, SETTINGS, "en") == "/box/x: Invalid cross-device link."


def test_the_counters_problems_have_their_words() -> None:
    assert say(CounterError(Problem.NO_PRINTER), None, "fr") == "Aucune imprimante n'est réglée sur cette caisse."


def test_a_library_that_only_cameras_need() -> None:
    missing = ModuleNotFoundError("No module named 'cv2'", name="cv2")

    assert is_camera_missing(missing)
    assert is_camera_missing(ImportError("Unable to find zbar shared library"))
    assert not is_camera_missing(ModuleNotFoundError("No module named 'httpx'", name="httpx"))
    assert "comptoir[camera]" in say(missing, None, "fr")
    assert "camera extra" in say(missing, None, "en")
