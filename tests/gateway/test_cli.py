"""The terminal tools: plain answers, one-line errors, exit codes a script can use."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import cv2
import pytest

from edge_config.enrolment import write_message
from gateway import cli
from gateway.commands.status import lines
from hardware_sim.printer.twin import PrinterTwin
from tests.gateway.agent_process import AgentProcess
from tests.gateway.test_devices import picture_of
from tests.gateway.world import FakeCentral, enrolment


@pytest.fixture
def central() -> FakeCentral:
    return FakeCentral()


@pytest.fixture
def agent(tmp_path: Path, central: FakeCentral) -> AgentProcess:
    """An enrolled box that isn't running."""
    agent = AgentProcess(tmp_path)
    agent.enrol(central)
    return agent


def run(agent: AgentProcess, *arguments: str) -> int:
    return cli.main([*arguments, "--config", str(agent.config)])


def error_of(capsys: pytest.CaptureFixture[str], program: str = "comptoir: ") -> str:
    """The one line of an error."""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(program)
    return line


def test_the_counter_from_the_terminal(agent: AgentProcess, central: FakeCentral) -> None:
    async def story() -> None:
        await agent.start()
        try:
            await asyncio.to_thread(work)
        finally:
            await agent.kill()

    def work() -> None:
        assert "Rien sur le comptoir" in agent.tool("counter", "show").stdout
        assert "0,00" in agent.tool("counter", "scan", central.card(1)).stdout
        earned = agent.tool("counter", "earn", "23,50")
        assert (earned.returncode, "1,18" in earned.stdout, "[enregistré]" in earned.stdout) == (0, True, True)
        assert "1,18" in agent.tool("counter", "show", COMPTOIR_LANGUAGE="en").stdout
        refused = agent.tool("counter", "redeem", "0,50")
        assert (refused.returncode, "Solde insuffisant" in refused.stdout) == (1, True)
        bad = agent.tool("counter", "earn", "abc")
        assert (bad.returncode, bad.stderr.count("\n"), "23,50" in bad.stderr) == (1, 1, True)
        unknown = agent.tool("counter", "scan", "HELLO")
        assert (unknown.returncode, "Code inconnu" in unknown.stdout) == (1, True)
        key = str(uuid4())
        again = [agent.tool("counter", "earn", "5,00", "--code", central.card(2), "--key", key, "--json") for _ in "ab"]
        assert [json.loads(done.stdout)["repeated"] for done in again] == [False, True]
        assert "annulée" in agent.tool("counter", "void").stdout
        assert "Aucune imprimante" in agent.tool("counter", "print").stderr
        assert "ENTRAÎNEMENT" in agent.tool("counter", "training", "on").stdout.upper()
        assert agent.tool("counter", "training", "off").returncode == 0
        assert "close" in agent.tool("counter", "close-day").stdout
        status = agent.tool("status")
        assert (status.returncode, "Valeur à risque" in status.stdout) == (0, True)
        assert json.loads(agent.tool("status", "--json").stdout)["device"] == "box-a"
        assert agent.tool("journal", "verify").returncode == 0
        other = agent.tool("run")
        assert (other.returncode, other.stderr.count("\n"), "autre programme" in other.stderr) == (1, 1, True)

    asyncio.run(story())


def test_an_empty_code_is_no_code_and_takes_nothing_from_the_counter(agent: AgentProcess, central: FakeCentral) -> None:
    async def story() -> None:
        await agent.start()
        try:
            await asyncio.to_thread(agent.tool, "counter", "scan", central.card(1))
            earned = await asyncio.to_thread(agent.tool, "counter", "earn", "5", "--code", "")
            status = await agent.get("/v1/status")
        finally:
            await agent.kill()
        assert earned.returncode == 1
        assert earned.stderr.startswith("code : trop court")
        assert status["operations"] == []

    asyncio.run(story())


def test_a_box_that_does_not_run_says_how_to_start_it(agent: AgentProcess, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["status"], ["counter", "show"], ["counter", "earn", "5"]):
        assert run(agent, *arguments) == 2
        assert "comptoir run" in error_of(capsys)


def test_an_agent_that_died_is_one_that_does_not_run(agent: AgentProcess, capsys: pytest.CaptureFixture[str]) -> None:
    for left in (
        '{"url": "http://127.0.0.1:9"}',
        '{"url": "http://127.0.0.1:99999"}',
        '{"url": "http://[x"}',
        "[]",
        "{",
    ):
        (agent.data_dir / "api.json").write_text(left, encoding="utf-8")

        assert run(agent, "status") == 2
        assert "comptoir run" in error_of(capsys)


