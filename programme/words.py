"""Refusals in the shopkeeper's words, French and English, with the detail that settles a discussion at the counter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

from programme import refusals
from programme.money import EUR, Currency, format_amount
from programme.refusals import Refusal

_MONTHS = {
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "en": "January February March April May June July August September October November December",
}


def when(at: datetime, *, language: str, zone: tzinfo) -> str:
    """A date and time as people say it: "3 mai à 10:12"."""
    local = at.astimezone(zone)
    time = f"{local.hour:02}:{local.minute:02}"
    month = _MONTHS[language].split()[local.month - 1]
    if language == "fr":
        return f"{'1er' if local.day == 1 else local.day} {month} à {time}"
    return f"{local.day} {month} at {time}"


def explain(refusal: Refusal, *, language: str, zone: tzinfo, currency: Currency = EUR) -> str:
    """One sentence that says why not and, where something helps, what to do.

    Args:
        language: "fr" or "en".
        zone: The shop's time zone.
    """
    fields: dict[str, Any] = {}
    for name in type(refusal).__slots__:
        value = getattr(refusal, name)
        if name.endswith("_minor"):
            value = format_amount(value, currency, language=language)
        elif isinstance(value, datetime):
            value = when(value, language=language, zone=zone)
        fields[name] = value
    said = _SPECIAL.get(type(refusal))
    if said is not None:
        return said(refusal, fields, language)
    french, english = _SENTENCES[type(refusal)]
    return (french if language == "fr" else english).format(**fields)


def _already_redeemed(refusal: Refusal, fields: dict[str, Any], language: str) -> str:
    assert isinstance(refusal, refusals.AlreadyRedeemed)
    french = language == "fr"
    sentence = "Déjà utilisé" if french else "Already used"
    if fields["at"]:
        sentence += f" le {fields['at']}" if french else f" on {fields['at']}"
    if refusal.shop:
        sentence += f", {refusal.shop}"
    elif fields["at"]:
        sentence += ", ici même" if french else ", at this counter"
    return sentence + "."


def _insufficient(refusal: Refusal, fields: dict[str, Any], language: str) -> str:
    assert isinstance(refusal, refusals.InsufficientBalance)
    french = language == "fr"
    sentence = (
        f"Solde insuffisant : {fields['available_minor']} disponibles."
        if french
        else f"Not enough on the card: {fields['available_minor']} available."
    )
    if refusal.pending_minor:
        sentence += (
            f" {fields['pending_minor']} gagnés ici seront utilisables dès que le centre les aura enregistrés."
            if french
            else f" {fields['pending_minor']} earned here can be spent once the centre has booked them."
        )
    return sentence


_SPECIAL: dict[type[Refusal], Callable[[Refusal, dict[str, Any], str], str]] = {
    refusals.AlreadyRedeemed: _already_redeemed,
    refusals.InsufficientBalance: _insufficient,
}

_SENTENCES: dict[type[Refusal], tuple[str, str]] = {
    refusals.UnknownInstrument: (
        "Code inconnu du programme. Scannez à nouveau ; sinon, refusez-le.",
        "The programme doesn't know this code. Scan it again; otherwise refuse it.",
    ),
    refusals.NotActivated: (
        "Pas encore activé : ce chèque n'a pas été vendu, ou sa vente n'est pas encore arrivée ici.",
        "Not activated yet: this voucher wasn't sold, or its sale hasn't reached this box.",
    ),
    refusals.Cancelled: ("Annulé : la vente de ce chèque a été annulée.", "Cancelled: this voucher's sale was voided."),
    refusals.Expired: ("Expiré depuis le {at}.", "Expired on {at}."),
    refusals.AboveFloorLimit: (
        "Sans connexion, une carte peut dépenser {limit_minor} au plus.",
        "Without a connection a card may spend {limit_minor} at most.",
    ),
    refusals.SpentOffline: (
        "Cette carte a déjà servi ici sans connexion : à nouveau possible dès que la connexion sera revenue.",
        "This card was already used here without a connection: possible again once the connection is back.",
    ),
    refusals.CeilingReached: (
        "Plafond sans connexion atteint : il reste {remaining_minor}. Rétablissez la connexion.",
        "The limit without a connection is reached: {remaining_minor} left. Restore the connection.",
    ),
    refusals.NoGrant: (
        "Impossible sans connexion : cette caisse n'a pas, ou plus, d'autorisation. Rétablissez la connexion.",
        "Not possible without a connection: this box has no right to decide alone. Restore the connection.",
    ),
    refusals.ReservedElsewhere: (
        "En cours d'utilisation à un autre comptoir. Réessayez dans un instant.",
        "Being used at another counter. Try again in a moment.",
    ),
    refusals.NothingConsigned: (
        "Plus de chèque de {face_minor} à vendre ici. Demandez-en au centre.",
        "No voucher of {face_minor} left to sell here. Ask the centre for more.",
    ),
    refusals.NothingEarned: ("Panier trop petit pour gagner un centime.", "The basket is too small to earn a cent."),
    refusals.BasketTooLarge: (
        "Montant trop grand : {limit_minor} au plus. Vérifiez la saisie.",
        "Amount too large: {limit_minor} at most. Check what you typed.",
    ),
    refusals.WrongOperation: (
        "Cette opération n'existe pas pour ce programme.",
        "This programme has no such operation.",
    ),
    refusals.UnknownOperation: (
        "Opération introuvable aujourd'hui à ce comptoir.",
        "No such operation today at this counter.",
    ),
    refusals.AlreadyVoided: ("Déjà annulée.", "Already voided."),
    refusals.TooLateToVoid: (
        "Trop tard pour annuler : la journée est close. Faites un remboursement.",
        "Too late to void: its business day is over. Make a refund.",
    ),
    refusals.NotInTraining: (
        "Pas pendant l'entraînement : une vente ou une annulation est toujours réelle. Terminez-le d'abord.",
        "Not in training: a sale or a void is always real. End training first.",
    ),
    refusals.NeedsConnection: (
        "Impossible sans connexion : le centre doit donner son accord.",
        "Not possible without a connection: the centre has to agree.",
    ),
    refusals.Abandoned: ("Demande abandonnée. Recommencez.", "The request was given up. Start again."),
    refusals.ContentChanged: (
        "Demande déjà faite avec un autre contenu. Recommencez.",
        "This request was made before with other content. Start again.",
    ),
}
