"""From a recorded event to paper: what is printed, in French first.

A ticket holds all that its paper says, fixed when the job is made: a later configuration doesn't change it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from drivers.escpos.compose import (
    PAPER_58_MM,
    PAPER_80_MM,
    Align,
    Columns,
    Cut,
    Element,
    Feed,
    Line,
    Paper,
    QrCode,
    Receipt,
    Rule,
)
from drivers.escpos.shell import ConfirmBy
from edge_config.settings import PrinterSettings
from programme.canonical import Instant, canonical_bytes, from_bytes
from programme.cloudevents import decode_event
from programme.events import DayClosed, Earned, Event, Operation, ProgrammeTotals, Redeemed, Sold, Voided
from programme.money import CURRENCIES, format_amount

RECEIPT_JOB = "receipt"
"""The kind of these jobs in the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeName:
    """How a programme is called, and counts."""

    fr: str
    en: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One piece of paper to print.

    Attributes:
        event: What it tells of, as canonical JSON.
        programmes: By id, those that the event names.
        code: The voucher's signed token, where the paper is the voucher.
        expires_at: The voucher's last instant.
        duplicate: It was printed before, or may have been.
    """

    event: str
    shop_name: str
    time_zone: str
    programmes: dict[str, ProgrammeName]
    code: str | None = None
    expires_at: Instant | None = None
    duplicate: bool = False


def paper_of(printer: PrinterSettings) -> Paper:
    """The paper that a printer was set up with."""
    paper = PAPER_58_MM if printer.paper_mm == 58 else PAPER_80_MM
    return paper if printer.columns is None else replace(paper, columns=printer.columns)


def confirm_by_of(printer: PrinterSettings) -> ConfirmBy:
    """How it tells that it has printed."""
    return ConfirmBy[printer.confirm_by.name]


def encode_ticket(ticket: Ticket) -> bytes:
    """The ticket as a job's payload."""
    return canonical_bytes(ticket)


def decode_ticket(payload: bytes) -> Ticket:
    """Read a job's payload back.

    Raises:
        NotUnderstood: Made by another version.
    """
    return from_bytes(payload, Ticket)


def lay_out(ticket: Ticket) -> Receipt:
    """The ticket as a receipt.

    Raises:
        NotUnderstood: Of an event that isn't printed, or made by another version.
    """
    event = decode_event(ticket.event)
    elements: list[Element] = [Line(text=ticket.shop_name, bold=True, align=Align.CENTRE), Rule()]
    if ticket.duplicate:
        elements.append(Line(text="DUPLICATA", bold=True, align=Align.CENTRE, double=True))
    training = isinstance(event.data, Earned | Redeemed | Sold | Voided) and event.data.counter.training
    if training:
        elements.append(_training())
    match event.data:
        case Sold() as sold:
            elements += _voucher(ticket, sold)
        case Earned() | Redeemed() | Voided() as operation:
            elements += _operation(ticket, operation)
        case DayClosed() as closed:
            elements += _closure(ticket, closed)
    if training:
        elements.append(_training())
    elements += [Rule(), *_footer(ticket, event), Cut()]
    return Receipt(elements=tuple(elements))


def sample_receipt(shop_name: str, at: datetime, zone: ZoneInfo) -> Receipt:
    """A piece of paper that shows whether a printer is well: accents, euro, alignment, a code, the blade."""
    return Receipt(
        elements=(
            Line(text=shop_name or "Comptoir", bold=True, align=Align.CENTRE),
            Line(text="Essai d'impression / Print test", align=Align.CENTRE),
            Rule(),
            Columns(left="Accents : éèêàçôùœ É", right=format_amount(123_456)),
            QrCode(payload="COMPTOIR PRINT TEST"),
            Line(text=_local(at, zone), align=Align.CENTRE),
            Cut(),
        )
    )


