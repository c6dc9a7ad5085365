"""The commands as people type them: what they say, their exit codes, and never a traceback for what people do wrong."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from hardware_sim.counter_client import Json
from hardware_sim.programs import until
from hardware_sim.town import CARD, PROGRAMMES, VOUCHER
from tests.e2e.places import Said, Town, a_town, say, short_folder

DONE, FAILED, USAGE = 0, 1, 2


def comptoir(*arguments: str, cwd: Path | None = None, **environ: str) -> Said:
    """The box's command."""
    return _sober(say("gateway.cli", *arguments, environ=environ, cwd=cwd))


def office(*arguments: str, cwd: Path | None = None, **environ: str) -> Said:
    """The centre's command."""
    return _sober(say("central.cli", *arguments, environ=environ, cwd=cwd))


def simulator(*arguments: str) -> Said:
    """The simulator's command."""
    return _sober(say("hardware_sim.cli", *arguments))


def _sober(said: Said) -> Said:
    assert "Traceback" not in said.out + said.err
    return said


def one_line(said: Said) -> str:
    """The one line that an error is."""
    assert said.out == ""
    (line,) = said.err.splitlines()
    return line


# --- wrong usage, whatever the command


@pytest.mark.parametrize("command", [comptoir, office, simulator], ids=["comptoir", "comptoir-central", "comptoir-sim"])
def test_help_is_there_and_wrong_usage_is_told(command: type) -> None:
    assert command("--help").code == DONE
    for wrong in ([], ["make-coffee"], ["--nonsense"]):
        said = command(*wrong)
        assert said.code == USAGE
        assert said.err and not said.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["counter"],
        ["counter", "earn"],
        ["counter", "earn", "2,00", "--key", "no-uuid"],
        ["counter", "void", "no-uuid"],
        ["counter", "printed", "first", "yes"],
        ["counter", "printed", "1", "perhaps"],
        ["counter", "training", "maybe"],
        ["journal"],
        ["journal", "show", "--last", "many"],
        ["enrol"],
        ["enrol", "request"],
        ["scan-test"],
        ["scan-test", "--image", "a.png", "--dir", "b"],
        ["status", "extra"],
    ],
    ids=" ".join,
)
def test_wrong_usage_of_the_box(arguments: list[str]) -> None:
    said = comptoir(*arguments)

    assert said.code == USAGE
    assert one_line(said).startswith("comptoir") and "--help" in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["init"],
        ["shop"],
        ["shop", "add", "a"],
        ["programme"],
        ["programme", "load"],
        ["enrol", "request.json"],
        ["issue"],
        ["issue", CARD, "--count", "many"],
        ["command", "box-a"],
        ["books", "--yaml"],
    ],
    ids=" ".join,
)
def test_wrong_usage_of_the_centre(arguments: list[str]) -> None:
    said = office(*arguments)

    assert said.code == USAGE
    assert "--help" in one_line(said)


# --- settings


BOX_COMMANDS = (
    ["run"],
    ["status"],
    ["counter", "show"],
    ["journal", "verify"],
    ["journal", "show"],
    ["print-test"],
    ["enrol", "request", "--out", "request.json"],
)


@pytest.mark.parametrize("arguments", BOX_COMMANDS, ids=" ".join)
def test_settings_that_are_not_there(arguments: list[str], tmp_path: Path) -> None:
    said = comptoir(*arguments, "--config", "nowhere.toml", cwd=tmp_path)

    assert said.code == USAGE
    assert "nowhere.toml" in one_line(said) and "--config" in said.err
    assert list(tmp_path.iterdir()) == []


def test_settings_that_are_no_toml_are_named_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "comptoir.toml").write_text('data_dir = "box"\nlanguage = \n')

    said = comptoir("run", cwd=tmp_path)

    assert said.code == USAGE
    assert "comptoir.toml" in said.err and "ligne 2" in said.err


