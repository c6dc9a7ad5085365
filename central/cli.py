"""`comptoir-central`: set up, issue, serve, and look at the books. Errors are one line and an exit code."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import NoReturn, TypeAlias
from uuid import UUID

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from central import app, issue, office
from central.attention import desk_to_json, devices_to_json
from central.audit import audit, audit_to_json
from central.books import book_all
from central.deciding import decide
from central.display import show_books, show_desk, show_devices
from central.errors import CentralError
from central.signin import add_user, check_user, remove_user
from central.store.database import migrate_store
from central.store.devices import Shop
from central.work import Workshop
from edge_config.errors import EdgeConfigError
from edge_config.settings import CentralSettings, load_central_settings
from programme.errors import ProgrammeError, RulesError
from programme.events import Decided, DeskDecision
from programme.money import parse_amount

DATA_VARIABLE = "COMPTOIR_CENTRAL_DATA"
FAILED, MISUSED = 1, 2

_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"
_Add: TypeAlias = Callable[..., argparse.ArgumentParser]


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISUSED, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except (CentralError, EdgeConfigError, ProgrammeError, SQLAlchemyError, OSError) as error:
        if options.debug:
            raise
        _complain(error)
        return MISUSED if isinstance(error, EdgeConfigError) else FAILED
    except KeyboardInterrupt:
        return FAILED


def _complain(error: Exception) -> None:
    faults = error.faults if isinstance(error, RulesError) else [" ".join(str(error).split())]
    for fault in faults:
        sys.stderr.write(f"comptoir-central: {fault}\n")


def _parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    common.add_argument(
        "--data",
        type=Path,
        # A command within a command would put its own default in the place of what was given before it.
        default=argparse.SUPPRESS,
        help=f"the centre's folder (default: ${DATA_VARIABLE}, else central-data)",
    )
    common.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show where an error comes from"
    )
    parser = _Parser(prog="comptoir-central", description="The centre of Comptoir: books, registry, grants, boxes.")
    parser.set_defaults(data=Path(os.environ.get(DATA_VARIABLE, "central-data")), debug=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, command: Callable[[argparse.Namespace], int], text: str, to: _Commands = commands
    ) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = to.add_parser(name, parents=[common], help=text, description=text)
        added.set_defaults(command=command)
        return added

    _add_set_up(add, commands)
    _add_running(add)
    _add_office(add, commands)
    return parser


def _add_set_up(add: _Add, commands: _Commands) -> None:
    init = add("init", _init, "Make a new centre.")
    init.add_argument("--tenant", required=True)
    init.add_argument("--broker", default="mqtt://127.0.0.1:1883")
    init.add_argument("--http-host", default="127.0.0.1")
    init.add_argument("--http-port", type=int, default=8780)
    init.add_argument(
        "--database", metavar="URL", help="an empty PostgreSQL database; without it, SQLite in the folder"
    )
    add("migrate", _migrate, "Bring the database to what this program needs; stop the server first.")
    shop = commands.add_parser("shop", help="Partner shops.").add_subparsers(required=True, metavar="COMMAND")
    shop_add = add("add", _shop_add, "Add a shop.", to=shop)
    shop_add.add_argument("id")
    shop_add.add_argument("--name", required=True)
    shop_add.add_argument("--time-zone", default="Europe/Paris")
    shop_add.add_argument("--day-ends", default="03:00")
    programme = commands.add_parser("programme", help="Programmes.").add_subparsers(required=True, metavar="COMMAND")
    add("load", _programme_load, "Publish rules; every fault is told at once.", to=programme).add_argument(
        "file", type=Path
    )
    add("list", _programme_list, "List the published rules.", to=programme)
    enrol = add("enrol", _enrol, "Enrol a box by file.")
    enrol.add_argument("request", type=Path)
    enrol.add_argument("--shop", required=True)
    enrol.add_argument("--device", required=True)
    enrol.add_argument("--till", default="1")
    enrol.add_argument("--out", type=Path, required=True)


def _add_running(add: _Add) -> None:
    issued = add("issue", _issue, "Issue instruments; prints one JSON line each.")
    issued.add_argument("programme")
    issued.add_argument("--count", type=int, default=1)
    issued.add_argument("--face", help="value of each voucher, as 20,00")
    issued.add_argument("--consign", metavar="DEVICE", help="the box that will sell the vouchers")
    issued.add_argument("--gift", action="store_true", help="vouchers given away: worth their value at once")
    issued.add_argument("--codes", type=Path, help="instead: cards printed before, one code a line")
    add("serve", _serve, "Run the centre.")
    command = add("command", _command, "Send a command to a box.")
    command.add_argument("device")
    command.add_argument("name")
    for name, run, text in (
        ("books", _books, "Balances, and whether every promise about them holds."),
        ("devices", _devices, "The boxes and where they stand."),
    ):
        add(name, run, text).add_argument("--json", action="store_true")


def _add_office(add: _Add, commands: _Commands) -> None:
    people = commands.add_parser("office", help="Who may use the office page.")
    people_commands = people.add_subparsers(required=True, metavar="COMMAND")
    text = "Let somebody in, or give another passphrase: it is printed, once."
    add("add", _office_add, text, to=people_commands).add_argument("name", help="a short id, no one's full name")
    removed = add("remove", _office_remove, "Let somebody in no more, at once.", to=people_commands)
    removed.add_argument("name")
    waiting = add("desk", _desk, "What waits for a person.")
    waiting.add_argument("--json", action="store_true")
    decided = add(
        "decide",
        _decide,
        "Settle what waits on the desk, once and for all.",
        to=waiting.add_subparsers(metavar="COMMAND"),
    )
    decided.add_argument("case", type=UUID, help="its id, as desk shows it")
    decided.add_argument("decision", choices=[decision.value for decision in DeskDecision])
    decided.add_argument("--loss", metavar="AMOUNT", help="what is lost on it, as desk shows it; without it, nothing")
    decided.add_argument("--by", required=True, metavar="NAME", help="the office user who decides")


def _settings(options: argparse.Namespace) -> CentralSettings:
    return load_central_settings(options.data / office.SETTINGS_FILE, os.environ)


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def _init(options: argparse.Namespace) -> int:
    office.initialise(
        options.data,
        tenant=options.tenant,
        broker=options.broker,
        http_host=options.http_host,
        http_port=options.http_port,
        database=options.database,
    )
    return 0


def _migrate(options: argparse.Namespace) -> int:
    before, after = migrate_store(_settings(options).database_url)
    sys.stdout.write(f"migrated from {before} to {after}\n" if before != after else f"{after} already\n")
    return 0


def _shop_add(options: argparse.Namespace) -> int:
    shop = Shop(shop=options.id, name=options.name, time_zone=options.time_zone, day_ends_at=options.day_ends)
    with app.open_workshop(_settings(options)) as workshop:
        office.add_shop(workshop, shop)
    return 0


def _programme_load(options: argparse.Namespace) -> int:
    with app.open_workshop(_settings(options)) as workshop:
        rules = office.load_programme(workshop, options.file)
    sys.stdout.write(f"{rules.id} version {rules.version}\n")
    return 0


def _programme_list(options: argparse.Namespace) -> int:
    with app.open_workshop(_settings(options)) as workshop, workshop.read() as work:
        for (programme, version), rules in work.rulebook.items():
            sys.stdout.write(f"{programme} version {version}: {rules.name_fr}\n")
    return 0


def _enrol(options: argparse.Namespace) -> int:
    settings = _settings(options)
    request = office.read_request(options.request)
    # Opened first, so that a file that can't be written enrols nobody; it holds a secret, so it is for its owner only.
    descriptor = os.open(options.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file, app.open_workshop(settings) as workshop:
            enrolment = office.enrol(
                workshop, settings, request, device=options.device, shop=options.shop, till=options.till
            )
            file.write(msgspec.json.format(msgspec.json.encode(enrolment), indent=2) + b"\n")
    except BaseException:
        options.out.unlink()
        raise
    return 0


def _issue(options: argparse.Namespace) -> int:
    """Print each instrument before its transaction is committed, so that no value is owed on a code that is lost.

    A line whose transaction failed after it is worthless; its instrument isn't in the registry.
    """
    with app.open_workshop(_settings(options)) as workshop, contextlib.closing(_issued(workshop, options)) as made:
        for issued in made:
            line = {"instrument": issued.instrument, "token": issued.token}
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
    return 0


def _issued(workshop: Workshop, options: argparse.Namespace) -> Generator[issue.Issued, None, None]:
    if options.codes is not None:
        codes = [line for line in options.codes.read_text(encoding="utf-8").splitlines() if line.strip()]
        return issue.adopt(workshop, options.programme, codes)
    order = issue.Order(
        programme=options.programme,
        count=options.count,
        face_minor=None if options.face is None else parse_amount(options.face),
        consign_to=options.consign,
        is_gift=options.gift,
    )
    return issue.issue(workshop, order)


def _serve(options: argparse.Namespace) -> int:
    settings = _settings(options)
    with app.open_workshop(settings) as workshop:
        asyncio.run(app.serve(settings, workshop, app.make_log()))
    return 0


def _command(options: argparse.Namespace) -> int:
    with app.open_workshop(_settings(options)) as workshop:
        sys.stdout.write(office.send_command(workshop, options.device, options.name) + "\n")
    return 0


def _office_add(options: argparse.Namespace) -> int:
    with app.open_workshop(_settings(options)) as workshop:
        sys.stdout.write(add_user(workshop, options.name) + "\n")
    return 0


def _office_remove(options: argparse.Namespace) -> int:
    with app.open_workshop(_settings(options)) as workshop:
        remove_user(workshop, options.name)
    return 0


def _decide(options: argparse.Namespace) -> int:
    loss_minor = 0 if options.loss is None else parse_amount(options.loss)
    with app.open_workshop(_settings(options)) as workshop, workshop.write() as work:
        check_user(work, options.by)
        taken = decide(work, options.case, DeskDecision(options.decision), by=options.by, loss_minor=loss_minor)
    assert isinstance(taken.data, Decided)
    sys.stdout.write(f"{options.case}: {taken.data.decision.value}, decided by {taken.data.by}\n")
    return 0


def _books(options: argparse.Namespace) -> int:
    with app.open_workshop(_settings(options)) as workshop:
        book_all(workshop)
        with workshop.read() as work:
            result = audit(work)
            told = audit_to_json(result, work)
    if options.json:
        _print_json(told)
    else:
        sys.stdout.write(show_books(result))
    return 0 if result.holds else FAILED


def _desk(options: argparse.Namespace) -> int:
    with app.open_workshop(_settings(options)) as workshop:
        book_all(workshop)
        with workshop.read() as work:
            told = desk_to_json(work)
    if options.json:
        _print_json(told)
    else:
        sys.stdout.write(show_desk(told))
    return 0


def _devices(options: argparse.Namespace) -> int:
    with app.open_workshop(_settings(options)) as workshop, workshop.read() as work:
        told = devices_to_json(work)
    if options.json:
        _print_json(told)
    else:
        sys.stdout.write(show_devices(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
