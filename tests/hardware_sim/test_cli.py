"""`comptoir-sim`: what goes wrong is one line and an exit code."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hardware_sim import cli


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of an error."""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("comptoir-sim")
    return line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "COMMAND"),
        (["steal"], "steal"),
        (["printer", "--paper", "70"], "70"),
        (["play", "--port", "65536"], "'65536': 1 to 65535"),
        (["camera", "--port", "0"], "'0': 1 to 65535"),
        (["link", "--target-port", "http"], "'http': 1 to 65535"),
    ],
)
def test_wrong_usage(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)

    assert caught.value.code == 2
    assert expected in error_of(capsys)


def test_a_folder_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    out, control = str(tmp_path / "file" / "out"), str(tmp_path / "control")

    assert cli.main(["printer", "--output", out, "--control", control]) == 1
    assert "file" in error_of(capsys)


def test_a_port_that_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])

        assert cli.main(["link", "--target-port", port, "--port", port, "--control", str(tmp_path / "control")]) == 1
    assert port in error_of(capsys)


def test_the_port_of_a_playground_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])

        assert cli.main(["play", "--port", port]) == 1
    assert error_of(capsys).startswith(f"comptoir-sim: port {port} can't be used")


def run_apart(code: str, *arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program in another process, after some code; `path` comes first among its programs."""
    environ = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"} if path else None
    return subprocess.run(
        [sys.executable, "-c", f"{code}; from hardware_sim import cli; sys.exit(cli.main(sys.argv[1:]))", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(cli.__file__).parents[1],
        env=environ,
        timeout=60,
    )


@pytest.fixture
def broken_browser(tmp_path: Path) -> Path:
    """A folder with a Chromium that doesn't start."""
    program = tmp_path / "bin" / "chromium"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho no display; exit 1\n")
    program.chmod(0o755)
    return program.parent


@pytest.mark.parametrize(("library", "command"), [("PIL", "printer"), ("playwright", "pictures")])
def test_a_missing_library_says_which_extra_to_install(
    library: str, command: str, tmp_path: Path, broken_browser: Path
) -> None:
    arguments = {
        "printer": ["--output", str(tmp_path / "out"), "--control", str(tmp_path / "control")],
        "pictures": ["--out", str(tmp_path / "out")],
    }

    done = run_apart(f"import sys; sys.modules[{library!r}] = None", command, *arguments[command], path=broken_browser)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert f"{library} isn't installed: pip install 'comptoir[sim,camera]'" in done.stderr


def test_a_browser_that_does_not_start_is_one_line(tmp_path: Path, broken_browser: Path) -> None:
    done = run_apart("import sys", "pictures", "--out", str(tmp_path / "out"), path=broken_browser)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert done.stderr.startswith("comptoir-sim: the browser: ")
