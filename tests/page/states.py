"""Screen states as a box pushes them, one for each thing that a shopkeeper may see."""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]

SALE = "01930000-0000-7000-8000-000000000001"
EARN = "01930000-0000-7000-8000-000000000002"


def operation(event_id: str, kind: str, amount: str, message: str, **more: object) -> JSON:
    """One of the last operations."""
    return {
        "event_id": event_id,
        "kind": kind,
        "time": "10:12",
        "day": "2026-11-24",
        "message": message,
        "amount": amount,
        "programme_name": "Chèque cadeau d'Albret" if kind == "sell" else "Carte d'Albret",
        "stage": "booked",
        "training": False,
        "voided": False,
        "can_void": True,
        "can_print": True,
        **more,
    }


def ready(**more: object) -> JSON:
    """Nothing on the counter."""
    return {
        "revision": 1,
        "boot": "boot-1",
        "page": "page-1",
        "language": "fr",
        "shop": {"name": "Librairie des Halles", "till": "caisse-1", "device": "box-a"},
        "training": False,
        "business_day": "2026-11-24",
        "connection": {"up": True, "message": "Relié au centre."},
        "queue": {"unbooked_rows": 0, "message": ""},
        "devices": [
            {"name": "douchette", "kind": "scanner", "ready": True, "message": "Prêt."},
            {"name": "plafond", "kind": "camera", "ready": True, "message": "Prêt."},
            {"name": "tickets", "kind": "printer", "ready": True, "message": "Prêt."},
        ],
        "presented": [],
        "result": None,
        "operations": [
            operation(EARN, "earn", "1,18\u00a0€", "1,18\u00a0€ gagnés.", stage="sent"),
            operation(SALE, "sell", "20,00\u00a0€", "Chèque de 20,00\u00a0€ vendu."),
            operation(
                "01930000-0000-7000-8000-000000000003",
                "redeem",
                "20,00\u00a0€",
                "20,00\u00a0€ encaissés.",
                voided=True,
                can_void=False,
            ),
        ],
        "programmes": [
            {"id": "albret-card", "name": "Carte d'Albret", "kind": "card", "currency": "EUR", "consigned": {}},
            {
                "id": "albret-voucher",
                "name": "Chèque cadeau d'Albret",
                "kind": "voucher",
                "currency": "EUR",
                "consigned": {"1000": 4, "2000": 3, "5000": 1},
            },
        ],
        "totals": {
            "business_day": "2026-11-24",
            "count": 12,
            "rows": [
                {"label": "Gagné", "amount": "12,00\u00a0€"},
                {"label": "Encaissé", "amount": "64,50\u00a0€"},
                {"label": "Vendu", "amount": "40,00\u00a0€"},
            ],
            "owed": {"amount": "24,50\u00a0€", "message": "D'après ce comptoir ; le relevé du centre fait foi."},
            "closable": True,
        },
        "prints": [],
        **more,
    }


def paired_screens() -> list[JSON]:
    """The tablet that the page is on, and one without a name."""
    since = {"paired_at": "2026-05-03T10:00:00+00:00", "seen_at": "2026-11-24T09:00:00+00:00"}
    return [
        {"id": "a1", "name": "192.168.1.31", **since, "here": False},
        {"id": "b2", "name": "Tablette du comptoir", **since, "here": True},
    ]


def card_read(**more: object) -> JSON:
    """A card under the scanner."""
    return {
        "number": 7,
        "key": "11111111-1111-4111-8111-111111111111",
        "device": "douchette",
        "understood": True,
        "read_at": "2026-11-24T09:12:00+00:00",
        "programme": "albret-card",
        "programme_name": "Carte d'Albret",
        "instrument": "abc",
        "kind": "card",
        "trust": "signed",
        "currency": "EUR",
        "face_minor": None,
        "face": None,
        "spendable_minor": 1240,
        "balance": "12,40\u00a0€",
        "pending_minor": 0,
        "expires_at": None,
        "actions": ["earn", "redeem"],
        "refusal": None,
        "replica_version": 3,
        "message": "Carte d'Albret : 12,40\u00a0€ disponibles.",
        **more,
    }


def voucher_read(**more: object) -> JSON:
    """A voucher under the scanner."""
    return card_read(
        **{
            "programme": "albret-voucher",
            "programme_name": "Chèque cadeau d'Albret",
            "kind": "voucher",
            "face_minor": 2000,
            "face": "20,00\u00a0€",
            "spendable_minor": None,
            "balance": None,
            "expires_at": "2027-11-24T22:59:59+00:00",
            "actions": ["redeem"],
            "message": "Chèque cadeau d'Albret de 20,00\u00a0€.",
            **more,
        }
    )


def used_voucher_read(**more: object) -> JSON:
    """A voucher that was spent before."""
    return voucher_read(
        actions=[],
        refusal={"reason": "AlreadyRedeemed"},
        message="Chèque cadeau d'Albret de 20,00\u00a0€. Déjà utilisé le 3 mai à 10:12, Librairie des Halles.",
        **more,
    )


