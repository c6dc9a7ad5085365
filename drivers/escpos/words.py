"""Printer states in plain words, each with what to do."""

from dataclasses import dataclass
from enum import Enum

from drivers.escpos.status import PrinterStatus


class Condition(Enum):
    """What a shopkeeper may have to know about a printer, the most pressing first."""

    GONE = "gone"
    SILENT = "silent"
    COVER_OPEN = "cover open"
    PAPER_OUT = "paper out"
    CUTTER_BLOCKED = "cutter blocked"
    BROKEN = "broken"
    JAMMED = "jammed"
    OVERHEATED = "overheated"
    OFFLINE = "offline"
    PAPER_NEAR_END = "paper near end"
    READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One message in the languages of the counter."""

    fr: str
    en: str


def conditions_of(status: PrinterStatus) -> tuple[Condition, ...]:
    """All that is worth saying about a status, the most pressing first; never empty."""
    found = [
        condition
        for condition, holds in (
            (Condition.COVER_OPEN, status.cover_open),
            (Condition.PAPER_OUT, status.paper_out),
            (Condition.CUTTER_BLOCKED, status.cutter_error),
            (Condition.BROKEN, status.unrecoverable_error),
            (Condition.JAMMED, status.recoverable_error),
            (Condition.OVERHEATED, status.overheated),
        )
        if holds
    ]
    if not found and not status.online:
        found.append(Condition.OFFLINE)
    if status.paper_near_end and not status.paper_out:
        found.append(Condition.PAPER_NEAR_END)
    return tuple(found) or (Condition.READY,)


def words_for(condition: Condition) -> Words:
    """The message to show."""
    match condition:
        case Condition.GONE:
            return Words(
                fr="Imprimante débranchée ou éteinte : vérifiez le câble et l'interrupteur.",
                en="Printer unplugged or off: check the cable and the switch.",
            )
        case Condition.SILENT:
            return Words(
                fr="L'imprimante ne répond pas : éteignez-la, attendez cinq secondes, rallumez-la.",
                en="The printer does not answer: switch it off, wait five seconds, switch it on again.",
            )
        case Condition.COVER_OPEN:
            return Words(
                fr="Capot ouvert : refermez le capot de l'imprimante.", en="Cover open: close the printer's cover."
            )
        case Condition.PAPER_OUT:
            return Words(
                fr="Plus de papier : ouvrez le capot, posez un rouleau, refermez.",
                en="Out of paper: open the cover, put in a roll, close it.",
            )
        case Condition.CUTTER_BLOCKED:
            return Words(
                fr="Massicot bloqué : éteignez l'imprimante, ouvrez le capot, retirez le papier coincé, rallumez.",
                en="Cutter blocked: switch the printer off, open the cover, take out the stuck paper, switch it on.",
            )
        case _:
            return _words_for_the_rest(condition)


def _words_for_the_rest(condition: Condition) -> Words:
    match condition:
        case Condition.BROKEN:
            return Words(
                fr="Panne de l'imprimante : éteignez-la et rallumez-la ; si elle revient, appelez le dépannage.",
                en="Printer fault: switch it off and on; if it comes again, call for repair.",
            )
        case Condition.JAMMED:
            return Words(
                fr="Papier coincé : ouvrez le capot, retirez le papier coincé, refermez.",
                en="Paper jam: open the cover, take out the stuck paper, close it.",
            )
        case Condition.OVERHEATED:
            return Words(
                fr="Tête d'impression trop chaude : attendez quelques minutes, l'impression reprendra seule.",
                en="Print head too hot: wait some minutes, printing goes on by itself.",
            )
        case Condition.OFFLINE:
            return Words(
                fr="Imprimante hors ligne : appuyez sur son bouton de pause (en ligne), ou rallumez-la.",
                en="Printer offline: press its online button, or switch it off and on.",
            )
        case Condition.PAPER_NEAR_END:
            return Words(
                fr="Bientôt plus de papier : préparez un rouleau.", en="Paper is running low: have a roll ready."
            )
        case _:
            return Words(fr="Imprimante prête.", en="Printer ready.")
