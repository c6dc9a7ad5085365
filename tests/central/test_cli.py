"""`comptoir-central` as people use it: what it prints, how it fails, and the server as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from central.cli import main
from central.keys import public_text
from central.store.schema import REVISION
from hardware_sim.broker import Broker
from hardware_sim.postgres import Postgres
from tests.central.world import CARD, FILES, VOUCHER, Box, Centre, InFolder

ROOT = Path(__file__).parents[2]


class Terminal:
    """Runs commands on one centre."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capture = capture
        self.said = ""
        self.complained = ""

    def run(self, *arguments: str) -> int:
        self._capture.readouterr()
        try:
            code = main([*arguments, "--data", str(self.folder)])
        except SystemExit as ended:
            code = int(str(ended.code))
        self.said, self.complained = self._capture.readouterr()
        return code

    def do(self, *arguments: str) -> str:
        assert self.run(*arguments) == 0, self.complained
        return self.said

    def fail(self, *arguments: str) -> list[str]:
        """Run a command that must fail in plain lines."""
        assert self.run(*arguments) in (1, 2)
        assert "Traceback" not in self.complained
        return self.complained.splitlines()


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path / "centre", capsys)


@pytest.fixture
def ready(terminal: Terminal) -> Terminal:
    """A centre with a shop and both programmes."""
    terminal.do("init", "--tenant", "albret")
    terminal.do("shop", "add", "a", "--name", "Librairie des Halles")
    terminal.do("programme", "load", str(FILES / f"{CARD}.toml"))
    terminal.do("programme", "load", str(FILES / f"{VOUCHER}.toml"))
    return terminal


def request_file(folder: Path) -> Path:
    path = folder / "request.json"
    key = public_text(Ed25519PrivateKey.generate())
    path.write_text(json.dumps({"journal_key": key, "software": "test"}))
    return path


def test_from_nothing_to_a_consigned_voucher(ready: Terminal, tmp_path: Path) -> None:
    out = tmp_path / "enrolment.json"
    ready.do("enrol", str(request_file(tmp_path)), "--shop", "a", "--device", "box-a", "--out", str(out))

    enrolment = json.loads(out.read_text())
    assert (enrolment["device"], enrolment["tenant"]) == ("box-a", "albret")
    assert out.stat().st_mode & 0o077 == 0

    lines = ready.do("issue", VOUCHER, "--count", "2", "--face", "20,00", "--consign", "box-a").splitlines()
    issued = [json.loads(line) for line in lines]
    assert [sorted(line) for line in issued] == [["instrument", "token"]] * 2
    assert all(line["token"].startswith("CPT1:") for line in issued)
    assert "box-a" in ready.do("devices")
    assert json.loads(ready.do("devices", "--json"))[0]["booked_seq"] == 0
    assert ready.do("desk") == "nothing waits\n"


def test_a_centre_on_postgresql(terminal: Terminal, postgres: Postgres) -> None:
    url = postgres.new()
    terminal.do("init", "--tenant", "albret", "--database", url)
    terminal.do("programme", "load", str(FILES / f"{CARD}.toml"))

    assert len(terminal.do("issue", CARD, "--count", "3").splitlines()) == 3
    assert "holds" in terminal.do("books")
    assert not list(terminal.folder.glob("*.sqlite"))
    # Its URL may hold a password.
    assert (terminal.folder / "central.toml").stat().st_mode & 0o077 == 0
    postgres.drop(url)
    (told,) = terminal.fail("books")
    assert "does not exist; check the server" in told.replace(")", "")


def test_a_wrong_database_can_be_put_right_and_its_password_stays_secret(terminal: Terminal) -> None:
    wrong = "postgresql://office:s3cret@127.0.0.1:1/central"
    (told,) = terminal.fail("init", "--tenant", "albret", "--database", wrong)
    assert "postgresql://office:***@127.0.0.1:1/central: can't use the database" in told
    assert "s3cret" not in told

    terminal.do("init", "--tenant", "albret")


def test_an_older_database_asks_to_be_migrated(ready: Terminal) -> None:
    assert ready.do("migrate") == f"{REVISION} already\n"

    url = f"sqlite:///{ready.folder / 'central.sqlite'}"
    InFolder().by_hand(url, ["UPDATE alembic_version SET version_num = '0000'"])

    (told,) = ready.fail("books")
    assert told.endswith("the database is an older one; run comptoir-central migrate")


