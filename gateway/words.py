"""What the counter says, in French and English; refusals of operations are in `programme.words`."""

from __future__ import annotations

from enum import Enum


class Problem(Enum):
    """Why the counter couldn't do what was asked."""

    UNKNOWN_CODE = "unknown-code"
    DAMAGED_CODE = "damaged-code"
    FORGED_CODE = "forged-code"
    FOREIGN_CODE = "foreign-code"
    GARBLED_SCAN = "garbled-scan"
    BAD_AMOUNT = "bad-amount"
    AMOUNT_MISSING = "amount-missing"
    AMOUNT_NOT_WANTED = "amount-not-wanted"
    UNKNOWN_PROGRAMME = "unknown-programme"
    NOTHING_PRESENTED = "nothing-presented"
    COUNTER_CHANGED = "counter-changed"
    MODE_CHANGED = "mode-changed"
    NOTHING_TO_VOID = "nothing-to-void"
    NOTHING_TO_PRINT = "nothing-to-print"
    SALE_VOIDED = "sale-voided"
    NOTHING_TO_CLOSE = "nothing-to-close"
    NO_PRINTER = "no-printer"
    UNKNOWN_JOB = "unknown-job"
    KEY_REUSED = "key-reused"
    NOT_PAIRED = "not-paired"
    WRONG_PIN = "wrong-pin"
    TOO_MANY_PINS = "too-many-pins"
    LOOPBACK_ONLY = "loopback-only"
    CAMERA_AWAY = "camera-away"
    TOO_MANY_WATCHERS = "too-many-watchers"
    TOO_MANY_SCREENS = "too-many-screens"
    TRAINING_UNCHANGED = "training-unchanged"
    DISK_FULL = "disk-full"
    JOURNAL_FAULT = "journal-fault"
    JOURNAL_UNREADABLE = "journal-unreadable"


