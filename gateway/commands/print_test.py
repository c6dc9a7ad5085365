"""`comptoir print-test`: a receipt that shows whether the printer is well. The box needn't be enrolled, nor run."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from drivers.escpos.compose import compose
from drivers.escpos.outcomes import Confirmed, NotStarted, Uncertain
from drivers.escpos.shell import open_printer
from drivers.escpos.tcp import TcpLink
from drivers.escpos.words import words_for
from edge_config.settings import BoxSettings, PrinterSettings, load_box_settings
from gateway.commands.client import ApiClient, Unanswered
from gateway.errors import GatewayError, SetUpFault
from gateway.receipts import confirm_by_of, paper_of, sample_receipt
from gateway.words import choose


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Print it and say what came of it."""
    settings = load_box_settings(arguments.config, environ)
    language = settings.language.value
    if settings.printer is None:
        raise SetUpFault(choose(language, "Aucune imprimante réglée : [printer].", "No printer is set up: [printer]."))
    if _is_running(settings):
        raise GatewayError(
            choose(
                language,
                "La caisse tourne et tient l'imprimante. Imprimez par elle : comptoir counter print. "
                "Pour ce test, arrêtez-la d'abord.",
                "The box runs and holds the printer. Print through it: comptoir counter print. "
                "For this test, stop it first.",
            )
        )
    asyncio.run(_print(settings.printer, language))
    print(choose(language, "Imprimé, l'imprimante l'a confirmé.", "Printed, as the printer confirmed."))
    return 0


def _is_running(settings: BoxSettings) -> bool:
    """Whether a box answers where the data folder says; it keeps the printer's one connection for itself."""
    try:
        client = ApiClient(data_dir=settings.data_dir, language=settings.language.value)
        status, answer = client.call("GET", "/v1/status")
    except (SetUpFault, Unanswered):
        return False
    return status == 200 and "device" in answer


async def _print(settings: PrinterSettings, language: str) -> None:
    job = compose(sample_receipt("Comptoir", datetime.now(UTC), ZoneInfo("Europe/Paris")), paper_of(settings))
    link = await TcpLink.open(name=settings.name, host=settings.host, port=settings.port)
    async with open_printer(link, confirm_by=confirm_by_of(settings), next_process_id=lambda: b"TEST") as printer:
        match await printer.print(job):
            case Confirmed():
                return
            case Uncertain(reason=reason) | NotStarted(reason=reason):
                words = words_for(reason)
                raise GatewayError(choose(language, words.fr, words.en))