def test_broken_settings_tell_every_fault_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "comptoir.toml"
    config.write_text('language = "de"\n[api]\nport = "x"\n', encoding="utf-8")

    assert cli.main(["run", "--config", str(config)]) == 2
    line = error_of(capsys)
    assert all(key in line for key in ("data_dir", "language", "api.port"))

    config.write_text("data_dir = \n", encoding="utf-8")
    assert cli.main(["run", "--config", str(config)]) == 2
    assert "ligne 1" in error_of(capsys)


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, expected in (["counter", "steal"], "steal"), ([], "COMMAND"), (["enrol", "accept"], "FILE"):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)

        assert caught.value.code == 2
        assert expected in error_of(capsys, program="comptoir")


def test_a_box_is_enrolled_once(agent: AgentProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(agent, "enrol", "accept", str(agent.folder / "enrolment.json")) == 2
    assert "déjà inscrite" in error_of(capsys)


def test_an_interrupted_enrolment_is_taken_up_again(agent: AgentProcess, capsys: pytest.CaptureFixture[str]) -> None:
    (agent.data_dir / "enrolment.json").unlink()

    assert run(agent, "enrol", "accept", str(agent.folder / "enrolment.json")) == 0
    assert "Librairie des Halles" in capsys.readouterr().out


def test_an_enrolment_whose_configuration_another_signed(
    tmp_path: Path, central: FakeCentral, capsys: pytest.CaptureFixture[str]
) -> None:
    agent = AgentProcess(tmp_path)
    assert run(agent, "enrol", "request", "--out", str(tmp_path / "request.json")) == 0
    forged = replace(enrolment(FakeCentral()), central_key=enrolment(central).central_key)
    write_message(tmp_path / "x.json", forged)
    capsys.readouterr()

    assert run(agent, "enrol", "accept", str(tmp_path / "x.json")) == 2
    assert "wrong signature" in error_of(capsys)
    assert not (agent.data_dir / "journal.sqlite").exists()


def test_a_box_that_is_not_enrolled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agent = AgentProcess(tmp_path)

    started = agent.tool("run")

    assert (started.returncode, started.stderr.count("\n")) == (2, 1)
    assert "enrol accept" in started.stderr
    assert run(agent, "enrol", "accept", str(agent.config)) == 2
    assert "n'est pas un fichier d'inscription" in error_of(capsys)


def test_the_journal_of_another_box_is_refused(agent: AgentProcess, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = AgentProcess(tmp_path / "other")
    other.enrol(FakeCentral())
    shutil.copy(other.data_dir / "journal.sqlite", agent.data_dir / "journal.sqlite")
    for suffix in ("-wal", "-shm"):
        (agent.data_dir / f"journal.sqlite{suffix}").unlink(missing_ok=True)

    started, verified = agent.tool("run"), agent.tool("journal", "verify")

    for done in (started, verified):
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert "le journal d'une autre caisse" in done.stderr


def test_a_changed_row_is_found(agent: AgentProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(agent, "journal", "verify") == 0
    assert "Journal intact" in capsys.readouterr().out
    with closing(sqlite3.connect(agent.data_dir / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE rows SET event = CAST(replace(event, 'enrolment', 'corruption') AS BLOB)")

    assert run(agent, "journal", "verify") == 1
    assert "/1" in error_of(capsys)


def test_the_journal_is_shown_a_row_a_line(agent: AgentProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(agent, "journal", "show", "--last", "5") == 0

    (row,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (row["seq"], row["event"]["type"]) == (1, "comptoir.epoch_opened.v1")


def test_only_a_number_of_rows_is_shown(agent: AgentProcess, capsys: pytest.CaptureFixture[str]) -> None:
    for last in ("-1", "many"):
        with pytest.raises(SystemExit) as ended:
            run(agent, "journal", "show", "--last", last)
        assert ended.value.code == 2
        assert f"'{last}' is no number of rows" in error_of(capsys, "comptoir journal show: ")
    assert run(agent, "journal", "show", "--last", "9" * 30) == 0


def test_a_garbled_row_is_named_and_not_shown(agent: AgentProcess, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(agent.data_dir / "journal.sqlite", isolation_level=None)) as disk:
        disk.execute("UPDATE rows SET event = x'7bff'")
        (epoch,) = disk.execute("SELECT epoch FROM rows").fetchone()

    assert run(agent, "journal", "show") == 1
    assert f"à la ligne {epoch}/1 : gardez le fichier" in error_of(capsys)


def test_a_file_of_an_enrolment_that_is_not_there_is_named(
    agent: AgentProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(agent, "enrol", "accept", "/nowhere.json") == 2
    assert "/nowhere.json est introuvable" in error_of(capsys)
    assert run(agent, "enrol", "request", "--out", "/nowhere/x.json") == 1
    assert error_of(capsys) == "comptoir: /nowhere/x.json : introuvable."


def test_print_test_with_the_printer_off_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agent = AgentProcess(tmp_path, settings='[printer]\nname = "imprimante"\nhost = "127.0.0.1"\nport = 1\n')

    assert run(agent, "print-test") == 1
    assert error_of(capsys) == (
        "comptoir: imprimante : pas de réponse de 127.0.0.1:1. "
        "Allumez l'imprimante, vérifiez son câble réseau et son adresse."
    )


def test_print_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> None:
        async with PrinterTwin(output=tmp_path / "receipts") as twin:
            settings = f'[printer]\nname = "imprimante"\nhost = "127.0.0.1"\nport = {twin.port}\n'
            agent = AgentProcess(tmp_path, settings=settings)
            done = await asyncio.to_thread(agent.tool, "print-test")
            assert done.returncode == 0, done.stderr
            receipt = await twin.receipt()
            assert any("éèêàçôù" in line for line in receipt.lines)
            twin.leave_paper(0)
            failed = await asyncio.to_thread(agent.tool, "print-test")
            assert failed.returncode == 1
            assert "papier" in failed.stderr.lower()

    asyncio.run(story())
    agent = AgentProcess(tmp_path)
    assert run(agent, "print-test") == 2
    assert "[printer]" in error_of(capsys)


def test_print_test_beside_the_running_box_names_who_holds_the_printer(tmp_path: Path, central: FakeCentral) -> None:
    async def story() -> None:
        async with PrinterTwin(output=tmp_path / "receipts") as twin:
            settings = f'[printer]\nname = "imprimante"\nhost = "127.0.0.1"\nport = {twin.port}\n'
            agent = AgentProcess(tmp_path, settings=settings)
            agent.enrol(central)
            await agent.start()
            try:
                french = await asyncio.to_thread(agent.tool, "print-test")
                english = await asyncio.to_thread(agent.tool, "print-test", COMPTOIR_LANGUAGE="en")
            finally:
                await agent.kill()
            for done in (french, english):
                assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
                assert "comptoir counter print" in done.stderr
            assert "tient l'imprimante" in french.stderr
            assert "holds the printer" in english.stderr

    asyncio.run(story())


def test_an_address_that_is_taken_says_what_to_change(agent: AgentProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])

        french = agent.tool("run", COMPTOIR_API_PORT=port)
        english = agent.tool("run", COMPTOIR_API_PORT=port, COMPTOIR_LANGUAGE="en")

    assert (french.returncode, english.returncode) == (2, 2)
    assert french.stderr.splitlines()[-1].startswith(f"comptoir: L'adresse 127.0.0.1:{port} est prise")
    assert english.stderr.splitlines()[-1].startswith(f"comptoir: The API can't listen on 127.0.0.1:{port}")


def test_a_journal_that_is_gone_or_damaged(agent: AgentProcess) -> None:
    journal = agent.data_dir / "journal.sqlite"
    for suffix in ("-wal", "-shm"):
        journal.with_name(journal.name + suffix).unlink(missing_ok=True)
    journal.write_bytes(b"garbage" * 1_000)
    commands = (["run"], ["journal", "verify"], ["journal", "show"])
    damaged = [agent.tool(*command) for command in commands]
    journal.unlink()
    gone = [agent.tool(*command) for command in commands]

    assert [(done.returncode, done.stderr.count("\n")) for done in [*damaged, *gone]] == [(1, 1)] * 6
    assert all("est abîmé : gardez le fichier" in done.stderr for done in damaged)
    assert all("n'existe pas" in done.stderr for done in gone)


def test_scan_test(tmp_path: Path, central: FakeCentral, capsys: pytest.CaptureFixture[str]) -> None:
    code = central.token(7)
    cv2.imwrite(str(tmp_path / "good.png"), picture_of(code))
    cv2.imwrite(str(tmp_path / "blank.png"), picture_of(code) * 0)
    (tmp_path / "expected.csv").write_text(f"file,payload\ngood.png,{code}\nblank.png,{code}\n", encoding="utf-8")

    assert cli.main(["scan-test", "--dir", str(tmp_path)]) == 0
    assert "1 codes exacts sur 2 (50,0 %)" in capsys.readouterr().out
    assert cli.main(["scan-test", "--image", str(tmp_path / "good.png")]) == 0
    assert capsys.readouterr().out.strip() == code
    assert cli.main(["scan-test", "--image", str(tmp_path / "blank.png")]) == 0
    assert "aucun code lisible" in capsys.readouterr().out
    (tmp_path / "text.png").write_text("not a picture", encoding="utf-8")
    assert cli.main(["scan-test", "--image", str(tmp_path / "text.png")]) == 1
    assert "n'est pas une image lisible" in error_of(capsys)
    assert cli.main(["scan-test", "--image", str(tmp_path / "nowhere.png")]) == 1
    assert "nowhere.png : introuvable" in error_of(capsys)
    assert cli.main(["scan-test", "--image", "/dev/zero"]) == 2
    assert "/dev/zero n'est pas un fichier" in error_of(capsys)
    assert cli.main(["scan-test", "--dir", str(tmp_path / "nowhere")]) == 2
    assert "expected.csv" in error_of(capsys)


STATUS = {
    "device": "box-a",
    "shop": "Librairie",
    "training": True,
    "link": {"up": False},
    "queue": {
        "unbooked_rows": 3,
        "value_at_risk_minor": {"EUR": 2350},
        "oldest_unbooked_at": "2026-07-01T22:30:15.123456+00:00",
    },
    "grant": {"id": "g-1", "ends_at": "2026-07-03T08:00:00+00:00"},
    "replicas": {"albret-card": {"version": 7, "age_s": 12}, "cheque": {"version": None, "age_s": None}},
    "devices": [{"name": "douchette", "message": "Prêt."}],
    "jobs": [{"job": 1, "state": "queued", "detail": "Plus de papier"}, {"job": 2, "state": "uncertain", "detail": ""}],
    "operations": [{"stage": "sent", "message": "1,18 € gagnés.", "event_id": "e"}],
}


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "fr",
            [
                "ENTRAÎNEMENT : rien ne compte",
                "Connexion : coupée, la caisse continue seule",
                "File d'attente : 3 lignes pas encore au centre",
                "La plus ancienne : 02/07/2026 à 00:30",
                "Autorisation hors ligne : g-1, jusqu'au 03/07/2026 à 10:00",
                "Registre albret-card : version 7, vérifié il y a 12 s",
                "Registre cheque : pas encore reçu",
                "Impression 1 : en attente. Plus de papier",
                "Impression 2 : incertaine : regardez si le ticket est sorti, "
                "puis comptoir counter printed 2 oui (ou non).",
                "[envoyé] 1,18 € gagnés. e",
            ],
        ),
        (
            "en",
            [
                "TRAINING: nothing counts",
                "Connection: down, the box goes on alone",
                "Queue: 3 rows not booked by the centre yet",
                "Value at risk: €23.50",
                "Oldest unbooked: 2026-07-02 00:30",
                "Offline grant: g-1, until 2026-07-03 10:00",
                "Registry albret-card: version 7, checked 12 s ago",
                "Registry cheque: not received yet",
                "Print 1: waiting. Plus de papier",
                "[sent] 1,18 € gagnés. e",
            ],
        ),
    ],
)
def test_the_status_in_words(language: str, expected: list[str]) -> None:
    told = lines(STATUS, language, ZoneInfo("Europe/Paris"))

    assert [line for line in expected if line not in told] == []


def test_an_empty_queue_is_said_in_one_line() -> None:
    queue = {"unbooked_rows": 0, "value_at_risk_minor": {}, "oldest_unbooked_at": None}
    status = {**STATUS, "queue": queue, "grant": None}

    french, english = lines(status, "fr"), lines(status, "en")

    assert "File d'attente vide : tout est au centre" in french
    assert "Queue empty: the centre has everything" in english
    assert "Autorisation hors ligne : aucune" in french
    assert not any("risque" in line for line in french)


def test_a_box_without_the_camera_extra_says_which_to_install(tmp_path: Path) -> None:
    for library in ("cv2", "zxingcpp"):
        code = f"import sys; sys.modules[{library!r}] = None; from gateway import cli; sys.exit(cli.main(sys.argv[1:]))"
        done = subprocess.run(
            [sys.executable, "-c", code, "scan-test", "--image", str(tmp_path / "code.png")],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(cli.__file__).parents[1],
            timeout=60,
        )
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert "comptoir[camera]" in done.stderr
