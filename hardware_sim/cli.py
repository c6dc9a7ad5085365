"""`comptoir-sim`: the story, and each twin as a program of its own."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from hardware_sim.errors import SimulatorError

PROFILE_WIDTHS = {80: "WIDE", 58: "NARROW"}
SIM_EXTRA = frozenset({"PIL", "barcode", "cv2", "numpy", "segno", "zxingcpp"})
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
        if (error.name or "").partition(".")[0] not in SIM_EXTRA:
            raise
        return _complain(f"{error.name} isn't installed: pip install 'comptoir[sim,camera]'", MISUSED)
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

    story = commands.add_parser("story", help="two shops, one beep, end to end; exits 0 only if it held")
    story.add_argument("--out", type=Path, default=Path("demo-out"), help="folder for story.json and the receipts")
    story.add_argument("--break", dest="fault", choices=("double", "lost", "ledger"), help="plant a fault")
    story.add_argument("--database", metavar="URL", help="an empty PostgreSQL database for central, instead of SQLite")
    played = story.add_mutually_exclusive_group()
    played.add_argument("--keep", type=Path, metavar="TOWN", help="new folder for what the town leaves behind")
    played.add_argument("--judge", type=Path, metavar="TOWN", help="play nothing: judge what was kept")
    story.set_defaults(run=_story)

    playing = commands.add_parser("play", help="a playground in the browser: two shops and all their devices")
    playing.add_argument("--port", type=int, default=8700, help="loopback port of the page; %(default)s by default")
    playing.set_defaults(run=_play)

    pictures = commands.add_parser("pictures", help="screenshots of every state of the pages")
    pictures.add_argument("--out", type=Path, default=Path("demo-out"), help="folder for them")
    pictures.set_defaults(run=_pictures)

    scanner = commands.add_parser("scanner", help="a serial hand scanner on a pty")
    scanner.add_argument("--device", type=Path, required=True, help="where the pty appears")
    scanner.add_argument("--control", type=Path, required=True, help="control socket")
    scanner.set_defaults(run=_scanner)

    printer = commands.add_parser("printer", help="an ESC/POS printer on TCP")
    printer.add_argument("--output", type=Path, required=True, help="folder for the receipts")
    printer.add_argument("--control", type=Path, required=True, help="control socket")
    printer.add_argument("--port", type=int, help="loopback port; any free one by default")
    printer.add_argument("--paper", type=int, choices=PROFILE_WIDTHS, default=80, help="width in mm")
    printer.set_defaults(run=_printer)

    camera = commands.add_parser("camera", help="a network camera that films cards, phones and receipts")
    camera.add_argument("--control", type=Path, required=True, help="control socket")
    camera.add_argument("--port", type=int, help="loopback port; any free one by default")
    camera.set_defaults(run=_camera)

    film = commands.add_parser("film", help="film codes and measure how many of them are read, and how fast")
    film.add_argument("--out", type=Path, default=Path("film-out"), help="folder for film.csv and a film of each kind")
    film.add_argument("--clips", type=_at_least_one, default=100, help="of each kind; %(default)s by default")
    film.add_argument("--seed", type=int, default=1, help="of the first clip")
    film.set_defaults(run=_film)

    link = commands.add_parser("link", help="a link to a port of this machine that can be cut")
    link.add_argument("--target-port", type=int, required=True)
    link.add_argument("--port", type=int, help="loopback port; any free one by default")
    link.add_argument("--control", type=Path, required=True, help="control socket")
    link.set_defaults(run=_link)
    return parser


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
    take_pictures(options.out)
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


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return number


def _link(options: argparse.Namespace) -> int:
    from hardware_sim.twins import run_link

    asyncio.run(run_link(target_port=options.target_port, control=options.control, port=options.port))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
