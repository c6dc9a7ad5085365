"""`comptoir`: the box's program and its terminal tools.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, settings or enrolment. Errors are one line on standard error.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import NoReturn, TypeAlias
from uuid import UUID

DONE, FAILED, USAGE = 0, 1, 2
DEFAULT_CONFIG = "comptoir.toml"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")


_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code."""
    chosen = make_parser(os.environ).parse_args(arguments)
    try:
        return int(_import(chosen.module).run(chosen, os.environ))
    except KeyboardInterrupt:
        return 130  # 128 + SIGINT, as shells have it
    except BrokenPipeError:
        # Whoever read us has gone: nothing more to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        code = _code_for(error)
        if code is None:
            raise
        print(f"comptoir: {_sentence(_first(error), chosen.config)}", file=sys.stderr)
        return code


def _import(command: str) -> ModuleType:
    gc.disable()  # imports leave no garbage, and a collector at work makes them an eighth slower
    try:
        return importlib.import_module(f"gateway.commands.{command}")
    finally:
        gc.freeze()  # what was imported stays: the collector needn't walk it again and again
        gc.enable()


def make_parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """The command line."""
    common = _Parser(add_help=False)
    common.add_argument(
        "--config",
        type=Path,
        default=Path(environ.get("COMPTOIR_CONFIG", DEFAULT_CONFIG)),
        metavar="FILE",
        help="settings (TOML); also COMPTOIR_CONFIG; %(default)s by default",
    )
    parser = _Parser(prog="comptoir", description="Loyalty and vouchers at the counter.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_enrol(commands, common)
    _add(commands, "run", common, "run", "run the box")
    status = _add(commands, "status", common, "status", "how the box fares")
    status.add_argument("--json", action="store_true", help="for programs")
    _add_counter(commands, common)
    _add_screens(commands, common)
    _add_journal(commands, common)
    _add_tests(commands, common)
    return parser


def _add(
    commands: _Commands, name: str, common: _Parser, module: str, text: str, **defaults: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, parents=[common], help=text, description=text)
    parser.set_defaults(module=module, **defaults)
    return parser


def _add_enrol(commands: _Commands, common: _Parser) -> None:
    enrol = commands.add_parser("enrol", help="join a programme's centre, by file").add_subparsers(
        required=True, metavar="STEP"
    )
    request = _add(enrol, "request", common, "enrol", "make the box's key and the file to show", step="request")
    request.add_argument("--out", type=Path, required=True, metavar="FILE")
    accept = _add(enrol, "accept", common, "enrol", "take the centre's answer", step="accept")
    accept.add_argument("file", type=Path, metavar="FILE")


def _add_counter(commands: _Commands, common: _Parser) -> None:
    asked = commands.add_parser("counter", help="work the counter of the running box").add_subparsers(
        required=True, metavar="WHAT"
    )
    output = _Parser(add_help=False, parents=[common])
    output.add_argument("--json", action="store_true", help="for programs")
    keyed = _Parser(add_help=False, parents=[output])
    keyed.add_argument("--key", type=UUID, metavar="UUID", help="repeat a request whose answer was lost")
    coded = _Parser(add_help=False, parents=[keyed])
    coded.add_argument("--code", metavar="CODE", help="instead of what lies on the counter")
    _add(asked, "show", output, "counter", "what lies on the counter", what="show")
    scan = _add(asked, "scan", output, "counter", "put a code on the counter", what="scan")
    scan.add_argument("code", metavar="CODE")
    earn = _add(asked, "earn", coded, "counter", "credit a basket to a card", what="earn")
    earn.add_argument("amount", metavar="AMOUNT")
    redeem = _add(asked, "redeem", coded, "counter", "spend from a card, or use a voucher", what="redeem")
    redeem.add_argument("amount", metavar="AMOUNT", nargs="?")
    sell = _add(asked, "sell", keyed, "counter", "sell a voucher", what="sell")
    sell.add_argument("programme", metavar="PROGRAMME")
    sell.add_argument("amount", metavar="AMOUNT")
    void = _add(asked, "void", keyed, "counter", "reverse an operation, the last one by default", what="void")
    void.add_argument("event", type=UUID, metavar="EVENT", nargs="?")
    paper = _add(asked, "print", output, "counter", "print an operation, the last one by default", what="print")
    paper.add_argument("event", type=UUID, metavar="EVENT", nargs="?")
    printed = _add(asked, "printed", output, "counter", "say whether an uncertain print came out", what="printed")
    printed.add_argument("job", type=int, metavar="JOB")
    printed.add_argument("answer", choices=["yes", "no", "oui", "non"])
    _add(asked, "close-day", output, "counter", "close the business day", what="close-day")
    training = _add(asked, "training", output, "counter", "exercise without moving money", what="training")
    training.add_argument("state", choices=["on", "off"])


def _add_screens(commands: _Commands, common: _Parser) -> None:
    screens = commands.add_parser("screens", help="tablets and other screens that may use the counter").add_subparsers(
        required=True, metavar="WHAT"
    )
    output = _Parser(add_help=False, parents=[common])
    output.add_argument("--json", action="store_true", help="for programs")
    _add(screens, "add", output, "screens", "get a code that pairs one more screen", what="add")
    _add(screens, "list", output, "screens", "the paired screens", what="list")
    revoke = _add(screens, "revoke", common, "screens", "let a screen in no more", what="revoke")
    revoke.add_argument("screen", metavar="SCREEN", help="its id, as `list` tells it")


def _add_journal(commands: _Commands, common: _Parser) -> None:
    journal = commands.add_parser("journal", help="look into the box's journal").add_subparsers(
        required=True, metavar="WHAT"
    )
    verify = _add(journal, "verify", common, "journal", "find any changed row and any cut tail", what="verify")
    verify.add_argument("file", type=Path, metavar="FILE", nargs="?", help="an archive or an export, by itself")
    _add(journal, "status", common, "journal", "how much it holds, and where", what="status")
    export = _add(journal, "export", common, "journal", "write it for an auditor, to verify by itself", what="export")
    export.add_argument("--from", dest="first", type=_date, metavar="DATE", help="its first day (UTC)")
    export.add_argument("--to", dest="last_day", type=_date, metavar="DATE", help="its last day (UTC)")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")
    show = _add(journal, "show", common, "journal", "print its rows, a JSON object a line", what="show")
    show.add_argument("--last", type=_count, metavar="N", help="only the last N rows")


def _add_tests(commands: _Commands, common: _Parser) -> None:
    scan = _add(commands, "scan-test", common, "scan_test", "read codes on photographs")
    pictures = scan.add_mutually_exclusive_group(required=True)
    pictures.add_argument("--image", type=Path, metavar="FILE", help="print what is on it")
    pictures.add_argument("--dir", type=Path, metavar="DIR", help="measure against DIR/expected.csv")
    scan.add_argument("--json", action="store_true", help="for programs")
    _add(commands, "print-test", common, "print_test", "print a test receipt")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date: write it as 2026-05-04") from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows: 0 or more")
    return int(text[:18])  # SQLite counts no further


