"""The counter page: from memory, checked at each load, and in nobody's frame who isn't named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge_config.settings import ApiSettings
from gateway.page import read_page
from tests.gateway.till import Till
from tests.gateway.world import Box


def policy(till: Till) -> dict[str, str]:
    told = till.http.get("/").headers["content-security-policy"]
    return dict(part.strip().split(" ", 1) for part in told.split(";"))


def test_the_index_carries_the_fingerprint_that_the_screen_state_tells(till: Till) -> None:
    index = till.http.get("/")

    (mark,) = re.findall(r'<meta name="comptoir-page" content="([^"]*)">', index.text)
    assert mark == till.get("/v1/screen")["page"] != ""
    assert index.headers["content-type"] == "text/html; charset=utf-8"


def test_every_file_that_the_page_names_is_there_and_nothing_comes_from_elsewhere(till: Till) -> None:
    index = till.http.get("/").text
    named = re.findall(r'(?:src|href)="([^"#]+)"', index)

    assert named
    for name in named:
        assert name.startswith("/page/")
        assert till.http.get(name).status_code == 200
    assert "<style" not in index
    assert not re.search(r"<script(?![^>]* src=)", index)
    assert not re.search(r"\son[a-z]+=|\sstyle=", index)


def test_a_page_that_the_browser_has_is_not_sent_again(till: Till) -> None:
    first = till.http.get("/page/counter.js")

    again = till.http.get("/page/counter.js", headers={"If-None-Match": first.headers["etag"]})
    other = till.http.get("/page/counter.js", headers={"If-None-Match": '"older"'})

    assert (again.status_code, again.content) == (304, b"")
    assert other.content == first.content
    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["etag"].startswith('"')  # strong: RFC 9110 §8.8.3


def test_what_is_packed_is_the_same_file_under_a_tag_of_its_own(till: Till) -> None:
    plain = till.http.get("/page/counter.js", headers={"Accept-Encoding": "identity"})
    packed = till.http.get("/page/counter.js", headers={"Accept-Encoding": "br, gzip;q=0.8"})

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert plain.headers["etag"] != packed.headers["etag"]
    for had, wanted, status in (
        (packed, "gzip", 304),
        (plain, "gzip", 200),
        (packed, "identity", 200),
        (plain, "gzip;q=0", 304),
    ):
        asked = {"Accept-Encoding": wanted, "If-None-Match": had.headers["etag"]}
        answer = till.http.get("/page/counter.js", headers=asked)
        assert (answer.status_code, answer.headers["vary"]) == (status, "Accept-Encoding")


@pytest.mark.parametrize("refused", ["", "gzip;q=0", "gzip; q=0.000", "br", "xgzip", "*"])
def test_who_takes_no_gzip_gets_none(till: Till, refused: str) -> None:
    assert "content-encoding" not in till.http.get("/", headers={"Accept-Encoding": refused}).headers


def test_nothing_but_the_page_is_packed(till: Till) -> None:
    for path in ("/v1/screen", "/v1/status", "/openapi.json"):
        assert "content-encoding" not in till.http.get(path, headers={"Accept-Encoding": "gzip"}).headers


def test_a_file_that_would_only_grow_is_sent_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<meta name="comptoir-page" content="">' * 9)
    (tmp_path / "icon.svg").write_text("<svg/>")

    assert set(read_page(tmp_path).packed) == {"index.html"}


@pytest.mark.parametrize(
    "name", ["", "x.js", "__init__.py", "..%2f__init__.py", "%2e%2e/guard.py", "counter.js%00.css"]
)
def test_nothing_but_the_pages_files_is_served(till: Till, name: str) -> None:
    assert till.http.get(f"/page/{name}").status_code == 404


def test_nobody_frames_the_page_and_it_runs_its_own_scripts_only(till: Till) -> None:
    told = policy(till)

    assert told["default-src"] == "'self'"
    assert told["frame-ancestors"] == "'none'"
    assert "script-src" not in told
    headers = till.http.get("/page/counter.js").headers
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


def test_a_till_that_is_named_may_frame_it(box: Box) -> None:
    till = Till(box, settings=ApiSettings(embedded_in=("https://till.example", "http://127.0.0.1:9000")))

    assert policy(till)["frame-ancestors"] == "https://till.example http://127.0.0.1:9000"


def test_another_file_or_name_is_another_fingerprint(tmp_path: Path) -> None:
    index, script = tmp_path / "index.html", tmp_path / "counter.js"
    index.write_text('<meta name="comptoir-page" content="">')
    script.write_text("1")
    first = read_page(tmp_path)

    script.write_text("2")
    changed = read_page(tmp_path)
    script.rename(tmp_path / "other.js")
    renamed = read_page(tmp_path)

    assert len({first.fingerprint, changed.fingerprint, renamed.fingerprint}) == 3
    assert first.files["index.html"] == f'<meta name="comptoir-page" content="{first.fingerprint}">'.encode()


def test_the_page_is_light() -> None:
    assert sum(len(content) for content in read_page().files.values()) <= 150_000
