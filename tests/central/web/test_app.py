"""The office pages' paths: who is let in, what they show, and what may be decided through them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from central.errors import CommandError
from central.http import make_app
from central.signin import TRIES, add_user, remove_user
from tests.central.test_deciding import an_overspent_card, an_uncovered_spend, held
from tests.central.world import CARD, Box, Centre


class Visitor:
    """A browser without a page: it keeps its cookies."""

    def __init__(self, app: FastAPI) -> None:
        self.cookies = httpx.Cookies()
        self._app = app

    def call(self, method: str, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401
        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://centre.example", cookies=self.cookies
            ) as client:
                response = await client.request(method, path, **given)
                self.cookies = client.cookies
                return response

        return asyncio.run(request())

    def get(self, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401
        return self.call("GET", path, **given)

    def post(self, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401
        return self.call("POST", path, **given)

    def at_once(self, calls: list[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        """Send several requests before any is answered."""

        async def requests() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://centre.example", cookies=self.cookies
            ) as client:
                return await asyncio.gather(*(client.request(method, path, **given) for method, path, given in calls))

        return asyncio.run(requests())

    def delete(self, path: str) -> httpx.Response:
        return self.call("DELETE", path)


@pytest.fixture
def visitor(centre: Centre) -> Visitor:
    """Somebody who isn't signed in."""
    return Visitor(make_app(centre.workshop, names={"centre.example"}))


@pytest.fixture
def claire(centre: Centre, visitor: Visitor) -> Visitor:
    """Somebody who is."""
    passphrase = add_user(centre.workshop, "claire")
    assert enter(visitor, passphrase) == 204
    return visitor


def enter(client: Visitor, passphrase: str, *, name: str = "claire") -> int:
    return client.post("/v1/office/session", json={"name": name, "passphrase": passphrase}).status_code


def test_a_visitor_gets_the_page_and_nothing_else(visitor: Visitor) -> None:
    page = visitor.get("/")

    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert visitor.get("/page/office.js").status_code == 200
    assert visitor.get("/page/../app.py").status_code == 404
    assert visitor.get("/v1/office/session").json() == {"user": None, "has_users": False}
    for path in ("/v1/office/state", "/v1/office/live"):
        assert visitor.get(path).status_code == 401
    decision = visitor.post(f"/v1/office/desk/{'0' * 32}/decision", json={"decision": "pay", "loss_minor": 0})
    assert decision.status_code == 401
    assert decision.headers["content-type"] == "application/problem+json"


def test_a_passphrase_lets_its_user_in_and_leaving_ends_it(centre: Centre, visitor: Visitor) -> None:
    passphrase = add_user(centre.workshop, "claire")

    assert enter(visitor, passphrase + "x") == 403
    assert enter(visitor, passphrase, name="marc") == 403
    assert enter(visitor, passphrase) == 204
    kept = httpx.Cookies(visitor.cookies)
    assert visitor.get("/v1/office/session").json()["user"] == "claire"
    assert visitor.get("/v1/office/state").status_code == 200

    assert visitor.delete("/v1/office/session").status_code == 204
    visitor.cookies = kept
    assert visitor.get("/v1/office/state").status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(centre: Centre, visitor: Visitor) -> None:
    passphrase = add_user(centre.workshop, "claire")

    answer = visitor.post("/v1/office/session", json={"name": "claire", "passphrase": passphrase})

    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=strict" in answer.headers["set-cookie"]


def test_a_session_ends_after_a_working_day(centre: Centre, claire: Visitor) -> None:
    centre.clock.advance(hours=12, seconds=1)

    assert claire.get("/v1/office/state").status_code == 401


def test_another_passphrase_ends_the_sessions_of_the_one_before(centre: Centre, claire: Visitor) -> None:
    add_user(centre.workshop, "claire")

    assert claire.get("/v1/office/state").status_code == 401


def test_who_is_removed_is_out_at_once(centre: Centre, claire: Visitor) -> None:
    remove_user(centre.workshop, "claire")

    assert claire.get("/v1/office/state").status_code == 401
    assert claire.get("/v1/office/session").json() == {"user": None, "has_users": False}
    with pytest.raises(CommandError, match="no office user"):
        remove_user(centre.workshop, "claire")


def test_who_guesses_is_slowed_down(centre: Centre, visitor: Visitor) -> None:
    passphrase = add_user(centre.workshop, "claire")

    answers = [enter(visitor, f"guess {number}") for number in range(50)]

    assert answers == [403] * TRIES + [429] * (50 - TRIES)
    assert enter(visitor, passphrase) == 429


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://centre.example:81"])
def test_pages_of_other_origins_can_not_act(claire: Visitor, origin: str) -> None:
    headers = {"Origin": origin}

    assert claire.post("/v1/office/session", json={"name": "a", "passphrase": "b"}, headers=headers).status_code == 403
    decided = claire.post(
        f"/v1/office/desk/{'0' * 32}/decision", json={"decision": "pay", "loss_minor": 0}, headers=headers
    )
    assert decided.status_code == 403


def test_a_name_that_somebody_else_may_own_is_refused(visitor: Visitor) -> None:
    refused = visitor.get("/v1/office/session", headers={"Host": "rebound.example", "Accept-Language": "en"})
    assert (refused.status_code, "public_url" in refused.json()["detail"]) == (403, True)
    for host in ("127.0.0.1:8780", "[::1]", "localhost", "central", "central.local", "centre.example"):
        assert visitor.get("/v1/office/session", headers={"Host": host}).status_code == 200


def test_large_bodies_are_refused_unread(visitor: Visitor) -> None:
    answer = visitor.post("/v1/office/session", content=b"x" * 5_000)

    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


