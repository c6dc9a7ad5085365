"""The import table of the design holds, and import-linter would notice if it did not."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("programme", "drivers", "sync", "edge_config", "gateway", "central", "hardware_sim")
# OpenCV both films and computes: only what films with it counts, and that is drivers.camera.source.
IO_LIBRARIES = frozenset(
    {
        "asyncio",
        "drivers.camera.source",
        "evdev",
        "fcntl",
        "select",
        "selectors",
        "serial",
        "socket",
        "subprocess",
        "termios",
        "threading",
    }
)


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def contract_names() -> dict[str, str]:
    """Names of the contracts by their identifier, as pyproject.toml declares them."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {contract["id"]: contract["name"] for contract in config["tool"]["importlinter"]["contracts"]}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the sources in which a test may plant an import."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_every_contract_holds(tree: Path) -> None:
    result = lint_imports(tree)

    assert result.returncode == 0, result.stdout + result.stderr


PLANTED = [
    ("programme", "import sync", "programme"),
    ("programme", "import drivers", "programme"),
    ("programme", "import socket", "programme-pure"),
    ("programme", "from sqlite3 import connect", "programme-pure"),
    ("programme", "def late():\n    import asyncio", "programme-pure"),
    ("drivers", "import programme", "drivers"),
    ("sync", "import drivers", "sync"),
    ("sync", "import edge_config", "sync"),
    ("edge_config", "import programme", "edge-config"),
    ("gateway", "import central", "gateway"),
    ("gateway", "import hardware_sim", "gateway"),
    ("gateway", "import sqlalchemy", "box-libraries"),
    ("central", "import gateway", "central"),
    ("central", "import drivers", "central"),
    ("central", "import sync", "central"),
    ("central", "import edge_config", "central"),
    ("central", "import cv2", "central-libraries"),
    ("hardware_sim", "import gateway", "hardware-sim"),
    ("hardware_sim", "import central", "hardware-sim"),
]


@pytest.mark.parametrize(("package", "statement", "contract"), PLANTED)
def test_a_planted_import_breaks_its_contract(tree: Path, package: str, statement: str, contract: str) -> None:
    (tree / package / "planted.py").write_text(f"{statement}\n", encoding="utf-8")

    result = lint_imports(tree)

    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{contract_names()[contract]} BROKEN" in " ".join(result.stdout.split())


def test_every_contract_has_a_planted_import() -> None:
    assert {contract for _, _, contract in PLANTED} == set(contract_names())


@pytest.mark.parametrize("shared", ["wire", "topics", "chain", "mqtt"])
def test_central_may_import_the_shared_parts_of_sync(tree: Path, shared: str) -> None:
    if not (tree / "sync" / shared).is_dir():
        (tree / "sync" / f"{shared}.py").touch()
    (tree / "central" / "planted.py").write_text(f"import sync.{shared}\n", encoding="utf-8")

    result = lint_imports(tree)

    assert result.returncode == 0, result.stdout + result.stderr


def test_central_may_not_import_the_box_side_of_sync(tree: Path) -> None:
    (tree / "sync" / "planted_journal.py").touch()
    (tree / "central" / "planted.py").write_text("from sync import planted_journal\n", encoding="utf-8")

    assert lint_imports(tree).returncode == 1


def drivers_with_io(graph: grimp.ImportGraph) -> set[str]:
    """Modules of drivers that the simulator imports although they reach an I/O library: shells, not codecs."""
    simulator = {module for module in graph.modules if module.split(".")[0] == "hardware_sim"}
    used = {imported for module in simulator for imported in graph.find_modules_directly_imported_by(module)}
    codecs = {module for module in used if module.split(".")[0] == "drivers"}
    return {module for module in codecs if {module, *graph.find_upstream_modules(module)} & IO_LIBRARIES}


def import_graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


def test_the_simulator_uses_only_codecs_of_drivers() -> None:
    assert drivers_with_io(import_graph()) == set()


def test_a_shell_in_the_simulator_is_noticed() -> None:
    graph = import_graph()
    graph.add_import(importer="drivers.planted_shell", imported="asyncio")
    graph.add_import(importer="hardware_sim.planted", imported="drivers.planted_shell")

    assert drivers_with_io(graph) == {"drivers.planted_shell"}