def _code_for(error: BaseException) -> int | None:
    """The exit code of an error that is told in one line; None for a defect, whose traceback is wanted."""
    from drivers.errors import DriverError, SetUpError
    from edge_config.errors import EdgeConfigError
    from gateway.commands.saying import is_camera_missing
    from gateway.errors import GatewayError, SetUpFault
    from sync.errors import SyncError

    if isinstance(error, ExceptionGroup):
        codes = [_code_for(part) for part in error.exceptions]
        return None if None in codes else codes[0]
    if isinstance(error, ImportError):
        return USAGE if is_camera_missing(error) else None
    if isinstance(error, EdgeConfigError | SetUpFault | SetUpError):
        return USAGE
    return FAILED if isinstance(error, GatewayError | SyncError | DriverError | OSError) else None


def _sentence(error: BaseException, config: Path) -> str:
    """One line in the language of the settings; French where they can't be read."""
    from edge_config.errors import SettingsError
    from edge_config.settings import load_box_settings
    from gateway.commands.saying import say

    try:
        settings = load_box_settings(config, os.environ)
    except SettingsError as fault:
        return " ".join(say(error, None, fault.language).split())
    return " ".join(say(error, settings, settings.language.value).split())


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error


if __name__ == "__main__":
    sys.exit(main())