def test_every_fault_of_the_settings_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "comptoir.toml").write_text(
        """
language = "de"
ask_deadline_ms = -1
colour = "red"

[api]
host = "everywhere"

[[scanners]]
name = "imprimante"
device = "/dev/null"

[[cameras]]
name = "camera"

[printer]
name = "imprimante"
host = "localhost"
paper_mm = 72
"""
    )

    said = comptoir("run", cwd=tmp_path, COMPTOIR_BROKER="nonsense")

    assert said.code == USAGE
    for fault in ("data_dir", "language", "ask_deadline_ms", "colour", "api.host", "broker", "cameras.0", "paper_mm"):
        assert fault in said.err
    assert "deux appareils portent ce nom" in said.err


def test_the_settings_may_be_named_by_the_environment(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.toml").write_text('data_dir = "box"\nlanguage = "en"\n')

    said = comptoir("status", cwd=tmp_path, COMPTOIR_CONFIG="elsewhere.toml")

    assert said.code == USAGE
    assert one_line(said) == "comptoir: The box isn't running. Start it: comptoir run"


# --- a box that isn't enrolled


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The settings of a box that isn't enrolled."""
    (tmp_path / "comptoir.toml").write_text('data_dir = "box"\n')
    return tmp_path


@pytest.mark.parametrize("arguments", [["run"], ["journal", "verify"]], ids=" ".join)
def test_a_box_that_is_not_enrolled_says_how_to_enrol_it(arguments: list[str], bare: Path) -> None:
    said = comptoir(*arguments, cwd=bare)

    assert said.code == USAGE
    assert "comptoir enrol" in one_line(said)


def test_a_box_without_a_journal_has_none_to_show(bare: Path) -> None:
    said = comptoir("journal", "show", cwd=bare)

    assert said.code == FAILED
    assert "comptoir enrol" in one_line(said)


def test_a_box_without_a_printer_prints_no_test(bare: Path) -> None:
    said = comptoir("print-test", cwd=bare)

    assert said.code == USAGE
    assert "[printer]" in one_line(said)


def test_a_printer_that_is_not_there_is_told(bare: Path) -> None:
    with (bare / "comptoir.toml").open("a") as settings:
        settings.write('[printer]\nname = "imprimante"\nhost = "127.0.0.1"\nport = 1\n')

    said = comptoir("print-test", cwd=bare)

    assert said.code == FAILED
    assert "imprimante" in one_line(said)


def test_only_an_enrolment_can_be_accepted(bare: Path) -> None:
    (bare / "broken.json").write_text("{")
    (bare / "other.json").write_text('{"tenant": "albret"}')

    for name in ("missing.json", "broken.json", "other.json"):
        said = comptoir("enrol", "accept", name, cwd=bare)
        assert said.code == USAGE
        assert name in one_line(said)


def test_a_request_may_be_written_again_and_stays_the_same(bare: Path) -> None:
    first = comptoir("enrol", "request", "--out", "request.json", cwd=bare)
    written = (bare / "request.json").read_text()
    second = comptoir("enrol", "request", "--out", "request.json", cwd=bare)

    assert (first.code, second.code) == (DONE, DONE)
    assert "comptoir enrol accept" in first.out
    assert (bare / "request.json").read_text() == written
    assert (bare / "box" / "journal.key").stat().st_mode & 0o077 == 0


# --- photographs


def test_a_photograph_that_is_not_there(tmp_path: Path) -> None:
    said = comptoir("scan-test", "--image", str(tmp_path / "nothing.png"))

    assert said.code != DONE
    assert "nothing.png" in one_line(said)


def test_a_folder_without_expectations(tmp_path: Path) -> None:
    said = comptoir("scan-test", "--dir", str(tmp_path))

    assert said.code != DONE
    assert "expected.csv" in one_line(said)


# --- the centre


@pytest.fixture(scope="module")
def centre() -> Iterator[Path]:
    """A centre with a shop and both programmes."""
    with short_folder() as folder:
        data = folder / "centre"
        assert office("init", "--tenant", "albret", "--data", str(data)).code == DONE
        assert office("shop", "add", "a", "--name", "Librairie des Halles", "--data", str(data)).code == DONE
        for programme in (CARD, VOUCHER):
            loaded = office("programme", "load", str(PROGRAMMES / f"{programme}.toml"), "--data", str(data))
            assert (loaded.code, loaded.out) == (DONE, f"{programme} version 1\n")
        yield data


@pytest.mark.parametrize(
    "arguments", [["serve"], ["books"], ["desk"], ["devices"], ["programme", "list"]], ids=" ".join
)
def test_a_centre_that_is_not_there(arguments: list[str], tmp_path: Path) -> None:
    said = office(*arguments, "--data", str(tmp_path / "nothing"))

    assert said.code == USAGE
    assert "nothing" in one_line(said)
    assert list(tmp_path.iterdir()) == []


def test_the_data_folder_may_be_named_by_the_environment(centre: Path) -> None:
    said = office("programme", "list", COMPTOIR_CENTRAL_DATA=str(centre))

    assert said.code == DONE
    assert [line.split(":")[0] for line in said.out.splitlines()] == [f"{CARD} version 1", f"{VOUCHER} version 1"]


def test_broken_settings_of_the_centre(tmp_path: Path) -> None:
    (tmp_path / "central.toml").write_text('tenant = "Albret"\nbroker = "nonsense"\n')

    said = office("serve", "--data", str(tmp_path))

    assert said.code == USAGE
    for fault in ("data_dir", "tenant", "broker"):
        assert fault in said.err


REFUSED = {
    "a second centre": (["init", "--tenant", "albret"], "nothing was changed"),
    "a shop twice": (["shop", "add", "a", "--name", "Une autre"], "there already"),
    "a shop with a bad id": (["shop", "add", "Shop A", "--name", "A"], "a-z"),
    "a shop nowhere": (["shop", "add", "b", "--name", "B", "--time-zone", "Moon/Base"], "Europe/Paris"),
    "a missing programme": (["programme", "load", "nothing.toml"], "nothing.toml"),
    "cards of no programme": (["issue", "nothing"], "nothing"),
    "vouchers without a value": (["issue", VOUCHER], "face"),
    "vouchers of another value": (["issue", VOUCHER, "--face", "7,77"], "10,00, 20,00, 50,00"),
    "vouchers of no value": (["issue", VOUCHER, "--face", "plenty"], "plenty"),
    "vouchers for no box": (["issue", VOUCHER, "--face", "20,00", "--consign", "box-x"], "box-x"),
    "a command to no box": (["command", "box-x", "report_status"], "box-x"),
    "no request": (["enrol", "nothing.json", "--shop", "a", "--device", "box-a", "--out", "out.json"], "nothing.json"),
    "missing codes": (["issue", CARD, "--codes", "nothing.txt"], "nothing.txt"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_centre_refuses(what: str, centre: Path, tmp_path: Path) -> None:
    arguments, reason = REFUSED[what]

    said = office(*arguments, "--data", str(centre), cwd=tmp_path)

    assert said.code == FAILED
    assert reason in one_line(said)
    assert list(tmp_path.iterdir()) == []


def test_every_fault_of_a_programme_is_told_at_once(centre: Path, tmp_path: Path) -> None:
    text = (PROGRAMMES / f"{CARD}.toml").read_text(encoding="utf-8")
    broken = text.replace("version = 1", "version = 0").replace("cap_minor = 5000 ", "cap_minor = -5 ")
    (tmp_path / "broken.toml").write_text(broken, encoding="utf-8")

    said = office("programme", "load", str(tmp_path / "broken.toml"), "--data", str(centre))

    assert said.code == FAILED
    assert "version" in said.err and "cap_minor" in said.err


def test_a_new_centre_has_nothing_to_tell(centre: Path) -> None:
    data = ("--data", str(centre))

    assert office("desk", *data).out == "nothing waits\n"
    assert office("devices", *data).out == "no boxes\n"
    books = office("books", *data)
    assert books.code == DONE
    assert "every entry sums to zero: holds" in books.out


def test_a_port_that_is_taken(centre: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = office("serve", "--data", str(centre), COMPTOIR_HTTP_PORT=port)

    assert said.code == FAILED
    assert port in one_line(said)


# --- a shop at work


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with a_town(vouchers=4) as town:
        yield town


def at(town: Town, *arguments: str) -> Said:
    """A command in the shop."""
    return comptoir(*arguments, "--config", str(town.a.settings))


def at_centre(town: Town, *arguments: str) -> Said:
    """A command at the centre."""
    return office(*arguments, "--data", str(town.virtual.data))


def credit_a_basket(town: Town) -> Json:
    """The box has something to tell, whatever came before."""
    return at(town, "counter", "earn", "2,00", "--code", town.cards[1].token, "--json").json


def test_a_morning_at_the_counter(town: Town) -> None:
    card = town.cards[0].token
    api = json.loads((town.a.folder / "box" / "api.json").read_text())["url"]
    httpx.delete(f"{api}/v1/counter").raise_for_status()
    assert at(town, "counter", "show").out == "Rien sur le comptoir.\n"

    scanned = at(town, "counter", "scan", card)
    assert scanned.code == DONE and "0,00" in scanned.out
    earned = at(town, "counter", "earn", "23,50")
    assert earned.code == DONE and earned.out.startswith("1,18\N{NO-BREAK SPACE}€ gagnés. [enregistré] ")
    assert "terminal: " in at(town, "counter", "show").out
    town.settle()
    spent = at(town, "counter", "redeem", "0,50", "--code", card, "--json")
    assert spent.code == DONE and spent.json["amount_minor"] == 50
    voided = at(town, "counter", "void", spent.json["event_id"])
    assert voided.code == DONE and "annulée" in voided.out
    sold = at(town, "counter", "sell", VOUCHER, "20,00")
    assert sold.code == DONE and "vendu" in sold.out
    town.settle()
    status = at(town, "status")
    assert status.code == DONE
    assert "Connexion : établie" in status.out
    assert "File d'attente vide" in status.out
    assert "[comptabilisé au centre] Chèque de 20,00" in status.out
    assert at(town, "status", "--json").json["device"] == "box-a"


def test_a_request_is_repeated_with_its_key(town: Town) -> None:
    key = str(uuid4())
    request = ("counter", "earn", "4,00", "--code", town.cards[1].token, "--key", key, "--json")

    first, again = at(town, *request), at(town, *request)

    assert (first.code, again.code) == (DONE, DONE)
    assert (first.json["repeated"], again.json["repeated"]) == (False, True)
    other = at(town, "counter", "earn", "5,00", "--code", town.cards[1].token, "--key", key)
    assert other.code == FAILED
    assert one_line(other)


@pytest.mark.parametrize(
    ("arguments", "said_in_part"),
    [
        (["scan", "no-code"], "Code inconnu"),
        (["scan", "CPT1:NONSENSE"], "abîmé"),
        (["earn", "nothing"], "Montant incorrect"),
        (["earn", "0"], "Montant incorrect"),
        (["redeem", "30,00"], "Solde insuffisant"),
        (["sell", "no-programme", "20,00"], "programme"),
        (["sell", VOUCHER, "7,77"], "7,77"),
        (["printed", "999", "oui"], "impression"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_the_counter_refuses_in_words(arguments: list[str], said_in_part: str, town: Town) -> None:
    code = ("--code", town.cards[2].token) if arguments[0] in ("earn", "redeem") else ()

    said = at(town, "counter", *code_after(arguments, code))

    assert said.code in (FAILED, USAGE)
    assert said_in_part.lower() in (said.out + said.err).lower()


def code_after(arguments: list[str], code: tuple[str, ...]) -> list[str]:
    """A command with the code it is about."""
    return [arguments[0], *code, *arguments[1:]]


def test_training_moves_nothing(town: Town) -> None:
    before = town.booked()
    assert "Entraînement" in at(town, "counter", "training", "on").out
    earned = at(town, "counter", "earn", "100,00", "--code", town.cards[3].token)
    assert "ENTRAÎNEMENT" in earned.out
    assert at(town, "counter", "show").out.startswith("ENTRAÎNEMENT")
    assert at(town, "counter", "training", "off").code == DONE
    town.settle()
    assert town.booked() > before
    assert "0,00" in at(town, "counter", "scan", town.cards[3].token).out


def test_a_print_is_asked_for(town: Town) -> None:
    said = at(town, "counter", "print", credit_a_basket(town)["event_id"])

    assert said.code == DONE and said.out.startswith("Impression ")
    until(lambda: not town.a.status()["jobs"], what="the receipt to be printed")


def test_the_printer_is_tested(town: Town) -> None:
    # One program at a time may hold the printer's port: the box lets it go when it ends.
    town.a.gateway.stop()
    good = at(town, "print-test")
    town.a.twin("printer").do("paper", state="out")
    bad = at(town, "print-test")
    town.a.twin("printer").do("paper", state="ok")
    town.a.open()

    assert (good.code, good.out) == (DONE, "Imprimé, l'imprimante l'a confirmé.\n")
    assert bad.code == FAILED
    assert "papier" in one_line(bad).lower()


def test_the_journal_is_shown_and_verified(town: Town) -> None:
    credit_a_basket(town)
    shown = at(town, "journal", "show", "--last", "2")
    rows = [json.loads(line) for line in shown.out.splitlines()]
    assert len(rows) == 2
    assert rows[1]["seq"] == rows[0]["seq"] + 1
    assert len(at(town, "journal", "show").out.splitlines()) > 2

    verified = at(town, "journal", "verify")
    assert verified.code == DONE
    assert verified.out.startswith("Journal intact : ")


def test_the_day_is_closed(town: Town) -> None:
    credit_a_basket(town)

    closed = at(town, "counter", "close-day")
    again = at(town, "counter", "close-day")

    assert closed.code == DONE and "close" in closed.out
    assert again.code == FAILED
    assert one_line(again)


def test_a_picture_of_a_voucher_is_read(town: Town) -> None:
    at(town, "counter", "sell", VOUCHER, "20,00")
    until(lambda: not town.a.status()["jobs"], what="the voucher to be printed")
    number = town.a.twin("printer").do("state")["receipts"]
    picture, printed = town.a.receipt(number)

    said = at(town, "scan-test", "--image", str(picture))

    assert said.code == DONE
    assert printed["qr"][0] in said.out


def test_one_box_runs_once(town: Town) -> None:
    said = at(town, "run")

    assert said.code == FAILED
    assert "journal" in said.err.splitlines()[-1]
    assert town.a.status()["device"] == "box-a"


def test_a_box_is_enrolled_once(town: Town) -> None:
    again = at(town, "enrol", "accept", str(town.a.folder / "enrolment.json"))
    twice = at_centre(
        town,
        *("enrol", str(town.a.folder / "request.json"), "--shop", "a", "--device", "box-z"),
        *("--out", str(town.a.folder / "twice.json")),
    )

    assert again.code == USAGE and one_line(again)
    assert twice.code == FAILED and "box-a" in one_line(twice)
    assert not (town.a.folder / "twice.json").exists()


def test_a_box_that_has_stopped_says_so(town: Town) -> None:
    town.settle()
    town.a.gateway.stop()

    for arguments in (["status"], ["counter", "show"], ["counter", "earn", "2,00"]):
        said = at(town, *arguments)
        assert said.code == USAGE
        assert one_line(said) == "comptoir: La caisse ne tourne pas. Démarrez-la : comptoir run"
    assert at(town, "journal", "verify").code == DONE
    town.a.open()


def test_the_centre_tells_where_everything_stands(town: Town) -> None:
    credit_a_basket(town)
    town.settle()

    devices = at_centre(town, "devices")
    books = at_centre(town, "books")
    desk = at_centre(town, "desk")

    assert devices.code == DONE and devices.out.startswith("box-a")
    assert "there" in devices.out
    assert books.code == DONE and "holders" in books.out and "BROKEN" not in books.out
    assert at_centre(town, "books", "--json").json["books_balance"] is True
    assert desk.code == DONE
    assert set(at_centre(town, "desk", "--json").json) == {"findings", "forks", "quarantine", "conflicts", "gaps"}
