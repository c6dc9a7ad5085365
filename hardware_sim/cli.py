"""`comptoir-sim`: the story, and each twin as a program of its own."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from hardware_sim.errors import SimulatorError

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction["_Parser"]

PROFILE_WIDTHS = {80: "WIDE", 58: "NARROW"}
SIM_EXTRA = frozenset({"PIL", "barcode", "cv2", "numpy", "playwright", "pyzbar", "segno", "zxingcpp"})
FAILED, MISUSED = 1, 2


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISUSED, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 when it held, 1 when it didn't, 2 for bad usage."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (SimulatorError, OSError) as error:
        return _complain(" ".join(str(error).split()), FAILED)
    except ExceptionGroup as group:
        told, _ = group.split((SimulatorError, OSError))
        if told is None:
            raise
        return _complain(" ".join(str(_first(told)).split()), FAILED)
    except ImportError as error:
        library = (error.name or "").partition(".")[0]
        if library not in SIM_EXTRA:
            raise
        return _complain(f"{library} isn't installed: pip install 'comptoir[sim,camera]'", MISUSED)
    except KeyboardInterrupt:
        return 130


def _complain(what: str, code: int) -> int:
    print(f"comptoir-sim: {what}", file=sys.stderr)
    return code


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _parser() -> _Parser:
    parser = _Parser(prog="comptoir-sim", description="Stand-ins for every device, and a virtual town.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_story(commands)
    _add_pages(commands)
    _add_twins(commands)
    _add_film(commands)
    return parser


def _add_story(commands: _Commands) -> None:
    story = commands.add_parser("story", help="two shops, one beep, end to end; exits 0 only if it held")
    story.add_argument("--out", type=Path, default=Path("demo-out"), help="folder for story.json and the receipts")
    story.add_argument("--break", dest="fault", choices=("double", "lost", "ledger"), help="plant a fault")
    story.add_argument("--database", metavar="URL", help="an empty PostgreSQL database for central, instead of SQLite")
    played = story.add_mutually_exclusive_group()
    played.add_argument("--keep", type=Path, metavar="TOWN", help="new folder for what the town leaves behind")
    played.add_argument("--judge", type=Path, metavar="TOWN", help="play nothing: judge what was kept")
    story.set_defaults(run=_story)


def _add_pages(commands: _Commands) -> None:
    playing = commands.add_parser("play", help="a playground in the browser: two shops and all their devices")
    playing.add_argument("--port", type=_port, default=8700, help="loopback port of the page; %(default)s by default")
    playing.set_defaults(run=_play)

    pictures = commands.add_parser("pictures", help="screenshots of every state of the pages")
    pictures.add_argument("--out", type=Path, default=Path("demo-out"), help="folder for them")
    pictures.set_defaults(run=_pictures)


def _add_twins(commands: _Commands) -> None:
    scanner = commands.add_parser("scanner", help="a serial hand scanner on a pty")
    scanner.add_argument("--device", type=Path, required=True, help="where the pty appears")
    scanner.set_defaults(run=_scanner)

    printer = commands.add_parser("printer", help="an ESC/POS printer on TCP")
    printer.add_argument("--output", type=Path, required=True, help="folder for the receipts")
    printer.add_argument("--paper", type=int, choices=PROFILE_WIDTHS, default=80, help="width in mm")
    printer.set_defaults(run=_printer)

    camera = commands.add_parser("camera", help="a network camera that films cards, phones and receipts")
    camera.set_defaults(run=_camera)

    link = commands.add_parser("link", help="a link to a port of this machine that can be cut")
    link.add_argument("--target-port", type=_port, required=True)
    link.set_defaults(run=_link)

    for twin in (scanner, printer, camera, link):
        twin.add_argument("--control", type=Path, required=True, help="control socket")
    for twin in (printer, camera, link):
        twin.add_argument("--port", type=_port, help="loopback port; any free one by default")


def _add_film(commands: _Commands) -> None:
    film = commands.add_parser("film", help="film codes and measure how many of them are read, and how fast")
    film.add_argument("--out", type=Path, default=Path("film-out"), help="folder for film.csv and a film of each kind")
    film.add_argument("--clips", type=_at_least_one, default=100, help="of each kind; %(default)s by default")
    film.add_argument("--seed", type=int, default=1, help="of the first clip")
    film.set_defaults(run=_film)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r}: 1 to 65535")
    return int(text)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return number


def _story(options: argparse.Namespace) -> int:
    from hardware_sim.story.faults import Fault
    from hardware_sim.story.tell import judge_again, tell_story

    fault = Fault(options.fault) if options.fault else None
    if options.database is not None and (fault is not None or options.judge is not None):
        return _complain("--break and --judge work on SQLite: leave --database out", MISUSED)
    if options.judge is not None:
        return 0 if judge_again(options.judge, out=options.out, fault=fault) else 1
    return 0 if tell_story(out=options.out, fault=fault, keep=options.keep, database=options.database) else 1


def _play(options: argparse.Namespace) -> int:
    from hardware_sim.play.serve import play

    play(port=options.port)
    return 0


def _pictures(options: argparse.Namespace) -> int:
    from hardware_sim.browser import NOT_THERE, find_chromium
    from hardware_sim.play.pictures import take_pictures

    if find_chromium() is None:
        print(f"No screenshots: {NOT_THERE}")
        return 0
    from playwright.sync_api import Error

    try:
        take_pictures(options.out)
    except Error as error:  # its message goes on with the whole log of the call
        raise SimulatorError(f"the browser: {error.message.partition(chr(10))[0]}") from error
    print(f"{len(list(options.out.glob('*.png')))} pictures in {options.out}")
    return 0


def _scanner(options: argparse.Namespace) -> int:
    from hardware_sim.twins import run_scanner

    asyncio.run(run_scanner(device=options.device, control=options.control))
    return 0


def _printer(options: argparse.Namespace) -> int:
    from hardware_sim.printer import profile
    from hardware_sim.twins import run_printer

    chosen = getattr(profile, PROFILE_WIDTHS[options.paper])
    asyncio.run(run_printer(output=options.output, control=options.control, port=options.port, profile=chosen))
    return 0


def _camera(options: argparse.Namespace) -> int:
    from hardware_sim.twins import run_camera

    asyncio.run(run_camera(control=options.control, port=options.port))
    return 0


def _film(options: argparse.Namespace) -> int:
    from hardware_sim.film_table import film_clips, report, save_film
    from hardware_sim.things import Kind

    for kind in Kind:
        save_film(kind, options.seed, options.out / f"{kind.value}.avi")
    print(report(film_clips(clips=options.clips, seed=options.seed), out=options.out))
    return 0


def _link(options: argparse.Namespace) -> int:
    from hardware_sim.twins import run_link

    asyncio.run(run_link(target_port=options.target_port, control=options.control, port=options.port))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
