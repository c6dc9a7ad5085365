"""`comptoir enrol`: by file, in two steps."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from contextlib import closing

from edge_config.enrolment import (
    ENROLMENT,
    load_journal_key,
    make_request,
    obtain_journal_key,
    read_message,
    write_message,
)
from edge_config.errors import AlreadyEnrolled, EnrolmentError
from edge_config.messages import Enrolment
from edge_config.settings import BoxSettings, load_box_settings
from gateway.configured import read_configuration
from gateway.errors import ConfigurationRefused
from gateway.identity import SOFTWARE, Identity, identify
from gateway.paths import journal_path
from gateway.words import choose
from sync.clock import LinuxClock
from sync.journal import Journal


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Carry out a step."""
    settings = load_box_settings(arguments.config, environ)
    language = settings.language.value
    if arguments.step == "request":
        key = obtain_journal_key(settings.data_dir)
        write_message(arguments.out, make_request(key, software=SOFTWARE))
        print(
            choose(
                language,
                f"Demande écrite dans {arguments.out}. Portez-la au centre, puis : comptoir enrol accept FICHIER",
                f"Request written to {arguments.out}. Take it to the centre, then: comptoir enrol accept FILE",
            )
        )
        return 0
    device, shop = _accept(settings, read_message(arguments.file, Enrolment))
    print(
        choose(
            language,
            f"Caisse {device} inscrite pour {shop}. Démarrez-la : comptoir run",
            f"Box {device} enrolled for {shop}. Start it: comptoir run",
        )
    )
    return 0


def _accept(settings: BoxSettings, enrolment: Enrolment) -> tuple[str, str]:
    """Begin the journal, then keep the enrolment: a box is enrolled once both are on disk.

    Raises:
        AlreadyEnrolled: It is.
        EnrolmentError: The file isn't whole.
    """
    data_dir = settings.data_dir
    if (data_dir / ENROLMENT).exists():
        raise AlreadyEnrolled(f"{data_dir / ENROLMENT}: this box is enrolled already. A new box gets a new data_dir.")
    identity = identify(enrolment, load_journal_key(data_dir))
    try:
        configured = read_configuration(enrolment.configuration, identity)
    except ConfigurationRefused as error:
        raise EnrolmentError(f"The enrolment can't be used ({error}). Ask the centre for a new one.") from None
    _begin_journal(settings, identity)
    write_message(data_dir / ENROLMENT, enrolment)
    return identity.device, configured.configuration.shop_name


def _begin_journal(settings: BoxSettings, identity: Identity) -> None:
    path, key, clock = journal_path(settings.data_dir), identity.journal_key, LinuxClock()
    if path.exists():  # an enrolment that was interrupted
        with closing(Journal.open(path, device=identity.device, key=key, clock=clock)):
            return
    with closing(
        Journal.create(path, device=identity.device, key=key, clock=clock, signed_time=identity.enrolment.time)
    ):
        return
