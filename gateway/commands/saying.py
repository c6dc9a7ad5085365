"""What ends a command, as one sentence for who typed it: in French here, in English as the error itself says it."""

from __future__ import annotations

from pathlib import Path

from drivers.errors import DriverError
from edge_config.errors import (
    AlreadyEnrolled,
    EdgeConfigError,
    EnrolmentMissing,
    EnrolmentUnreadable,
    JournalKeyUnreadable,
    NotEnrolled,
    SettingsError,
)
from edge_config.faults import explain_system
from edge_config.settings import BoxSettings
from gateway.errors import ApiAddressTaken, ConfigurationRefused, CounterError, EnrolmentUnusable
from gateway.paths import journal_path
from gateway.words import choose
from sync.errors import (
    ArchiveDamaged,
    JournalBroken,
    JournalError,
    JournalForeign,
    JournalFull,
    JournalInUse,
    JournalMissing,
)

CAMERA_EXTRA = frozenset({"cv2", "numpy", "zxingcpp", "pyzbar"})


def is_camera_missing(error: ImportError) -> bool:
    """Whether a library is missing that only cameras need; pyzbar names no module where its own library is missing."""
    return (error.name or "").partition(".")[0] in CAMERA_EXTRA or "zbar" in str(error)


def say(error: BaseException, settings: BoxSettings | None, language: str) -> str:
    """The sentence, with what to do.

    Args:
        settings: The box's, if they could be read.
    """
    if isinstance(error, CounterError):
        return error.say(language)
    if isinstance(error, ImportError):
        return choose(
            language,
            "La lecture par caméra n'est pas installée : pip install 'comptoir[camera]'.",
            "Reading by camera isn't installed: install the camera extra, pip install 'comptoir[camera]'.",
        )
    if isinstance(error, OSError):
        return _of_system(error, language)
    if language != "fr" or isinstance(error, SettingsError):
        return str(error)
    if isinstance(error, JournalError) and settings is not None:
        return _of_journal(error, journal_path(settings.data_dir))
    if isinstance(error, EdgeConfigError):
        return _of_enrolment(error)
    return _of_set_up(error, settings)


def _of_journal(error: JournalError, path: Path) -> str:
    match error:
        case JournalForeign():
            return f"{path} est le journal d'une autre caisse : rendez à celle-ci son propre disque ou sa propre clé."
        case JournalInUse():
            return f"{path} est utilisé par un autre programme : la caisse tourne déjà. Arrêtez-la d'abord."
        case JournalMissing():
            return f"{path} n'existe pas : inscrivez cette caisse (comptoir enrol), ou corrigez data_dir ou --config."
        case ArchiveDamaged():
            return f"Une archive du journal manque ou est abîmée : remettez son fichier d'origine ({error})."
        case JournalFull():
            return f"Plus de place sur le disque pour {path} : libérez-en. Rien n'a été enregistré."
        case JournalBroken() if error.seq:
            place = f"à la ligne {error.epoch}/{error.seq}"
            return f"{path} est abîmé ou modifié {place} : gardez le fichier tel quel et appelez le centre."
        case JournalBroken():
            return f"{path} est abîmé : gardez le fichier tel quel et appelez le centre."
    return f"{path} ne peut pas être utilisé : vérifiez le disque et les droits du dossier ({error})."


def _of_enrolment(error: EdgeConfigError) -> str:
    match error:
        case NotEnrolled():
            return (
                "Cette caisse n'est pas inscrite. Faites « comptoir enrol request --out FICHIER », portez le fichier "
                "au centre, puis faites « comptoir enrol accept FICHIER »."
            )
        case AlreadyEnrolled():
            return "Cette caisse est déjà inscrite. Une nouvelle caisse demande un autre dossier (data_dir)."
        case EnrolmentMissing(path=path):
            return f"{path} est introuvable : vérifiez le nom du fichier."
        case EnrolmentUnreadable(path=path):
            return f"{path} n'est pas un fichier d'inscription lisible : redemandez-le au centre."
        case JournalKeyUnreadable():
            return "La clé du journal (journal.key) est illisible : remettez le fichier d'origine."
    return f"L'inscription ne peut pas servir : demandez-en une nouvelle au centre ({error})."


def _of_set_up(error: BaseException, settings: BoxSettings | None) -> str:
    match error:
        case ApiAddressTaken() if settings is not None:
            address = f"{settings.api.host}:{settings.api.port}"
            return f"L'adresse {address} est prise : arrêtez l'autre programme, ou changez api.port dans les réglages."
        case ConfigurationRefused():
            return f"La configuration donnée par le centre est inutilisable : redemandez-la au centre ({error})."
        case EnrolmentUnusable():
            return "L'inscription ne nomme aucune clé du centre utilisable : demandez-en une nouvelle au centre."
        case DriverError():
            return error.french or "Un appareil ne répond pas : vérifiez câble, interrupteur et réglages."
    return str(error)


def _of_system(error: OSError, language: str) -> str:
    reason = explain_system(error, language)
    if error.filename is None:
        return choose(language, f"Le système refuse : {reason}.", f"The system refused: {reason}.")
    return choose(language, f"{error.filename} : {reason}.", f"{error.filename}: {reason}.")
