"""Settings come from a TOML file and the environment; every fault is told at once."""

from pathlib import Path

import pytest

from edge_config.errors import SettingsError
from edge_config.settings import (
    BoxSettings,
    CentralSettings,
    Confirmation,
    Language,
    load_box_settings,
    load_central_settings,
)

WHOLE = """
data_dir = "data"
language = "en"
ask_deadline_ms = 900
broker = "mqtt://127.0.0.1:1884"
central = "http://127.0.0.1:8080"

[api]
port = 0

[[scanners]]
name = "till-scanner"
device = "/dev/serial/by-path/scanner"

[[cameras]]
name = "camera"
folder = "/var/pictures"

[printer]
name = "receipts"
host = "192.168.1.50"
paper_mm = 58
confirm_by = "process_id"
"""


def box(tmp_path: Path, text: str, **environ: str) -> BoxSettings:
    path = tmp_path / "comptoir.toml"
    path.write_text(text, encoding="utf-8")
    return load_box_settings(path, environ)


def faults(tmp_path: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        box(tmp_path, text, **environ)
    return caught.value.faults


def test_a_whole_file(tmp_path: Path) -> None:
    settings = box(tmp_path, WHOLE)

    assert settings.data_dir == tmp_path / "data"
    assert settings.language is Language.ENGLISH
    assert settings.api.port == 0
    assert settings.scanners[0].device == Path("/dev/serial/by-path/scanner")
    assert settings.cameras[0].folder == Path("/var/pictures")
    assert settings.printer is not None
    assert (settings.printer.port, settings.printer.confirm_by) == (9_100, Confirmation.PROCESS_ID)


def test_a_data_folder_is_enough(tmp_path: Path) -> None:
    settings = box(tmp_path, 'data_dir = "/var/lib/comptoir"')

    assert settings == BoxSettings(data_dir=Path("/var/lib/comptoir"))
    assert (settings.api.host, settings.api.port, settings.language) == ("127.0.0.1", 8787, Language.FRENCH)


def test_the_environment_wins(tmp_path: Path) -> None:
    settings = box(tmp_path, WHOLE, COMPTOIR_API_PORT="9999", COMPTOIR_LANGUAGE="fr", COMPTOIR_QR_DIR="/ignored")

    assert (settings.api.port, settings.language) == (9999, Language.FRENCH)


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, 'data_dir = "x"\nlanguage = \n')

    assert "line 2" in fault


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        """
        langage = "fr"
        ask_deadline_ms = 0
        broker = "http://nowhere"
        [api]
        host = "0.0.0.0"
        [[scanners]]
        name = "till"
        [[cameras]]
        name = "till"
        folder = "a"
        video = "b"
        [printer]
        name = "p"
        host = "h"
        paper_mm = 70
        """,
    )

    keys = {fault.partition(":")[0] for fault in told}
    assert keys == {
        "data_dir",
        "langage",
        "ask_deadline_ms",
        "broker",
        "api.host",
        "scanners.0.device",
        "cameras.0",
        "printer.paper_mm",
        "till",
    }


def test_a_fault_of_the_environment_names_its_key(tmp_path: Path) -> None:
    assert faults(tmp_path, 'data_dir = "x"', COMPTOIR_API_PORT="many")[0].startswith("api.port:")


def test_a_key_that_should_be_a_table(tmp_path: Path) -> None:
    assert any(fault.startswith("api:") for fault in faults(tmp_path, 'data_dir="x"\napi=1', COMPTOIR_API_PORT="1"))


def test_a_missing_file_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--config"):
        load_box_settings(tmp_path / "nowhere.toml", {})


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "comptoir.toml"
    path.write_bytes(b'data_dir = "\xff"')

    with pytest.raises(SettingsError, match="UTF-8"):
        load_box_settings(path, {})


def test_central_keeps_its_database_with_its_data(tmp_path: Path) -> None:
    path = tmp_path / "central.toml"
    path.write_text('data_dir = "c"\ntenant = "albret"\nbroker = "mqtt://127.0.0.1"\n', encoding="utf-8")

    settings = load_central_settings(path, {"COMPTOIR_HTTP_PORT": "0"})

    assert isinstance(settings, CentralSettings)
    assert settings.http.port == 0
    assert settings.database_url == f"sqlite:///{tmp_path}/c/central.sqlite"
