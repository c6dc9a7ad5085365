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
from pathlib import Path
from typing import Any
from uuid import UUID

DONE, FAILED, USAGE = 0, 1, 2
DEFAULT_CONFIG = "comptoir.toml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code."""
    chosen = make_parser(os.environ).parse_args(arguments)
    gc.disable()  # imports leave no garbage, and a collector at work makes them an eighth slower
    module = importlib.import_module(f"gateway.commands.{chosen.module}")
    gc.enable()
    try:
        return int(module.run(chosen, os.environ))
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
        print(f"comptoir: {_first(error)}", file=sys.stderr)
        return code


def make_parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """The command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--config",
        type=Path,
        default=Path(environ.get("COMPTOIR_CONFIG", DEFAULT_CONFIG)),
        metavar="FILE",
        help="settings (TOML); also COMPTOIR_CONFIG; %(default)s by default",
    )
    parser = argparse.ArgumentParser(prog="comptoir", description="Loyalty and vouchers at the counter.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_enrol(commands, common)
    _add(commands, "run", common, "run", "run the box")
    status = _add(commands, "status", common, "status", "how the box fares")
    status.add_argument("--json", action="store_true", help="for programs")
    _add_counter(commands, common)
    _add_journal(commands, common)
    _add_tests(commands, common)
    return parser


def _add(commands: Any, name: str, common: Any, module: str, text: str, **defaults: Any) -> argparse.ArgumentParser:  # noqa: ANN401
    parser: argparse.ArgumentParser = commands.add_parser(name, parents=[common], help=text, description=text)
    parser.set_defaults(module=module, **defaults)
    return parser


def _add_enrol(commands: Any, common: Any) -> None:  # noqa: ANN401
    enrol = commands.add_parser("enrol", help="join a programme's centre, by file").add_subparsers(
        required=True, metavar="STEP"
    )
    request = _add(enrol, "request", common, "enrol", "make the box's key and the file to show", step="request")
    request.add_argument("--out", type=Path, required=True, metavar="FILE")
    accept = _add(enrol, "accept", common, "enrol", "take the centre's answer", step="accept")
    accept.add_argument("file", type=Path, metavar="FILE")


def _add_counter(commands: Any, common: Any) -> None:  # noqa: ANN401
    asked = commands.add_parser("counter", help="work the counter of the running box").add_subparsers(
        required=True, metavar="WHAT"
    )
    output = argparse.ArgumentParser(add_help=False, parents=[common])
    output.add_argument("--json", action="store_true", help="for programs")
    keyed = argparse.ArgumentParser(add_help=False, parents=[output])
    keyed.add_argument("--key", type=UUID, metavar="UUID", help="repeat a request whose answer was lost")
    coded = argparse.ArgumentParser(add_help=False, parents=[keyed])
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


def _add_journal(commands: Any, common: Any) -> None:  # noqa: ANN401
    journal = commands.add_parser("journal", help="look into the box's journal").add_subparsers(
        required=True, metavar="WHAT"
    )
    _add(journal, "verify", common, "journal", "find any changed row and any cut tail", what="verify")
    show = _add(journal, "show", common, "journal", "print its rows, a JSON object a line", what="show")
    show.add_argument("--last", type=int, metavar="N", help="only the last N rows")


def _add_tests(commands: Any, common: Any) -> None:  # noqa: ANN401
    scan = _add(commands, "scan-test", common, "scan_test", "read codes on photographs")
    pictures = scan.add_mutually_exclusive_group(required=True)
    pictures.add_argument("--image", type=Path, metavar="FILE", help="print what is on it")
    pictures.add_argument("--dir", type=Path, metavar="DIR", help="measure against DIR/expected.csv")
    scan.add_argument("--json", action="store_true", help="for programs")
    _add(commands, "print-test", common, "print_test", "print a test receipt")


def _code_for(error: BaseException) -> int | None:
    """The exit code of an error that is told in one line; None for a defect, whose traceback is wanted."""
    from drivers.errors import DriverError, SetUpError
    from edge_config.errors import EdgeConfigError
    from gateway.errors import GatewayError, SetUpFault
    from sync.errors import SyncError

    if isinstance(error, ExceptionGroup):
        codes = [_code_for(part) for part in error.exceptions]
        return None if None in codes else codes[0]
    if isinstance(error, EdgeConfigError | SetUpFault | SetUpError):
        return USAGE
    return FAILED if isinstance(error, GatewayError | SyncError | DriverError | OSError) else None


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error


if __name__ == "__main__":
    sys.exit(main())