_SENTENCES: dict[Problem, tuple[str, str]] = {
    Problem.UNKNOWN_CODE: (
        "Code inconnu : ce n'est ni une carte ni un chèque d'un programme accepté ici.",
        "Unknown code: neither a card nor a voucher of a programme taken here.",
    ),
    Problem.DAMAGED_CODE: (
        "Code incomplet ou abîmé. Scannez à nouveau ; sinon, refusez-le.",
        "Incomplete or damaged code. Scan it again; otherwise refuse it.",
    ),
    Problem.FORGED_CODE: (
        "Code falsifié : sa signature est fausse. Refusez-le.",
        "Forged code: its signature is wrong. Refuse it.",
    ),
    Problem.FOREIGN_CODE: (
        "Code authentique, mais d'un programme que ce commerce n'accepte pas.",
        "Genuine code, but of a programme that this shop doesn't take.",
    ),
    Problem.GARBLED_SCAN: (
        "Lecture illisible du lecteur {device}. Scannez à nouveau.",
        "Unreadable scan from {device}. Scan again.",
    ),
    Problem.BAD_AMOUNT: (
        "Montant incorrect : « {amount} ». Tapez par exemple 23,50 (plus de 0, au plus 1 000 000 €).",
        "Not an amount: “{amount}”. Type for example 23.50 (more than 0, at most €1,000,000).",
    ),
    Problem.AMOUNT_MISSING: ("Indiquez le montant, par exemple 23,50.", "Say the amount, for example 23.50."),
    Problem.AMOUNT_NOT_WANTED: (
        "Un chèque s'utilise en une fois, pour sa valeur entière : {face}.",
        "A voucher is used once, for its whole value: {face}.",
    ),
    Problem.UNKNOWN_PROGRAMME: (
        "Programme inconnu ici : « {programme} ».",
        "No such programme here: “{programme}”.",
    ),
    Problem.NOTHING_PRESENTED: (
        "Aucune carte ni chèque présenté. Scannez d'abord le code.",
        "No card or voucher presented. Scan the code first.",
    ),
    Problem.COUNTER_CHANGED: (
        "Le comptoir a changé entre-temps : regardez ce qui y est, puis confirmez.",
        "The counter changed meanwhile: look at what lies there, then confirm.",
    ),
    Problem.MODE_CHANGED: (
        "L'entraînement a commencé ou pris fin entre-temps : regardez l'écran, puis recommencez.",
        "Training began or ended meanwhile: look at the screen, then start again.",
    ),
    Problem.NOTHING_TO_VOID: ("Aucune opération à annuler aujourd'hui.", "No operation to void today."),
    Problem.NOTHING_TO_PRINT: (
        "Rien à imprimer : opération introuvable à ce comptoir.",
        "Nothing to print: no such operation at this counter.",
    ),
    Problem.SALE_VOIDED: (
        "Cette vente est annulée : son chèque ne s'imprime plus.",
        "This sale was voided: its voucher is not printed any more.",
    ),
    Problem.NOTHING_TO_CLOSE: (
        "Rien à clôturer : aucune opération depuis la dernière clôture.",
        "Nothing to close: no operation since the last closure.",
    ),
    Problem.NO_PRINTER: (
        "Aucune imprimante n'est réglée sur cette caisse.",
        "No printer is set up on this box.",
    ),
    Problem.UNKNOWN_JOB: (
        "Aucune impression incertaine de ce numéro.",
        "No uncertain print of this number.",
    ),
    Problem.KEY_REUSED: (
        "Cet identifiant a déjà servi pour une autre opération. Recommencez.",
        "This key was used for another operation. Start again.",
    ),
    Problem.NOT_PAIRED: (
        "Cet écran n'est pas relié à la caisse. Sur un écran déjà relié : « Ajouter un écran ».",
        "This screen isn't paired with the till box. On a screen that is: “Add a screen”.",
    ),
    Problem.WRONG_PIN: (
        "Ce code n'est pas le bon, ou il n'est plus valable. Demandez-en un autre sur l'écran de la caisse.",
        "Not the right PIN, or not valid any more. Ask for another one on the till box's screen.",
    ),
    Problem.TOO_MANY_PINS: (
        "Trop d'essais. Demandez un autre code sur l'écran de la caisse.",
        "Too many tries. Ask for another PIN on the till box's screen.",
    ),
    Problem.LOOPBACK_ONLY: (
        "Cette caisse n'est pas ouverte au réseau du commerce. L'installateur peut l'ouvrir : appelez-le.",
        "This till box isn't open to the shop's network. The installer can open it: call them.",
    ),
    Problem.CAMERA_AWAY: (
        "Cette caméra n'est pas là : vérifiez son câble et son nom.",
        "This camera isn't there: check its cable and its name.",
    ),
    Problem.TOO_MANY_WATCHERS: (
        "Trop d'écrans regardent par les caméras : fermez-en un.",
        "Too many screens look through the cameras: close one.",
    ),
    Problem.TOO_MANY_SCREENS: (
        "Trop d'écrans ou de logiciels écoutent cette caisse : fermez-en un.",
        "Too many screens or programs listen to this till box: close one.",
    ),
    Problem.TRAINING_UNCHANGED: (
        "Le disque n'a pas pu noter l'entraînement : rien n'a changé. Vérifiez le disque, puis recommencez.",
        "The disk couldn't note the training: nothing has changed. Check the disk, then start again.",
    ),
    Problem.DISK_FULL: (
        "Disque plein : l'opération n'a pas été enregistrée. Libérez de la place, puis recommencez.",
        "Disk full: the operation was not recorded. Free some space, then start again.",
    ),
    Problem.JOURNAL_FAULT: (
        "Le journal n'a pas pu écrire : l'opération n'a pas été enregistrée. Recommencez ; sinon, appelez le centre.",
        "The journal couldn't write: the operation was not recorded. Start again; otherwise call the centre.",
    ),
    Problem.JOURNAL_UNREADABLE: (
        "Le journal n'a pas pu être lu. Redémarrez la caisse, puis regardez si l'opération est dans la liste.",
        "The journal couldn't be read. Restart the till box, then look whether the operation is in the list.",
    ),
}


def words_for(problem: Problem, language: str, **details: str) -> str:
    """The sentence, with what to do."""
    french, english = _SENTENCES[problem]
    return (french if language == "fr" else english).format(**details)


def choose(language: str, french: str, english: str) -> str:
    """One of two sentences."""
    return french if language == "fr" else english
