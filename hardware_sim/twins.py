"""One twin and its control socket, for a process of its own."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path

import msgspec

from hardware_sim.camera_twin import CameraTwin
from hardware_sim.conditions import Conditions
from hardware_sim.control import Action, ControlServer, Reply, Request
from hardware_sim.errors import BadRequestError, UnpluggedError
from hardware_sim.link import Link
from hardware_sim.printer.profile import NARROW, WIDE, PrinterProfile
from hardware_sim.printer.state import PrinterError
from hardware_sim.printer.twin import PrinterTwin
from hardware_sim.scanner_pty import ScannerTwin
from hardware_sim.things import Kind

PROFILES: tuple[PrinterProfile, ...] = (WIDE, NARROW)


async def run_scanner(*, device: Path, control: Path, stop: asyncio.Event | None = None) -> None:
    """A serial scanner at `device` until `stop`, SIGTERM or Ctrl-C."""
    with ScannerTwin(device) as scanner:
        async with ControlServer(path=control, actions=_scanner_actions(scanner)):
            await _until(stop)


async def run_printer(
    *,
    output: Path,
    control: Path,
    port: int | None = None,
    profile: PrinterProfile = WIDE,
    stop: asyncio.Event | None = None,
) -> None:
    """An ESC/POS printer on loopback; receipts go to `output`."""
    async with (
        PrinterTwin(output=output, profile=profile, port=port) as printer,
        ControlServer(path=control, actions=_printer_actions(printer)),
    ):
        await _until(stop)


async def run_link(
    *,
    target_port: int,
    control: Path,
    target_host: str = "127.0.0.1",
    port: int | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """A cuttable link to `target_host:target_port`."""
    async with (
        Link(target_host=target_host, target_port=target_port, port=port) as link,
        ControlServer(path=control, actions=_link_actions(link)),
    ):
        await _until(stop)


async def run_camera(*, control: Path, port: int | None = None, stop: asyncio.Event | None = None) -> None:
    """A network camera on loopback."""
    async with CameraTwin(port=port) as camera, ControlServer(path=control, actions=_camera_actions(camera)):
        await _until(stop)


async def _until(stop: asyncio.Event | None) -> None:
    if stop is not None:
        await stop.wait()
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()


def _scanner_actions(scanner: ScannerTwin) -> Mapping[str, Action]:
    async def scan(request: Request) -> Reply:
        try:
            await scanner.scan(_text(request, "payload"), symbology=_text(request, "symbology", default=""))
        except UnpluggedError as error:
            raise BadRequestError(str(error)) from error
        return {}

    async def type_bytes(request: Request) -> Reply:
        try:
            raw = bytes.fromhex(_text(request, "hex"))
            await scanner.type_bytes(raw)
        except (UnpluggedError, ValueError) as error:
            raise BadRequestError(str(error)) from error
        return {}

    async def state(_: Request) -> Reply:
        return {"device": str(scanner.path), "plugged": scanner.plugged, "host_listens": scanner.host_listens()}

    return {
        "scan": scan,
        "type": type_bytes,
        "unplug": _simple(scanner.unplug),
        "replug": _simple(scanner.replug),
        "wait_host": _awaited(scanner.host_listening),
        "state": state,
    }


def _printer_actions(printer: PrinterTwin) -> Mapping[str, Action]:
    async def paper(request: Request) -> Reply:
        _set_paper(printer, request)
        return _printer_state(printer)

    async def cover(request: Request) -> Reply:
        choices = {"open": printer.open_cover, "closed": printer.close_cover}
        choices[_one_of(request, "state", choices)]()
        return _printer_state(printer)

    async def error(request: Request) -> Reply:
        printer.fail(PrinterError(_one_of(request, "kind", [kind.value for kind in PrinterError])))
        return _printer_state(printer)

    async def power(request: Request) -> Reply:
        choices = {"on": printer.power_on, "off": printer.power_off}
        await choices[_one_of(request, "state", choices)]()
        return {}

    async def wait_receipt(request: Request) -> Reply:
        receipt = await printer.receipt(_integer(request, "count"))
        return {"number": receipt.number, "lines": receipt.lines, "qr": receipt.qr_payloads}

    async def state(_: Request) -> Reply:
        return _printer_state(printer)

    return {
        "paper": paper,
        "cover": cover,
        "error": error,
        "repair": _simple(printer.repair),
        "power": power,
        "drop_connection": _awaited(printer.drop_connection),
        "mute": _simple(printer.mute),
        "unmute": _simple(printer.unmute),
        "close_drawer": _simple(printer.close_drawer),
        "tear_off": _simple(printer.tear_off),
        "wait_receipt": wait_receipt,
        "state": state,
    }


def _set_paper(printer: PrinterTwin, request: Request) -> None:
    """{"state": "ok" | "near_end" | "out"} or {"dots": n}, what is left of the present roll."""
    if "dots" in request:
        printer.leave_paper(_integer(request, "dots"))
        return
    choices: Mapping[str, Callable[[], None]] = {
        "ok": printer.load_paper,
        "near_end": lambda: printer.load_paper(printer.near_end_dots),
        "out": lambda: printer.leave_paper(0),
    }
    choices[_one_of(request, "state", choices)]()


def _printer_state(printer: PrinterTwin) -> Reply:
    return {
        "port": printer.port,
        "offline": printer.offline,
        "paper_dots": printer.paper_dots,
        "receipts": len(printer.receipts),
        "drawer_kicks": printer.drawer_kicks,
        "printed_lines": printer.printed_lines,
        "unsupported": [raw.hex() for raw in printer.unsupported],
    }


def _camera_actions(camera: CameraTwin) -> Mapping[str, Action]:
    async def show(request: Request) -> Reply:
        kind = Kind(_one_of(request, "kind", [kind.value for kind in Kind]))
        length = {"seconds": float(_integer(request, "seconds"))} if "seconds" in request else {}
        try:
            await camera.show(_text(request, "token"), kind=kind, seed=_integer(request, "seed"), **length)
        except UnpluggedError as error:
            raise BadRequestError(str(error)) from error
        return {}

    async def state(_: Request) -> Reply:
        return {
            "url": camera.url,
            "plugged": camera.plugged,
            "frozen": camera.frozen,
            "showing": camera.showing,
            "viewers": camera.viewers,
        }

    return {
        "show": show,
        "take_away": _simple(camera.take_away),
        "freeze": _simple(camera.freeze),
        "thaw": _simple(camera.thaw),
        "unplug": _awaited(camera.unplug),
        "replug": _awaited(camera.replug),
        "wait_viewer": _awaited(camera.viewed),
        "wait_left": _awaited(camera.left),
        "state": state,
    }


def _link_actions(link: Link) -> Mapping[str, Action]:
    async def cut(_: Request) -> Reply:
        await link.cut()
        return _link_state(link)

    async def freeze(_: Request) -> Reply:
        await link.freeze()
        return _link_state(link)

    async def restore(_: Request) -> Reply:
        await link.restore()
        return _link_state(link)

    async def suffer(request: Request) -> Reply:
        try:
            link.conditions = msgspec.convert({**request, "do": None}, Conditions)
        except msgspec.ValidationError as error:
            raise BadRequestError(f"suffer: {error}") from None
        return _link_state(link)

    async def state(_: Request) -> Reply:
        return _link_state(link)

    return {"cut": cut, "freeze": freeze, "restore": restore, "suffer": suffer, "state": state}


def _link_state(link: Link) -> Reply:
    return {"port": link.port, "state": link.state.value, "connections": link.connections}


def _simple(action: Callable[[], None]) -> Action:
    async def run(_: Request) -> Reply:
        action()
        return {}

    return run


def _awaited(action: Callable[[], Awaitable[None]]) -> Action:
    async def run(_: Request) -> Reply:
        await action()
        return {}

    return run


def _text(request: Request, name: str, *, default: str | None = None) -> str:
    value = request.get(name, default)
    if not isinstance(value, str):
        raise BadRequestError(f"{request['do']} needs a text {name!r}")
    return value


def _integer(request: Request, name: str) -> int:
    value = request.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadRequestError(f"{request['do']} needs a whole number {name!r}, 0 or more")
    return value


def _one_of(request: Request, name: str, choices: Collection[str]) -> str:
    value = request.get(name)
    if value not in choices:
        raise BadRequestError(f"{request['do']} needs {name!r}, one of: {', '.join(choices)}")
    return str(value)
