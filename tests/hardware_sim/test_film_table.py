"""How many filmed codes are read, and how fast."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import pytest
import zxingcpp

from hardware_sim import cli
from hardware_sim.film_table import Clip, film_clips, report, save_film, token_of
from hardware_sim.things import Kind


def clip(kind: Kind, read_after: int | None, *, seed: int = 1, wrong: int = 0) -> Clip:
    return Clip(kind=kind, seed=seed, read_after=read_after, wrong=wrong, frame_ms=(1.0, 2.0, 3.0))


def test_a_row_tells_how_many_were_read_within_so_many_frames(tmp_path: Path) -> None:
    cards = [clip(Kind.CARD, after) for after in (8, 15, 16, 31)]
    others = [clip(Kind.PHONE, None, wrong=2), clip(Kind.PAPER, 45)]

    table = report([*cards, *others], out=tmp_path).splitlines()

    assert [row.split()[:6] for row in table[1:]] == [
        ["card", "4", "50.0%", "75.0%", "100.0%", "0"],
        ["phone", "1", "0.0%", "0.0%", "0.0%", "2"],
        ["paper", "1", "0.0%", "0.0%", "100.0%", "0"],
    ]
    with (tmp_path / "film.csv").open(encoding="utf-8", newline="") as lines:
        read = [row["read_after_frames"] for row in csv.DictReader(lines)]
    assert read == ["8", "15", "16", "31", "", "45"]


def test_a_clip_is_kept_as_a_film(tmp_path: Path) -> None:
    save_film(Kind.CARD, 3, tmp_path / "films" / "card.avi")

    film = cv2.VideoCapture(str(tmp_path / "films" / "card.avi"))
    read: set[str] = set()
    while not read and (filmed := film.read())[0]:
        read = {code.text for code in zxingcpp.read_barcodes(filmed[1])}
    film.release()
    assert read == {token_of(3)}


def test_the_boxs_decoder_reads_a_clip_of_each_kind() -> None:
    clips = list(film_clips(clips=1, seed=3))

    assert [one.kind for one in clips] == list(Kind)
    for one in clips:
        assert one.read_after == len(one.frame_ms)
        assert one.wrong == 0


def test_no_clips_are_no_measurement(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["film", "--clips", "0"])

    assert "1 or more" in capsys.readouterr().err
