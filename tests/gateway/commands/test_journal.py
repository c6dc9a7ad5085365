"""`comptoir journal export` and `verify FILE`: what an auditor is given, and does with it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gateway import cli
from tests.gateway.agent_process import AgentProcess
from tests.gateway.world import NOON, Box, FakeCentral


@pytest.fixture
def agent(tmp_path: Path) -> AgentProcess:
    """An enrolled box that isn't running."""
    agent = AgentProcess(tmp_path)
    agent.enrol(FakeCentral())
    return agent


def run(agent: AgentProcess, *arguments: str) -> int:
    return cli.main(["journal", *arguments, "--config", str(agent.config)])


def test_an_export_verifies_on_the_box_and_elsewhere(
    agent: AgentProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "export.txt")
    assert run(agent, "export", "--from", "2026-01-01", "--to", "2026-12-31", "--out", out) == 0
    assert capsys.readouterr().out == f"Lignes écrites dans {out} : 1.\n"

    assert run(agent, "verify", out) == 0
    assert "Fichier intact : caisse box-a, 1 lignes" in capsys.readouterr().out
    assert cli.main(["journal", "verify", out, "--config", str(tmp_path / "none.toml")]) == 0
    assert "accusés du centre non vérifiés" in capsys.readouterr().out


def test_an_export_overwrites_nothing(agent: AgentProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "export.txt"
    out.write_text("mine")

    assert run(agent, "export", "--out", str(out)) == 1
    assert "existe déjà" in capsys.readouterr().err
    assert out.read_text() == "mine"


def test_a_changed_export_is_named(agent: AgentProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "export.txt"
    run(agent, "export", "--out", str(out))
    out.write_bytes(out.read_bytes().replace(b"enrolment", b"corruption"))
    capsys.readouterr()

    assert run(agent, "verify", str(out)) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"comptoir: {out} n'est pas ce que la caisse a écrit")
    assert told.count("\n") == 1


def test_a_wrong_date_is_wrong_usage(agent: AgentProcess, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(agent, "export", "--from", "4 mai", "--out", "x")

    assert ended.value.code == 2
    assert "'4 mai' is no date: write it as 2026-05-04" in capsys.readouterr().err


def test_the_journals_size_is_told_in_three_lines(agent: AgentProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(agent, "status") == 0

    rows, closures, disk = capsys.readouterr().out.splitlines()
    assert rows == "Lignes : 1, dont 0 dans 0 archives ; non comptabilisées au centre : 1"
    assert closures.startswith("Dernière clôture : - ; plus ancienne ligne hors archives : 2")
    assert disk.endswith("réserve 64")


def test_archived_rows_are_shown_as_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = Box(tmp_path)
    for number in range(1, 6):
        box.give_grant(number=number)
    box.acknowledge_all()
    config = tmp_path / "comptoir.toml"
    config.write_text('data_dir = "."', encoding="utf-8")
    cli.main(["journal", "show", "--config", str(config)])
    before = capsys.readouterr().out
    assert box.journal.archive(before=NOON + timedelta(days=1), rows_in_file=2) == 2

    assert cli.main(["journal", "show", "--config", str(config)]) == 0
    assert capsys.readouterr().out == before
    assert cli.main(["journal", "show", "--last", "3", "--config", str(config)]) == 0
    assert capsys.readouterr().out.splitlines() == before.splitlines()[-3:]
    box.stop()