def test_unchanged_files_are_not_sent_again(visitor: Visitor) -> None:
    etag = visitor.get("/page/office.js").headers["etag"]

    assert visitor.get("/page/office.js", headers={"If-None-Match": etag}).status_code == 304


def test_the_page_is_light(visitor: Visitor) -> None:
    """150 kB, as promised, uncompressed."""
    names = ["office.js", "draw.js", "dom.js", "words.js", "office.css", "icon.svg"]
    pages = [visitor.get("/"), *(visitor.get(f"/page/{name}") for name in names)]

    assert all(page.status_code == 200 for page in pages)
    assert sum(len(page.content) for page in pages) < 150_000


def test_nothing_of_the_page_sets_markup(visitor: Visitor) -> None:
    for name in ("office.js", "draw.js", "dom.js"):
        text = visitor.get(f"/page/{name}").text
        assert not any(sink in text for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"))


def test_who_comes_when_too_many_look_is_told(claire: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("central.web.live.MOST_WATCHERS", 0)

    told = claire.get("/v1/office/live")

    assert (told.status_code, told.text) == (200, "event: full\ndata: \n\n")


def test_a_stream_ends_with_its_session(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("central.web.live.MOST_WATCHERS", 2)
    app = make_app(centre.workshop)
    credentials = {"name": "claire", "passphrase": add_user(centre.workshop, "claire")}

    async def watched() -> str:
        transport = httpx.ASGITransport(app=app)
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://centre") as client,
            aclosing(app.state.board.watch()) as other,
            asyncio.timeout(60),
        ):
            await client.post("/v1/office/session", json=credentials)
            live = asyncio.ensure_future(client.get("/v1/office/live"))
            first = await anext(other)
            while not app.state.board.is_full:
                await asyncio.sleep(0)
            await client.delete("/v1/office/session")
            centre.card()
            assert (await anext(other)).id != first.id
            return (await live).text

    assert asyncio.run(watched()).endswith("event: signed-out\ndata: \n\n")


def test_a_decision_is_taken_once_and_the_other_is_told_who(centre: Centre, box_a: Box, claire: Visitor) -> None:
    spent = an_uncovered_spend(centre, box_a)
    path = f"/v1/office/desk/{spent.event_id}/decision"

    first = claire.post(path, json={"decision": "pay", "loss_minor": 0})
    again = claire.post(path, json={"decision": "pay", "loss_minor": 0})
    other = claire.post(path, json={"decision": "decline", "loss_minor": 0}, headers={"Accept-Language": "en"})
    unknown = claire.post(path, json={"decision": "burn", "loss_minor": 0})

    assert (first.status_code, again.json()) == (200, first.json())
    assert (first.json()["decision"], first.json()["by"]) == ("pay", "claire")
    assert (other.status_code, "claire has decided already" in other.json()["detail"]) == (409, True)
    assert unknown.status_code == 422
    assert held(centre) == (0, 50)


def test_a_stale_page_is_told_that_the_loss_has_changed(centre: Centre, box_a: Box, claire: Visitor) -> None:
    spent = an_overspent_card(centre, box_a)
    centre.batch(box_a)
    path = f"/v1/office/desk/{spent.event_id}/decision"

    stale = claire.post(path, json={"decision": "accept_loss", "loss_minor": 200})

    assert (stale.status_code, stale.json()["type"]) == (409, "urn:comptoir:problem:loss-changed")
    assert claire.post(path, json={"decision": "accept_loss"}).status_code == 422
    assert claire.post(path, json={"decision": "accept_loss", "loss_minor": 1_200}).status_code == 200


def test_a_database_that_fails_is_told_and_to_be_tried_again(
    centre: Centre, box_a: Box, claire: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    spent = an_uncovered_spend(centre, box_a)
    centre.by_hand("DROP TABLE ledger_entries CASCADE" if centre.settings.database else "DROP TABLE ledger_entries")

    failed = claire.post(f"/v1/office/desk/{spent.event_id}/decision", json={"decision": "pay", "loss_minor": 0})

    assert (failed.status_code, failed.headers["content-type"]) == (503, "application/problem+json")
    assert "Réessayez" in failed.json()["detail"]
    assert "not answered: /v1/office/desk" in caplog.text


def test_problems_are_told_in_the_language_of_who_asks(visitor: Visitor) -> None:
    path = "/v1/office/state"

    assert visitor.get(path, headers={"Accept-Language": "en-GB,fr;q=0.5"}).json()["detail"] == "Sign in first."
    assert visitor.get(path).json()["detail"] == "Connectez-vous d'abord."


def test_two_people_at_once_take_one_decision(centre: Centre, box_a: Box, claire: Visitor) -> None:
    spent = an_uncovered_spend(centre, box_a)
    path = f"/v1/office/desk/{spent.event_id}/decision"

    answers = claire.at_once(
        [("POST", path, {"json": {"decision": name, "loss_minor": 0}}) for name in ("pay", "decline")]
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (taken,) = [answer.json()["decision"] for answer in answers if answer.status_code == 200]
    assert held(centre) == {"pay": (0, 50), "decline": (0, 0)}[taken]


def test_the_api_is_documented(visitor: Visitor) -> None:
    paths = visitor.get("/openapi.json").json()["paths"]

    assert {path for path in paths if path.startswith("/v1/office")} == {
        "/v1/office/session",
        "/v1/office/state",
        "/v1/office/live",
        "/v1/office/desk/{case}/decision",
    }


def test_boxes_fetch_snapshots_as_before(visitor: Visitor) -> None:
    assert visitor.get(f"/v1/registry/{CARD}").status_code == 401
    assert visitor.get("/v1/health").json() == {"status": "ok"}