def unclear_read(**more: object) -> JSON:
    """A code that can't be used."""
    return {
        "number": 7,
        "key": "11111111-1111-4111-8111-111111111111",
        "device": "douchette",
        "understood": False,
        "read_at": "2026-11-24T09:12:00+00:00",
        "problem": "damaged-code",
        "message": "Code incomplet ou abîmé. Scannez à nouveau ; sinon, refusez-le.",
        "balance": None,
        "face": None,
        **more,
    }


def accepted(**more: object) -> JSON:
    """An operation that ended well."""
    return {
        "number": 8,
        "accepted": True,
        "message": "1,18\u00a0€ gagnés.",
        "event_id": EARN,
        "stage": "recorded",
        "kind": "earn",
        "amount": "1,18\u00a0€",
        "training": False,
        "balance": "13,58\u00a0€",
        **more,
    }


def refused(**more: object) -> JSON:
    """An operation that was refused."""
    return accepted(
        **{
            "accepted": False,
            "message": "Solde insuffisant : 12,40\u00a0€ disponibles.",
            "event_id": None,
            "stage": None,
            "amount": None,
            "balance": None,
            "kind": "redeem",
            **more,
        }
    )


def uncertain_print() -> JSON:
    """A ticket of which nobody knows whether it came out."""
    return {"job": 3, "event_id": SALE, "state": "uncertain", "message": "Le ticket est-il sorti ?", "asks": True}


OFFLINE: JSON = {
    "connection": {"up": False, "message": "Hors ligne : continuez, tout est gardé et partira tout seul."},
    "queue": {"unbooked_rows": 3, "message": "3 opérations à envoyer."},
}
NO_PAPER = [
    {"name": "douchette", "kind": "scanner", "ready": True, "message": "Prêt."},
    {"name": "tickets", "kind": "printer", "ready": False, "message": "Plus de papier : changez le rouleau."},
]


def every_state() -> dict[str, tuple[JSON, str]]:
    """Name → (screen, view): what is looked at, by axe and by people."""
    counter = _with_something_read() | _with_a_result()
    return {name: (screen, "counter") for name, screen in counter.items()} | _in_every_view()


def _with_something_read() -> dict[str, JSON]:
    """What lies on the counter, and what is known of it."""
    pending = "Carte d'Albret : 12,40\u00a0€ disponibles. 1,18\u00a0€ gagnés ici."
    long_named = card_read(
        programme_name="Carte de fidélité des commerçants et artisans du Pays d'Albret",
        balance="1 000 000,00\u00a0€",
        spendable_minor=100_000_000,
    )
    long_shop = {
        "name": "Librairie-papeterie du Vieux Marché aux Grains et fils <b>réunis</b>",
        "till": "caisse-1",
        "device": "box-a",
    }
    return {
        "card": ready(presented=[card_read()]),
        "card-pending": ready(presented=[card_read(pending_minor=118, message=pending)]),
        "voucher": ready(presented=[voucher_read()]),
        "two-codes": ready(presented=[voucher_read(), card_read(number=6)]),
        "refused-voucher": ready(presented=[used_voucher_read()]),
        "unclear": ready(presented=[unclear_read()]),
        "offline": ready(presented=[card_read()], **OFFLINE),
        "training": ready(training=True, presented=[card_read()]),
        "english": ready(language="en", presented=[card_read(balance="€12.40")]),
        "long-words": ready(shop=long_shop, presented=[long_named]),
    }


def _with_a_result() -> dict[str, JSON]:
    """What became of an operation."""
    card = card_read()
    sold = accepted(
        kind="sell",
        amount="20,00\u00a0€",
        message="Chèque de 20,00\u00a0€ vendu.",
        event_id=SALE,
        stage="booked",
        balance=None,
    )
    closed = accepted(
        kind="close", amount=None, message="Journée du 24/11/2026 close.", event_id="c", stage="sent", balance=None
    )
    return {
        "refused-result": ready(presented=[card], result=refused()),
        "result": ready(presented=[card], result=accepted()),
        "result-sold": ready(result=sold),
        "result-closed": ready(result=closed),
        "uncertain-print": ready(prints=[uncertain_print()]),
        "training-result": ready(training=True, presented=[card], result=accepted(training=True)),
    }


def _in_every_view() -> dict[str, tuple[JSON, str]]:
    """Nothing on the counter, or another view before it."""
    nothing_sold = {"programmes": [], "operations": [], "totals": ready()["totals"] | {"closable": False}}
    return {
        "ready": (ready(), "counter"),
        "ready-no-paper": (ready(devices=NO_PAPER), "counter"),
        "sell": (ready(), "sell"),
        "sell-none": (ready(**nothing_sold), "sell"),
        "day": (ready(), "day"),
        "day-nothing": (ready(**nothing_sold), "day"),
        "box": (ready(devices=NO_PAPER, **OFFLINE), "box"),
    }
