"""What the local API says, as JSON objects: figures for programs, and a sentence for people."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from drivers.supervise import DeviceState
from gateway.devices import DeviceBoard
from gateway.errors import CounterError
from gateway.lookup import Stage, Tracked
from gateway.outcomes import Outcome
from gateway.presenting import Placed, Presented
from gateway.words import choose
from programme.events import OPERATIONS, DayClosed, Earned, Event, ProgrammeTotals, Redeemed, Sold, Voided
from programme.money import CURRENCIES, format_amount
from programme.refusals import refusal_to_json
from programme.words import explain
from sync.journal import Job, JobState

JSON = dict[str, Any]


class Views:
    """Makes views in one language, for one time zone."""

    def __init__(self, *, language: str) -> None:
        self.language = language

    def choose(self, french: str, english: str) -> str:
        """One of two sentences."""
        return choose(self.language, french, english)

    def amount(self, amount_minor: int, currency: str = "EUR") -> str:
        """An amount for people."""
        return format_amount(amount_minor, CURRENCIES[currency], language=self.language)

    def outcome(self, outcome: Outcome, *, stage: Stage, zone: tzinfo) -> JSON:
        """How an operation ended."""
        view: JSON = {"event_id": str(outcome.event_id), "repeated": outcome.repeated}
        if outcome.event is not None:
            return view | {"accepted": True, **self.event(outcome.event), "stage": stage.value}
        assert outcome.refusal is not None
        currency = CURRENCIES[outcome.currency_code]
        message = explain(outcome.refusal, language=self.language, zone=zone, currency=currency)
        return view | {"accepted": False, "message": message, "refusal": refusal_to_json(outcome.refusal)}

    def tracked(self, tracked: Tracked) -> JSON:
        """An operation and how far it is."""
        return {"event_id": str(tracked.event.event_id), **self.event(tracked.event), "stage": tracked.stage.value}

    def event(self, event: Event) -> JSON:
        """A recorded event."""
        view: JSON = {
            "type": event.type,
            "ordered_at": event.ordered_at.isoformat(),
            "message": self.sentence(event),
        }
        data = event.data
        if isinstance(data, OPERATIONS):
            view |= {
                "programme": data.programme,
                "instrument": data.instrument,
                "currency": data.currency,
                "amount_minor": data.amount_minor,
                "training": data.counter.training,
                "stand_in": isinstance(data, Redeemed) and data.evidence.grant is not None,
            }
        if isinstance(data, Earned):
            view["basket_minor"] = data.basket_minor
        return view

    def sentence(self, event: Event) -> str:
        """What happened, for people."""
        match event.data:
            case Earned() as earned:
                amount = self.amount(earned.amount_minor, earned.currency)
                said = self.choose(f"{amount} gagnés.", f"{amount} earned.")
            case Redeemed() as redeemed:
                amount = self.amount(redeemed.amount_minor, redeemed.currency)
                said = self.choose(f"{amount} encaissés.", f"{amount} accepted.")
            case Sold() as sold:
                amount = self.amount(sold.amount_minor, sold.currency)
                said = self.choose(f"Chèque de {amount} vendu.", f"Voucher of {amount} sold.")
            case Voided() as voided:
                amount = self.amount(voided.amount_minor, voided.currency)
                said = self.choose(f"Opération de {amount} annulée.", f"Operation of {amount} voided.")
            case DayClosed() as closed:
                said = self.choose(
                    f"Journée du {closed.business_day:%d/%m/%Y} close.", f"Day {closed.business_day} closed."
                )
            case _:
                said = event.type
        if isinstance(event.data, OPERATIONS) and event.data.counter.training:
            said += self.choose(" ENTRAÎNEMENT : sans valeur.", " TRAINING: moves no money.")
        return said

    def problem(self, placed: Placed, error: CounterError) -> JSON:
        """A read that can't be used."""
        return {
            **_place(placed),
            "understood": False,
            "problem": error.problem.value,
            "message": error.say(self.language),
        }

    def presented(self, presented: Presented, *, zone: tzinfo) -> JSON:
        """A card or voucher on the counter."""
        currency = presented.rules.currency
        refusal = presented.refusal
        why_not = (
            explain(refusal, language=self.language, zone=zone, currency=currency) if refusal is not None else None
        )
        return {
            **_place(presented.placed),
            "understood": True,
            "programme": presented.rules.id,
            "programme_name": presented.rules.name(self.language),
            "instrument": presented.code.instrument,
            "kind": "voucher" if presented.rules.voucher is not None else "card",
            "trust": presented.code.trust.value,
            "currency": currency.code,
            "face_minor": presented.face_minor,
            "spendable_minor": presented.spendable_minor,
            "pending_minor": presented.pending_minor,
            "expires_at": presented.expires_at.isoformat() if presented.expires_at is not None else None,
            "actions": [action.value for action in presented.actions],
            "refusal": refusal_to_json(refusal) if refusal is not None else None,
            "replica_version": presented.replica_version,
            "message": self._presented_sentence(presented, why_not),
        }

    def _presented_sentence(self, presented: Presented, why_not: str | None) -> str:
        name = presented.rules.name(self.language)
        if presented.spendable_minor is not None:
            balance = self.amount(presented.spendable_minor, presented.rules.currency_code)
            said = self.choose(f"{name} : {balance} disponibles.", f"{name}: {balance} available.")
            if presented.pending_minor:
                pending = self.amount(presented.pending_minor, presented.rules.currency_code)
                said += self.choose(
                    f" {pending} gagnés ici, pas encore enregistrés au centre.",
                    f" {pending} earned here, not booked by the centre yet.",
                )
        elif presented.face_minor is not None:
            face = self.amount(presented.face_minor, presented.rules.currency_code)
            said = self.choose(f"{name} de {face}.", f"{name} of {face}.")
        else:
            said = f"{name}."
        return f"{said} {why_not}" if why_not else said

    def devices(self, board: DeviceBoard) -> list[JSON]:
        """How every device stands."""
        states = {
            DeviceState.OPENING: self.choose("Connexion…", "Connecting…"),
            DeviceState.READY: self.choose("Prêt.", "Ready."),
            DeviceState.GONE: self.choose(
                "Absent : vérifiez le câble et l'interrupteur. Reprend tout seul.",
                "Gone: check the cable and the switch. It comes back by itself.",
            ),
        }
        return [
            {
                "name": name,
                "state": report.state.value,
                "message": board.hints.get(name) or states[report.state],
                "detail": report.message,
            }
            for name, report in sorted(board.reports.items())
        ]

    def waiting(self, count: int) -> str:
        """How much central hasn't booked yet."""
        if count == 1:
            return self.choose("1 événement à envoyer.", "1 event to send.")
        return self.choose(f"{count} événements à envoyer.", f"{count} events to send.")

    def totals(self, totals: ProgrammeTotals) -> list[tuple[str, int]]:
        """A day's sums, each with its label."""
        return [
            (self.choose("Gagné par les clients", "Earned by customers"), totals.earned_minor),
            (self.choose("Encaissé", "Redeemed"), totals.redeemed_minor),
            (self.choose("Chèques vendus", "Vouchers sold"), totals.sold_minor),
            (self.choose("Annulé", "Voided"), totals.voided_minor),
        ]

    def print_state(self, job: Job) -> str:
        """How far a print is, and what to do."""
        match job.state:
            case JobState.UNCERTAIN:
                said = self.choose("Le ticket est-il sorti ?", "Did the receipt come out?")
            case JobState.SENDING:
                return self.choose("Impression en cours…", "Printing…")
            case JobState.QUEUED:
                said = self.choose("L'impression attend l'imprimante.", "The print waits for the printer.")
            case _:
                return job.detail
        return f"{said} {job.detail}".strip()

    def job(self, job: Job) -> JSON:
        """How far a print is."""
        return {
            "job": job.job_id,
            "event_id": str(job.event_id),
            "state": job.state.value,
            "detail": job.detail,
        }


def _place(placed: Placed) -> JSON:
    return {
        "number": placed.number,
        "key": str(placed.key),
        "device": placed.device,
        "read_at": placed.read_at.isoformat(),
    }
