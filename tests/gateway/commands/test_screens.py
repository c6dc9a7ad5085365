"""An installer pairs screens with a box over ssh."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from gateway import cli
from tests.gateway.agent_process import AgentProcess
from tests.gateway.world import FakeCentral
from tests.lan import own_address_or_skip


def at_a_running_box(folder: Path, settings: str, work: Callable[[AgentProcess], None]) -> None:
    async def story() -> None:
        agent = AgentProcess(folder, settings=settings)
        await asyncio.to_thread(agent.enrol, FakeCentral())
        await agent.start()
        try:
            await asyncio.to_thread(work, agent)
        finally:
            await agent.kill()

    asyncio.run(story())


@pytest.mark.parametrize("arguments", [[], ["revoke"], ["add", "tablet"], ["pair"]], ids=" ".join)
def test_wrong_usage_is_told_in_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["screens", *arguments])

    assert ended.value.code == cli.USAGE
    assert capsys.readouterr().err.startswith("comptoir")


@pytest.mark.parametrize("arguments", [["add"], ["list"], ["revoke", "a1"]], ids=" ".join)
def test_a_box_that_does_not_run_says_how_to_start_it(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agent = AgentProcess(tmp_path)
    agent.enrol(FakeCentral())

    assert cli.main(["screens", *arguments, "--config", str(agent.config)]) == cli.USAGE
    assert "comptoir run" in capsys.readouterr().err


def test_a_box_that_is_not_open_says_so_and_how_to_open_it(tmp_path: Path) -> None:
    def work(agent: AgentProcess) -> None:
        refused = agent.tool("screens", "add")
        english = agent.tool("screens", "add", COMPTOIR_LANGUAGE="en")

        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.splitlines() == [
            "Cette caisse n'est pas ouverte au réseau du commerce. L'installateur peut l'ouvrir : appelez-le.",
            f'Pour l\'ouvrir : sous [api] dans {agent.config}, host = "0.0.0.0" ; puis redémarrez la caisse.',
        ]
        assert 'host = "0.0.0.0"; then restart the box' in english.stderr

    at_a_running_box(tmp_path, "", work)


def test_a_screen_is_added_listed_and_revoked(tmp_path: Path) -> None:
    address = own_address_or_skip()

    def work(agent: AgentProcess) -> None:
        assert agent.tool("screens", "list").stdout == "Aucun écran relié.\n"

        added = agent.tool("screens", "add")
        told = re.fullmatch(
            r"Sur l'autre écran, ouvrez (http://.+/)\n"
            r"puis tapez ce code : (\d{6})\n"
            r"Valable 5 minutes, pour un seul écran\.\n",
            added.stdout,
        )
        assert told is not None
        url, pin = told.groups()
        assert url.startswith(f"http://{address}:")
        paired = httpx.post(f"{url}v1/pairing", json={"pin": pin, "name": "Tablette"})
        assert paired.status_code == 204

        listed = agent.tool("screens", "list", COMPTOIR_LANGUAGE="en").stdout
        screen, name = re.fullmatch(r"(\w+)  (\w+), paired .+, seen .+\n", listed).groups()  # type: ignore[union-attr]
        assert name == "Tablette"
        assert json.loads(agent.tool("screens", "list", "--json").stdout)["screens"][0]["id"] == screen
        unknown = agent.tool("screens", "revoke", "nobody")
        assert (unknown.returncode, unknown.stderr.count("\n"), "screens list" in unknown.stderr) == (1, 1, True)
        assert agent.tool("screens", "revoke", screen).stdout == "Écran retiré : Tablette.\n"
        assert agent.tool("screens", "list").stdout == "Aucun écran relié.\n"

    at_a_running_box(tmp_path, 'host = "0.0.0.0"\n', work)
