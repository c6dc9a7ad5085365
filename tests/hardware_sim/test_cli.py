"""`comptoir-sim`: what goes wrong is one line and an exit code."""

from __future__ import annotations

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
    ("arguments", "expected"), [([], "COMMAND"), (["steal"], "steal"), (["printer", "--paper", "70"], "70")]
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


def test_a_missing_library_says_which_extra_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['PIL'] = None; from hardware_sim import cli; sys.exit(cli.main(sys.argv[1:]))"
    arguments = ["printer", "--output", str(tmp_path / "out"), "--control", str(tmp_path / "control")]

    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(cli.__file__).parents[1],
        timeout=60,
    )

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert "comptoir[sim,camera]" in done.stderr
