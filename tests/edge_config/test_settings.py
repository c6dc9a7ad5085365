"""Settings come from a TOML file and the environment; every fault is told at once."""

from pathlib import Path

import pytest

from edge_config.errors import SettingsError
from edge_config.settings import (
    BoxSettings,
    CentralSettings,
    Confirmation,
    JournalSettings,
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


def test_the_journal_keeps_what_the_law_wants_unless_told_otherwise(tmp_path: Path) -> None:
    data_dir = 'data_dir = "data"\n'

    assert box(tmp_path, data_dir).journal == JournalSettings(days_at_hand=40, years_kept=6, reserve_mib=64)
    told = box(tmp_path, data_dir + "journal.years_kept = 10", COMPTOIR_JOURNAL_RESERVE_MIB="8").journal
    assert (told.years_kept, told.reserve_mib) == (10, 8)


def test_the_environment_wins(tmp_path: Path) -> None:
    settings = box(tmp_path, WHOLE, COMPTOIR_API_PORT="9999", COMPTOIR_LANGUAGE="fr", COMPTOIR_QR_DIR="/ignored")

    assert (settings.api.port, settings.language) == (9999, Language.FRENCH)


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    (french,) = faults(tmp_path, 'data_dir = "x"\nlanguage = \n')
    (english,) = faults(tmp_path, 'language = "en"\ndata_dir = "x"\n[api\n')

    assert french.startswith("TOML : ligne 2, colonne 12 : ")
    assert english.startswith("TOML: line 3, column 5: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('data_dir = "x"\ndata_dir = "y"\n', "ligne 2, colonne 15 : ce réglage ou cette table est donné deux fois"),
        ('data_dir = """x', "ce n'est pas du TOML"),
        (f"data_dir = {'[' * 5_000}", "l'une dans l'autre"),
        (f"data_dir = {'9' * 5_000}", "ce n'est pas du TOML"),
    ],
)
def test_every_way_of_not_being_toml_is_told(tmp_path: Path, text: str, expected: str) -> None:
    (fault,) = faults(tmp_path, text)

    assert expected in fault


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        """
        langage = "fr"
        ask_deadline_ms = 0
        broker = "http://nowhere"
        [api]
        host = "everywhere"
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

    keys = {fault.partition(" :")[0] for fault in told}
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
    assert faults(tmp_path, 'data_dir = "x"', COMPTOIR_API_PORT="many") == [
        "api.port (COMPTOIR_API_PORT) : doit être un nombre entier"
    ]


def test_a_key_that_should_be_a_table(tmp_path: Path) -> None:
    assert any(fault.startswith("api :") for fault in faults(tmp_path, 'data_dir="x"\napi=1', COMPTOIR_API_PORT="1"))


SENTENCES = {
    "": ("data_dir : manque, ce réglage est obligatoire", "data_dir: is missing, this setting is required"),
    "langage = 1": ("langage : réglage inconnu, vérifiez son nom", "langage: unknown setting, check its name"),
    "broker = 1": ("broker : doit être un texte entre guillemets", "broker: must be text in quotes"),
    "data_dir = 1": ("data_dir : doit être un chemin entre guillemets", "data_dir: must be a path in quotes"),
    'data_dir = "\\u0000"': ("data_dir : contient un caractère nul", "data_dir: holds a null character"),
    'ask_deadline_ms = "x"': (
        "ask_deadline_ms : doit être un nombre entier",
        "ask_deadline_ms: must be a whole number",
    ),
    "ask_deadline_ms = 1.5": (
        "ask_deadline_ms : doit être un nombre entier, sans virgule",
        "ask_deadline_ms: must be a whole number, without decimals",
    ),
    "ask_deadline_ms = 0": ("ask_deadline_ms : doit être plus grand que 0", "ask_deadline_ms: must be more than 0"),
    "api.port = -1": ("api.port : doit être au moins 0", "api.port: must be at least 0"),
    "api.port = 65536": ("api.port : doit être au plus 65535", "api.port: must be at most 65535"),
    'api.host = "everywhere"': (
        "api.host : doit être une adresse de cette machine : 127.0.0.1, 192.168.1.20 ou 0.0.0.0, par exemple",
        "api.host: must be an address of this machine: 127.0.0.1, 192.168.1.20 or 0.0.0.0, for example",
    ),
    'api.names = ["caisse.maison", "http://caisse"]': (
        "api.names.1 : doit être un nom de machine seul, par exemple caisse.maison",
        "api.names.1: must be a host name alone, for example till.home.arpa",
    ),
    'api.names = ["caisse:8787"]': ("api.names.0 : doit être un nom de machine", "api.names.0: must be a host name"),
    'api.embedded_in = ["https://ok.example", "https://*"]': (
        "api.embedded_in.1 : doit être de la forme https://caisse.exemple.fr, sans chemin",
        "api.embedded_in.1: must look like https://till.example.com, without a path",
    ),
    "api.embedded_in = [\"https://x; script-src 'unsafe-inline'\"]": (
        "api.embedded_in.0 : doit être de la forme https://caisse.exemple.fr",
        "api.embedded_in.0: must look like https://till.example.com",
    ),
    'api.embedded_in = ["https://x/y"]': (
        "api.embedded_in.0 : doit être de la forme https://caisse.exemple.fr, sans chemin",
        "api.embedded_in.0: must look like https://till.example.com, without a path",
    ),
    'broker = "http://x"': (
        "broker : doit être de la forme mqtt://machine:1883",
        "broker: must look like mqtt://host:1883",
    ),
    'central = "x"': (
        "central : doit être une adresse http:// ou https://, sans espace",
        "central: must be an http:// or https:// address, without spaces",
    ),
    'printer = {name = "Été", host = ""}': (
        "printer.host : ne doit pas être vide",
        "printer.name: only small letters, digits and hyphens, at most 40, for example “printer-1”",
    ),
    'printer = {name = "p", host = "h", confirm_by = 3}': (
        'printer.confirm_by : doit être "process_id" ou "paper_status"',
        'printer.confirm_by: must be "process_id" or "paper_status"',
    ),
    "printer = {name = 'p', host = 'la caisse'}": (
        "printer.host : doit être un nom de machine ou une adresse, par exemple 192.168.1.50",
        "printer.host: must be a host name or an address, for example 192.168.1.50",
    ),
    "api.port = true": ("api.port : doit être un nombre entier", "api.port: must be a whole number"),
    "scanners = [{baud = false}]": (
        "scanners.0.baud : doit être un nombre entier",
        "scanners.0.baud: must be a whole number",
    ),
    "journal.years_kept = true": (
        "journal.years_kept : doit être un nombre entier",
        "journal.years_kept: must be a whole number",
    ),
    "journal = {days_at_hand = 0, reserve_mib = -1}": (
        "journal.days_at_hand : doit être au moins 1",
        "journal.days_at_hand: must be at least 1",
    ),
    "printer = 5": ("printer : doit être une table : écrivez [printer]", "printer: must be a table: write [printer]"),
    "scanners = 5": ("scanners : doit être une liste : écrivez [[scanners]]", "scanners: must be a list"),
    "cameras = [{}]": (
        "cameras.0 : donnez une seule source parmi device, url, folder, video",
        "cameras.0: give exactly one of device, url, folder, video",
    ),
    "cameras = [{name = 'c', device = '/dev/video0', url = 'rtsp://camera/'}]": (
        "cameras.0 : donnez une seule source",
        "cameras.0: give exactly one of",
    ),
    "cameras = [{name = 'c', url = 'file:///etc/passwd'}]": (
        "cameras.0.url : doit être une adresse http:// ou rtsp://, sans espace",
        "cameras.0.url: must be an http:// or rtsp:// address, without spaces",
    ),
}


UNREACHABLE = {
    "printer.host": ("192.168.1..50", ".caisse", "a" * 64, "a\\u0000b"),
    "broker": ("mqtt://centre:99999", "mqtt://centre:0", "mqtt://a..b", f"mqtt://{'a' * 64}:1883"),
    "central": ("http://centre:99999", "https://a..b/x", "http://:80", "http://[::1"),
    "cameras.0.url": ("rtsp://camera:99999/", "http://user:secret@a..b/"),
}
TABLES = {
    "printer.host": 'printer = {{name = "p", host = "{}"}}',
    "broker": 'broker = "{}"',
    "central": 'central = "{}"',
    "cameras.0.url": 'cameras = [{{name = "c", url = "{}"}}]',
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in UNREACHABLE.items() for value in values])
def test_a_host_or_a_port_that_nobody_can_connect_to_is_refused(tmp_path: Path, key: str, value: str) -> None:
    told = faults(tmp_path, f'data_dir = "x"\n{TABLES[key].format(value)}')

    assert [fault.partition(" :")[0] for fault in told] == [key]
    assert "doit être" in told[0]


@pytest.mark.parametrize("host", ["192.168.1.50", "imprimante.local.", "fe80::1", "imprimante-été.local"])
def test_a_host_may_be_an_address_or_a_name_of_any_script(tmp_path: Path, host: str) -> None:
    settings = box(tmp_path, f'data_dir = "x"\nprinter = {{name = "p", host = "{host}"}}')

    assert settings.printer is not None
    assert settings.printer.host == host


@pytest.mark.parametrize("text", SENTENCES)
def test_a_fault_is_a_sentence_in_the_shopkeepers_language(tmp_path: Path, text: str) -> None:
    french, english = SENTENCES[text]

    assert french in "; ".join(faults(tmp_path, text))
    assert english in "; ".join(faults(tmp_path, f'language = "en"\n{text}'))


def test_an_unknown_language_is_told_in_french(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, 'data_dir = "x"\nlanguage = "de"')

    assert fault == 'language : doit être "fr" ou "en"'


def test_centrals_faults_are_in_english(tmp_path: Path) -> None:
    path = tmp_path / "central.toml"
    path.write_text('data_dir = "c"\ntenant = "Albret"\nbroker = "mqtt://h"\n', encoding="utf-8")

    with pytest.raises(SettingsError, match="tenant: only small letters"):
        load_central_settings(path, {})


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
