"""Twins as processes of their own: started, driven through their control socket, ended by SIGTERM."""

import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

from hardware_sim.control import ControlClient
from hardware_sim.errors import ControlError
from hardware_sim.ports import LOOPBACK, free_loopback_port

ENABLE_ASB = b"\x1da\xff"
ASB_NEAR_END = bytes.fromhex("14 00 03 0f")
ASB_PAPER_OUT = bytes.fromhex("1c 00 0f 0f")


@contextmanager
def twin_process(code: str, control: Path) -> Iterator[ControlClient]:
    program = f"import asyncio\nfrom pathlib import Path\nfrom hardware_sim import twins\nasyncio.run({code})"
    process = subprocess.Popen([sys.executable, "-W", "error", "-c", program])
    try:
        client = ControlClient(control)
        client.wait_ready()
        yield client
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
    assert not control.exists()


def test_a_scanner_process(tmp_path: Path) -> None:
    device, control = tmp_path / "scanner", tmp_path / "s.sock"
    with twin_process(
        f"twins.run_scanner(device=Path({str(device)!r}), control=Path({str(control)!r}))", control
    ) as twin:
        with serial.Serial(str(device), timeout=10) as port:
            twin.do("wait_host")
            twin.do("scan", payload="CPT1:ABC", symbology="]Q1")
            assert port.read_until(b"\r") == b"]Q1CPT1:ABC\r"
            twin.do("type", hex="31320d")
            assert port.read_until(b"\r") == b"12\r"
        twin.do("unplug")
        assert not device.is_symlink()
        with pytest.raises(ControlError, match="unplugged"):
            twin.do("scan", payload="x")
        twin.do("replug")
        assert twin.do("state")["plugged"] is True


def test_a_printer_process(tmp_path: Path) -> None:
    output, control = tmp_path / "receipts", tmp_path / "p.sock"
    with twin_process(
        f"twins.run_printer(output=Path({str(output)!r}), control=Path({str(control)!r}))", control
    ) as twin:
        port = twin.do("state")["port"]
        with socket.create_connection((LOOPBACK, port), timeout=10) as host:
            assert twin.do("paper", dots=30)["offline"] is False
            host.sendall(ENABLE_ASB + b"one\ntwo\n\x1dV\x00")
            assert host.recv(8, socket.MSG_WAITALL) == ASB_NEAR_END + ASB_PAPER_OUT
            assert twin.do("state")["printed_lines"] == ["one"]
            twin.do("paper", state="ok")
            assert twin.do("wait_receipt", count=1)["lines"] == ["one", "two"]
        assert twin.do("cover", state="open")["offline"] is True
        assert twin.do("cover", state="closed")["offline"] is False
        assert twin.do("error", kind="cutter")["offline"] is True
        twin.do("repair")
        twin.do("power", state="off")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((LOOPBACK, port), timeout=10)
        with pytest.raises(ControlError, match="ok, near_end, out"):
            twin.do("paper", state="soggy")
    assert (output / "receipt-0001.txt").read_text(encoding="utf-8") == "one\ntwo\n"


def test_a_link_process(tmp_path: Path) -> None:
    control = tmp_path / "l.sock"
    target = free_loopback_port()
    with (
        socket.create_server((LOOPBACK, target)) as server,
        twin_process(f"twins.run_link(target_port={target}, control=Path({str(control)!r}))", control) as twin,
    ):
        server.settimeout(10)
        port = twin.do("state")["port"]
        with socket.create_connection((LOOPBACK, port), timeout=10) as near:
            far, _ = server.accept()
            with far:
                near.sendall(b"hi")
                assert far.recv(2) == b"hi"
                assert twin.do("cut")["state"] == "cut"
                assert far.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((LOOPBACK, port), timeout=10)
        assert twin.do("freeze")["state"] == "frozen"
        assert twin.do("restore") == {"ok": True, "port": port, "state": "up", "connections": 0}


def test_a_camera_process(tmp_path: Path) -> None:
    control = tmp_path / "c.sock"
    with twin_process(f"twins.run_camera(control=Path({str(control)!r}))", control) as twin:
        told = twin.do("state")
        assert (told["plugged"], told["frozen"], told["showing"], told["viewers"]) == (True, False, False, 0)
        with urllib.request.urlopen(told["url"], timeout=10) as stream:
            twin.do("wait_viewer")
            assert stream.readline().startswith(b"--")
        twin.do("show", token="CPT1:ABC", kind="phone", seed=1, seconds=3600)
        assert twin.do("state")["showing"] is True
        twin.do("take_away")
        twin.do("wait_left")
        twin.do("freeze")
        twin.do("thaw")
        twin.do("unplug")
        with pytest.raises(ControlError, match="unplugged"):
            twin.do("show", token="CPT1:ABC", kind="card", seed=1)
        twin.do("replug")
        with pytest.raises(ControlError, match="card, phone, paper"):
            twin.do("show", token="CPT1:ABC", kind="banana", seed=1)
