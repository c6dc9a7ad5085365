"""What may be in the repository: small files, complete locks, nothing that ties it to one machine."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LARGEST_FILE_BYTES = 512 * 1024
LOCKS = {"box": ("box", "camera"), "central": ("central",), "dev": ("box", "camera", "central", "sim", "dev")}
BOX_PACKAGES = ("programme", "drivers", "sync", "edge_config", "gateway")
CENTRAL_PACKAGES = ("programme", "sync", "edge_config", "central")
# Debian's python3-evdev: the package on the index is source only and needs a compiler.
FROM_DEBIAN = frozenset({"evdev"})

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tracked_files() -> list[Path]:
    """Files git knows and that are there."""
    # The folder may belong to somebody else, as in a container: reading it is harmless.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in result.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def canonical(name: str) -> str:
    """The normalised name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(extras: tuple[str, ...]) -> set[str]:
    project = PYPROJECT["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {canonical(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in lines}


def read_lock(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")


def locked(lock: str) -> dict[str, str]:
    """Pinned versions by canonical name."""
    pins = re.findall(r"^([A-Za-z0-9._-]+)==(\S+) \\$", read_lock(lock), flags=re.MULTILINE)
    return {canonical(name): version for name, version in pins}


def imported_distributions(package: str) -> Iterator[str]:
    """Distributions outside the standard library and ours that a package imports anywhere, also inside functions."""
    distributions = packages_distributions()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for top in {name.split(".")[0] for name in names} - sys.stdlib_module_names - FROM_DEBIAN:
                yield from (canonical(name) for name in distributions.get(top, [top]) if name != "comptoir")


def test_no_file_is_large() -> None:
    large = [str(path) for path in tracked_files() if path.stat().st_size > LARGEST_FILE_BYTES]

    assert large == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    pattern = re.compile(rb"(?<![\w.-])/(?:work|root)/")
    own = Path(__file__)

    naming = [str(path) for path in tracked_files() if path != own and pattern.search(path.read_bytes())]

    assert naming == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index_and_no_place(lock: str) -> None:
    text = read_lock(lock)

    assert "://" not in text
    assert " @ " not in text
    assert re.findall(r"^\s*-[^c].*$", text.replace("--hash=", ""), flags=re.MULTILINE) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_declared_dependency(lock: str) -> None:
    assert declared(LOCKS[lock]) - locked(lock).keys() == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    requirements = [line for line in read_lock(lock).splitlines() if line and not line.startswith((" ", "#"))]

    assert len(requirements) == len(locked(lock))
    assert len(re.findall(r"==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", read_lock(lock))) == len(requirements)


@pytest.mark.parametrize("lock", ["box", "central"])
def test_what_runs_in_shops_is_what_was_tested(lock: str) -> None:
    assert locked(lock).items() <= locked("dev").items()


def test_the_box_installs_nothing_of_the_centre_or_the_simulator() -> None:
    others = declared(("central", "sim", "dev")) - declared(("box", "camera"))
    # python-escpos, which composes the receipts, brings the first three itself, and FastAPI the fourth.
    others -= {"pillow", "python-barcode", "pyyaml", "anyio"}

    assert others & locked("box").keys() == set()


def test_the_build_back_end_is_pinned_as_in_the_lock() -> None:
    assert PYPROJECT["build-system"]["requires"] == [f"setuptools=={locked('dev')['setuptools']}"]


@pytest.mark.parametrize(
    ("lock", "package"),
    [("box", package) for package in BOX_PACKAGES] + [("central", package) for package in CENTRAL_PACKAGES],
)
def test_every_imported_library_is_in_the_lock(lock: str, package: str) -> None:
    assert set(imported_distributions(package)) - locked(lock).keys() == set()
