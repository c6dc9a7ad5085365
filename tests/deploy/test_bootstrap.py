"""deploy/bootstrap.sh on machines of every kind, told by small stand-ins for python, id, sudo and apt-get."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "bootstrap.sh"

# Answers the script's three questions: is it recent (-c), which version (-V), what is missing (program on stdin).
PYTHON = """\
case "$1" in
    -c) [ -e "$MACHINE/recent" ] ;;
    -V) echo Python 3.9.2 ;;
    *) if read -r line <"$MACHINE/missing"; then echo "$line"; fi ;;
esac
"""
APT_GET = """\
echo "apt-get $*" >>"$MACHINE/calls"
[ ! -e "$MACHINE/apt-broken" ] || { echo "E: no network" >&2; exit 100; }
[ "$1" != install ] || : >"$MACHINE/missing"
"""
SUDO = """\
[ "$1" = -n ] && shift
[ "$1" = true ] && exit
echo sudo >>"$MACHINE/calls"
exec "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A folder that plays a machine: its only commands are those put into it."""

    folder: Path

    def has(self, command: str, script: str) -> None:
        path = self.folder / "bin" / command
        path.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
        path.chmod(0o755)

    def lacks(self, packages: str) -> None:
        (self.folder / "missing").write_text(f"{packages}\n" if packages else "", encoding="utf-8")

    def bootstrap(self) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.folder / "bin"), "MACHINE": str(self.folder)}
        command = ["/bin/sh", str(SCRIPT), "python3"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Debian with a recent Python, used by root, nothing missing."""
    machine = Machine(folder=tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "recent").touch()
    env = shutil.which("env")
    assert env is not None
    (tmp_path / "bin" / "env").symlink_to(env)
    machine.has("python3", PYTHON)
    machine.has("apt-get", APT_GET)
    machine.has("id", "echo 0\n")
    for wished in ("chromium", "pg_lsclusters"):
        machine.has(wished, "exit 0\n")
    machine.lacks("")
    return machine


def test_nothing_missing_calls_nothing_and_says_nothing(machine: Machine) -> None:
    result = machine.bootstrap()

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert machine.calls() == []


def test_root_installs_exactly_what_is_missing(machine: Machine) -> None:
    machine.lacks("libzbar0")

    assert machine.bootstrap().returncode == 0
    assert machine.calls() == ["apt-get update -qq", "apt-get install -y -qq --no-install-recommends libzbar0"]


def test_a_user_with_passwordless_sudo_installs_too(machine: Machine) -> None:
    machine.has("id", "echo 1000\n")
    machine.has("sudo", SUDO)
    machine.lacks("python3-venv libzbar0")

    assert machine.bootstrap().returncode == 0
    assert machine.calls()[-1] == "apt-get install -y -qq --no-install-recommends python3-venv libzbar0"
    assert machine.calls().count("sudo") == 2


@pytest.mark.parametrize("sudo", [None, "echo 'sudo: a password is required' >&2; exit 1\n"])
def test_a_user_without_rights_is_told_the_one_line(machine: Machine, sudo: str | None) -> None:
    machine.has("id", "echo 1000\n")
    if sudo:
        machine.has("sudo", sudo)
    machine.lacks("python3-venv libzbar0")

    result = machine.bootstrap()

    assert result.returncode == 2
    assert result.stderr == (
        "comptoir: missing python3-venv libzbar0; as root, run: "
        "apt-get update && apt-get install -y --no-install-recommends python3-venv libzbar0\n"
    )
    assert machine.calls() == []


def test_an_old_python_is_named_with_the_remedy(machine: Machine) -> None:
    (machine.folder / "recent").unlink()

    result = machine.bootstrap()

    assert result.returncode == 2
    assert "needs Python 3.11 or newer, but 'python3' is Python 3.9.2" in result.stderr
    assert "make PYTHON=" in result.stderr


def test_a_failing_apt_is_reported_after_its_own_message(machine: Machine) -> None:
    machine.lacks("libzbar0")
    (machine.folder / "apt-broken").touch()

    result = machine.bootstrap()

    assert result.returncode == 1
    assert result.stderr.splitlines()[-2:] == [
        "E: no network",
        "comptoir: apt could not install libzbar0; see its message above",
    ]


def test_a_python_that_still_lacks_its_parts_is_reported(machine: Machine) -> None:
    machine.lacks("python3-venv")
    machine.has("apt-get", "exit 0\n")

    result = machine.bootstrap()

    assert result.returncode == 2
    assert "still lacks python3-venv" in result.stderr


def test_without_apt_the_packages_are_named(machine: Machine) -> None:
    (machine.folder / "bin" / "apt-get").unlink()
    machine.lacks("libzbar0")

    result = machine.bootstrap()

    assert result.returncode == 2
    assert "missing libzbar0" in result.stderr


def test_without_python_it_is_installed_with_the_rest(machine: Machine) -> None:
    (machine.folder / "bin" / "python3").rename(machine.folder / "python3")
    machine.has("apt-get", f'{APT_GET}[ "$1" != install ] || /bin/mv "$MACHINE/python3" "$MACHINE/bin/python3"\n')

    assert machine.bootstrap().returncode == 0
    assert machine.calls()[-1].endswith(" python3 python3-venv libzbar0")


@pytest.mark.parametrize(("absent", "package"), [("chromium", "chromium"), ("pg_lsclusters", "postgresql")])
def test_what_is_wished_for_is_installed_where_it_may_be(machine: Machine, absent: str, package: str) -> None:
    (machine.folder / "bin" / absent).unlink()

    assert machine.bootstrap().returncode == 0
    assert machine.calls()[-1].endswith(f"--no-install-recommends {package}")


def test_a_wish_that_can_not_be_had_stops_nothing(machine: Machine) -> None:
    machine.has("id", "echo 1000\n")
    (machine.folder / "bin" / "chromium").unlink()

    result = machine.bootstrap()

    assert (result.returncode, machine.calls()) == (0, [])
    assert result.stderr == "comptoir: goes on without chromium: what needs it is left out, and says so\n"


def test_neither_does_one_that_apt_can_not_install(machine: Machine) -> None:
    (machine.folder / "bin" / "pg_lsclusters").unlink()
    (machine.folder / "apt-broken").touch()

    result = machine.bootstrap()

    assert result.returncode == 0
    assert result.stderr.splitlines()[-1].startswith("comptoir: goes on without postgresql")


def test_a_wish_that_can_not_be_had_keeps_no_other_from_being_had(machine: Machine) -> None:
    for absent in ("chromium", "pg_lsclusters"):
        (machine.folder / "bin" / absent).unlink()
    machine.has("apt-get", f'case "$*" in *chromium*) exit 100 ;; esac\n{APT_GET}')

    result = machine.bootstrap()

    assert result.returncode == 0
    assert machine.calls()[-1].endswith(" postgresql")
    assert result.stderr.count("goes on without") == 1


def test_a_chromium_of_another_name_will_do(machine: Machine) -> None:
    (machine.folder / "bin" / "chromium").rename(machine.folder / "bin" / "chromium-browser")

    assert machine.bootstrap().returncode == 0
    assert machine.calls() == []