def test_issuing_into_a_pipe_that_breaks_leaves_nothing_owed_that_was_not_told(ready: Terminal) -> None:
    """Three transactions; the reader leaves after the first line."""
    arguments = ["issue", VOUCHER, "--count", "600", "--face", "20,00", "--gift", "--data", str(ready.folder)]
    process = subprocess.Popen(
        [sys.executable, "-m", "central.cli", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    told = process.stderr.read().decode()
    process.stderr.close()

    assert process.wait(timeout=60) != 0
    assert "Broken pipe" in told
    owed = {line["account"]: line["balance_minor"] for line in json.loads(ready.do("books", "--json"))["balances"]}
    assert owed.get("holders", 0) < 600 * 2_000


def test_a_refused_enrolment_leaves_no_file_and_an_existing_one_alone(ready: Terminal, tmp_path: Path) -> None:
    request, out = str(request_file(tmp_path)), tmp_path / "enrolment.json"
    ready.fail("enrol", request, "--shop", "z", "--device", "box-a", "--out", str(out))
    assert not out.exists()

    out.write_text("kept")
    (told,) = ready.fail("enrol", request, "--shop", "a", "--device", "box-a", "--out", str(out))

    assert "File exists" in told
    assert out.read_text() == "kept"
    assert json.loads(ready.do("devices", "--json")) == []


def test_programmes_are_listed(ready: Terminal) -> None:
    assert ready.do("programme", "list").splitlines() == [
        "albret-card version 1: Carte de fidélité Albret",
        "albret-voucher version 1: Chèque cadeau Albret",
    ]


def test_every_fault_of_a_programme_is_told_at_once(ready: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    text = (FILES / f"{CARD}.toml").read_text()
    path.write_text(
        text.replace("earn_rate_bp = 500", "earn_rate_bp = 0").replace("cap_minor = 5000", "cap_minor = -1")
    )

    told = ready.fail("programme", "load", str(path))

    assert len(told) == 2
    assert ["earn_rate_bp" in told[0], "cap_minor" in told[1]] == [True, True]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["issue"], "required"),
        (["dance"], "invalid choice"),
        (["shop", "add", "a", "--name", "Again"], "there already"),
        (["programme", "load", "/nowhere.toml"], "can't be read"),
        (["issue", VOUCHER, "--face", "20,001", "--gift"], "not an amount|decimals"),
        (["issue", VOUCHER, "--face", "20,00"], "--consign DEVICE"),
        (["issue", CARD, "--count", "many"], "invalid int"),
        (["issue", CARD, "--codes", "/nowhere.txt"], "No such file"),
        (["enrol", "/nowhere.json", "--shop", "a", "--device", "b", "--out", "/tmp/x"], "can't be read"),
        (["command", "nobody", "report_status"], "no box nobody"),
        (["init", "--tenant", "albret"], "there already"),
    ],
)
def test_an_error_is_one_clear_line(ready: Terminal, arguments: list[str], message: str) -> None:
    (told,) = ready.fail(*arguments)

    assert any(part in told for part in message.split("|")), told


def test_a_missing_centre_is_told(terminal: Terminal) -> None:
    (told,) = terminal.fail("books")

    assert "central.toml" in told


def test_broken_settings_are_told_all_at_once(ready: Terminal) -> None:
    (ready.folder / "central.toml").write_text('data_dir = "."\ntenant = "Albret!"\nbroker = "nowhere"\n')

    (told,) = ready.fail("books")

    assert ["tenant" in told, "broker" in told] == [True, True]


def test_a_failure_shows_where_it_comes_from_on_request(ready: Terminal) -> None:
    with pytest.raises(FileNotFoundError):
        ready.run("issue", CARD, "--codes", "/nowhere.txt", "--debug")