def pin_slip(shop_name: str, pin: str, url: str) -> Receipt:
    """What lets one more screen in; worth nothing some minutes later."""
    return Receipt(
        elements=(
            Line(text=shop_name or "Comptoir", bold=True, align=Align.CENTRE),
            Line(text="Relier un écran / Pair a screen", align=Align.CENTRE),
            Rule(),
            Line(text=url, align=Align.CENTRE),
            Line(text=pin, bold=True, align=Align.CENTRE, double=True),
            Rule(),
            Line(text="Valable 5 minutes, pour un seul écran.", align=Align.CENTRE),
            Line(text="Valid for 5 minutes, for one screen.", align=Align.CENTRE),
            Cut(),
        )
    )


def _training() -> Line:
    return Line(text="ENTRAÎNEMENT - SANS VALEUR", bold=True, align=Align.CENTRE)


def _voucher(ticket: Ticket, sold: Sold) -> Iterable[Element]:
    name = ticket.programmes[sold.programme]
    yield Line(text=name.fr, bold=True, align=Align.CENTRE)
    yield Line(text=name.en, align=Align.CENTRE)
    yield Feed()
    yield Line(text=_amount(sold.amount_minor, sold.currency), bold=True, align=Align.CENTRE, double=True)
    if ticket.code is not None:
        yield QrCode(payload=ticket.code)
    if ticket.expires_at is not None:
        last_day = ticket.expires_at.astimezone(ZoneInfo(ticket.time_zone)).strftime("%d/%m/%Y")
        yield Columns(left="Valable jusqu'au / Valid until", right=last_day, bold=True)
    yield Line(text="À utiliser en une fois. Vaut de l'argent : ne pas photographier.")
    yield Line(text="To be used once. Worth money: don't let it be photographed.")


def _operation(ticket: Ticket, operation: Operation) -> Iterable[Element]:
    name = ticket.programmes[operation.programme]
    yield Line(text=name.fr, bold=True)
    match operation:
        case Earned():
            yield Columns(left="Panier / Basket", right=_amount(operation.basket_minor, operation.currency))
            yield Columns(left="Gagné / Earned", right=_amount(operation.amount_minor, operation.currency), bold=True)
        case Redeemed():
            yield Columns(left="Utilisé / Spent", right=_amount(operation.amount_minor, operation.currency), bold=True)
        case Voided():
            yield Columns(left="Annulé / Voided", right=_amount(operation.amount_minor, operation.currency), bold=True)
    # Enough for the holder to tell two cards apart, and no more than what is on the wire.
    yield Columns(left="Référence / Reference", right=operation.instrument[-8:])


def _closure(ticket: Ticket, closed: DayClosed) -> Iterable[Element]:
    yield Line(text="Clôture de journée / Day closure", bold=True, align=Align.CENTRE)
    yield Columns(left="Journée / Day", right=closed.business_day.strftime("%d/%m/%Y"))
    for title, totals in (("Totaux du jour", closed.totals), ("Totaux perpétuels", closed.perpetual)):
        yield Rule()
        yield Line(text=title, bold=True)
        for programme, sums in sorted(totals.items()):
            yield from _sums(ticket, programme, sums)


def _sums(ticket: Ticket, programme: str, sums: ProgrammeTotals) -> Iterable[Element]:
    name = ticket.programmes.get(programme) or ProgrammeName(fr=programme, en=programme, currency="EUR")
    yield Line(text=name.fr)
    for label, amount_minor in (
        ("Gagné / Earned", sums.earned_minor),
        ("Utilisé / Spent", sums.redeemed_minor),
        ("Vendu / Sold", sums.sold_minor),
        ("Annulé / Voided", sums.voided_minor),
    ):
        yield Columns(left=f"  {label}", right=_amount(amount_minor, name.currency))
    yield Columns(left="  Opérations / Operations", right=str(sums.count))


def _footer(ticket: Ticket, event: Event) -> Iterable[Element]:
    yield Line(text=_local(event.ordered_at, ZoneInfo(ticket.time_zone)), align=Align.CENTRE)
    yield Line(text=str(event.event_id), align=Align.CENTRE)


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%d/%m/%Y %H:%M")


def _amount(amount_minor: int, currency: str) -> str:
    return format_amount(amount_minor, CURRENCIES[currency])
