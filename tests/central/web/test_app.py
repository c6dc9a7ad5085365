"""The office pages' paths: who is let in, what they show, and what may be decided through them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from central.http import make_app
from central.signin import TRIES, add_user
from tests.central.test_deciding import an_uncovered_spend, held
from tests.central.world import CARD, VOUCHER, Box, Centre


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

    def delete(self, path: str) -> httpx.Response:
        return self.call("DELETE", path)


@pytest.fixture
def visitor(centre: Centre) -> Visitor:
    """Somebody who isn't signed in."""
    return Visitor(make_app(centre.workshop))


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
    decision = visitor.post(f"/v1/office/desk/{'0' * 32}/decision", json={"decision": "pay"})
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


def test_who_guesses_is_slowed_down(centre: Centre, visitor: Visitor) -> None:
    passphrase = add_user(centre.workshop, "claire")

    answers = [enter(visitor, f"guess {number}") for number in range(50)]

    assert answers == [403] * TRIES + [429] * (50 - TRIES)
    assert enter(visitor, passphrase) == 429


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://centre.example:81"])
def test_pages_of_other_origins_can_not_act(claire: Visitor, origin: str) -> None:
    headers = {"Origin": origin}

    assert claire.post("/v1/office/session", json={"name": "a", "passphrase": "b"}, headers=headers).status_code == 403
    decided = claire.post(f"/v1/office/desk/{'0' * 32}/decision", json={"decision": "pay"}, headers=headers)
    assert decided.status_code == 403


def test_the_fleet_shows_trouble_first(centre: Centre, box_a: Box, box_b: Box, claire: Visitor) -> None:
    for box in (box_a, box_b):
        centre.batch(box)
        centre.birth(box)
    centre.death(box_b)

    first, second = claire.get("/v1/office/state").json()["shops"]

    assert (first["device"], first["online"], second["device"], second["online"]) == ("box-b", False, "box-a", True)
    assert second["silent"] is False
    centre.clock.advance(minutes=5)
    assert claire.get("/v1/office/state").json()["shops"][1]["silent"] is True


def test_the_books_and_the_latest_events(centre: Centre, box_a: Box, claire: Visitor) -> None:
    card = centre.card()
    box_a.earned(card, 118)
    centre.batch(box_a)

    state = claire.get("/v1/office/state").json()

    (event,) = state["events"]
    assert (event["kind"], event["amount_minor"], event["programme"], event["offline"]) == ("earn", 118, CARD, False)
    books = {programme["programme"]: programme for programme in state["books"]["programmes"]}
    assert (state["books"]["holds"], books[CARD]["outstanding_minor"], books[VOUCHER]["issued_minor"]) == (True, 118, 0)


def test_a_decision_is_taken_once(centre: Centre, box_a: Box, claire: Visitor) -> None:
    spent = an_uncovered_spend(centre, box_a)
    path = f"/v1/office/desk/{spent.event_id}/decision"
    assert claire.get("/v1/office/state").json()["open_cases"] == 1

    first = claire.post(path, json={"decision": "pay"})
    again = claire.post(path, json={"decision": "pay"})
    other = claire.post(path, json={"decision": "decline"})
    unknown = claire.post(path, json={"decision": "burn"})

    assert (first.status_code, again.status_code, other.status_code, unknown.status_code) == (204, 204, 409, 422)
    assert held(centre) == (0, 50)
    assert claire.get("/v1/office/state").json()["open_cases"] == 0


def test_boxes_fetch_snapshots_as_before(visitor: Visitor) -> None:
    assert visitor.get(f"/v1/registry/{CARD}").status_code == 401
    assert visitor.get("/v1/health").json() == {"status": "ok"}