@pytest.fixture
def booked(centre: Centre, box_a: Box, box_b: Box, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """One voucher sold, and taken in two shops offline."""
    (voucher,) = centre.vouchers(box_a)
    grants = {box.device: centre.grant(box).grant_id for box in (box_a, box_b)}
    box_a.sold(voucher)
    for box in (box_a, box_b):
        centre.clock.advance(minutes=1)
        box.redeemed(VOUCHER, voucher, 2_000, grant=grants[box.device])
        centre.batch(box)
    return Terminal(centre.folder, capsys)


def test_books_print_balances_and_promises(booked: Terminal) -> None:
    told = booked.do("books")

    assert "merchant:b" in told
    assert "€20.00" in told
    assert "every entry sums to zero: holds" in told


def test_books_as_json(booked: Terminal) -> None:
    told = json.loads(booked.do("books", "--json"))

    assert told["books_balance"] is True
    assert {line["account"]: line["balance_minor"] for line in told["balances"]} == {
        "loss": -2_000,
        "merchant:b": 2_000,
    }
    assert all(invariant["violations"] == [] for invariant in told["invariants"])


def test_books_fail_after_one_posting_was_changed_by_hand(centre: Centre, booked: Terminal) -> None:
    centre.by_hand("UPDATE postings SET amount_minor = 1 WHERE account = 'loss'")

    assert booked.run("books", "--json") == 1
    assert json.loads(booked.said)["books_balance"] is False
    assert booked.run("books") == 1
    assert "BROKEN" in booked.said


def test_the_desk_lists_the_double_acceptance(booked: Terminal) -> None:
    (finding,) = json.loads(booked.do("desk", "--json"))["findings"]

    assert (finding["kind"], finding["funded_minor"], finding["loss_minor"]) == ("double_acceptance", 2_000, 2_000)
    assert [event["shop_name"] for event in finding["events"]] == ["Librairie des Halles", "Chez Maïté"]
    told = booked.do("desk")
    assert told.startswith("double_acceptance: albret-voucher")
    assert told.count("credited to merchant") == 2


def started(ready: Terminal) -> tuple[subprocess.Popen[str], list[dict[str, Any]]]:
    """The server as a process, once it says that it serves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "central.cli", "serve", "--data", str(ready.folder)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    logged = []
    for line in process.stderr:
        logged.append(json.loads(line))
        if logged[-1]["event"] == "central serves":
            break
    return process, logged


def test_the_server_serves_and_stops(ready: Terminal, tmp_path: Path) -> None:
    with Broker(folder=tmp_path / "broker") as broker:
        settings = (
            f'data_dir = "."\ntenant = "albret"\nbroker = "mqtt://{broker.host}:{broker.port}"\n[http]\nport = 0\n'
        )
        (ready.folder / "central.toml").write_text(settings)
        process, logged = started(ready)
        try:
            url = json.loads((ready.folder / "http.json").read_text())["url"]
            assert logged[-1]["http"] == url
            assert httpx.get(f"{url}/v1/health").json()["status"] == "ok"
            assert httpx.get(f"{url}/v1/registry/{CARD}").status_code == 401
            ready.do("issue", CARD, "--count", "3")
        finally:
            process.send_signal(signal.SIGTERM)
            _, rest = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "Traceback" not in rest
    assert "CPT1:" not in rest


def test_a_port_in_use_is_told(ready: Terminal) -> None:
    process, _ = _serving_on_any_port(ready)
    try:
        port = json.loads((ready.folder / "http.json").read_text())["url"].rpartition(":")[2]
        (ready.folder / "central.toml").write_text(
            f'data_dir = "."\ntenant = "albret"\nbroker = "mqtt://127.0.0.1"\n[http]\nport = {port}\n'
        )
        (told,) = ready.fail("serve")
        assert f":{port}: can't listen" in told
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def _serving_on_any_port(ready: Terminal) -> tuple[subprocess.Popen[str], list[dict[str, Any]]]:
    (ready.folder / "central.toml").write_text(
        'data_dir = "."\ntenant = "albret"\nbroker = "mqtt://127.0.0.1:9"\n[http]\nport = 0\n'
    )
    return started(ready)


def test_central_loads_nothing_of_a_device() -> None:
    program = (
        "import sys, central.cli, central.app, central.http; "
        "print(sorted({'serial', 'cv2', 'escpos', 'pyzbar', 'zxingcpp', 'evdev'} & sys.modules.keys()))"
    )

    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == "[]"


def test_the_folder_may_be_named_before_or_after_a_command_within_a_command(
    booked: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    booked.do("office", "add", "claire")
    decide = ("decide", str(UUID(int=1)), "pay", "--by", "claire")
    folder = ("--data", str(booked.folder))

    for command in (("desk", *folder, *decide), ("desk", *decide, *folder)):
        assert main(command) == 1
        assert "waits on the desk" in capsys.readouterr().err


def test_a_case_is_decided_at_the_terminal(booked: Terminal) -> None:
    (finding,) = json.loads(booked.do("desk", "--json"))["findings"]
    case = next(event["event_id"] for event in finding["events"] if event["choices"])
    assert f"decide: comptoir-central desk decide {case} accept_loss --loss €20.00" in booked.do("desk")
    accept = ("desk", "decide", case, "accept_loss", "--by", "claire")
    (told,) = booked.fail(*accept, "--loss", "€20.00")
    assert "office add NAME" in told

    passphrase = booked.do("office", "add", "claire").strip()
    assert len(passphrase) > 20
    for stale in ((), ("--loss", "1,00")):
        (told,) = booked.fail(*accept, *stale)
        assert "€20.00 is lost" in told
    assert booked.do(*accept, "--loss", "€20.00") == f"{case}: accept_loss, decided by claire\n"

    assert booked.do("desk") == "nothing waits\n"
    (finding,) = json.loads(booked.do("desk", "--json"))["findings"]
    assert (finding["settled"], finding["events"][1]["decided"][0]["by"]) == (True, "claire")
    (told,) = booked.fail("desk", "decide", case, "pay", "--by", "claire")
    assert "nothing of this kind to decide" in told
