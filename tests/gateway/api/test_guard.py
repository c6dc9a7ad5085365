"""Who may call the local API: this machine, and paired screens; never a web page of another origin."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from edge_config.settings import ApiSettings
from gateway.guard import is_at_home, is_loopback
from tests.gateway.playing import until
from tests.gateway.till import Http, Till
from tests.gateway.world import Box

BOX, TABLET = "192.168.1.20", "192.168.1.31"
HERE = f"http://{BOX}:8787"


@pytest.fixture
def shop(box: Box) -> Till:
    return Till(box, settings=ApiSettings(host="0.0.0.0", names=("caisse.maison",)))


def from_lan(till: Till, url: str = HERE) -> Http:
    return Http(till.api, address=TABLET, url=url)


@pytest.mark.parametrize("host", ["example.org", "box-a.local:8787", "192.168.1.5", "", "127.0.0.1.example.org"])
def test_another_host_is_refused(till: Till, host: str) -> None:
    assert till.http.get("/v1/status", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8787", "localhost:1", "[::1]:8787", "127.8.8.8"])
def test_loopback_hosts(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["[", "[::1", "127.0.0.1.evil.example", "localhost.evil.example", ""])
def test_no_loopback_hosts(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://evil.example", 403), ("http://127.0.0.1:8787", 200), ("null", 403), ("http://[x", 403), ("", 403)],
)
def test_web_pages_of_other_origins_are_refused(till: Till, origin: str, status: int) -> None:
    response = till.http.get("/v1/status", headers={"Origin": origin})

    assert response.status_code == status
    assert not any(name.lower().startswith("access-control") for name in response.headers)


def test_a_name_that_was_made_to_point_at_the_box_is_refused(shop: Till) -> None:
    # DNS rebinding: the victim's browser is on the shop's network and believes that evil.example is the box.
    rebound = from_lan(shop, "http://evil.example:8787")

    assert rebound.get("/").status_code == 403
    assert rebound.post("/v1/pairing", json={"pin": "000000"}).status_code == 403


def test_a_stranger_can_not_claim_to_call_from_this_machine(shop: Till) -> None:
    stranger = from_lan(shop)

    for host in ("127.0.0.1:8787", "localhost", "[::1]:8787"):
        assert stranger.get("/v1/status", headers={"Host": host}).status_code == 403
    forwarded = {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
    assert stranger.get("/v1/status", headers=forwarded).status_code == 401


@pytest.mark.parametrize(
    "path", ["/v1/status", "/v1/screen", "/v1/counter", "/v1/events", "/openapi.json", "/v1/cameras/x/preview"]
)
def test_a_screen_that_is_not_paired_sees_nothing(shop: Till, path: str) -> None:
    response = from_lan(shop).get(path, headers={"Accept-Language": "en"})

    assert (response.status_code, response.json()["title"]) == (401, "not-paired")
    assert response.json()["detail"].startswith("This screen isn't paired")


@pytest.mark.parametrize("path", ["/", "/page/counter.js", "/v1/pairing"])
def test_it_gets_the_page_and_the_pairing(shop: Till, path: str) -> None:
    assert from_lan(shop).get(path).status_code == 200
    assert from_lan(shop, "http://caisse.maison:8787").get(path).status_code == 200


def test_only_a_screen_that_is_in_makes_a_pin(shop: Till) -> None:
    assert from_lan(shop).post("/v1/pairing/offers").status_code == 401


def test_a_program_of_this_machine_may_use_its_address_on_the_network(shop: Till) -> None:
    # Nobody else can hold a conversation from the box's own address.
    assert Http(shop.api, address=BOX, url=HERE).get("/v1/status").status_code == 200
    assert Http(shop.api, address=BOX, url="http://127.0.0.1:8787").get("/v1/status").status_code == 403


def test_whom_a_proxy_on_this_machine_lets_through_is_a_stranger(shop: Till) -> None:
    by_name = Http(shop.api, url="http://caisse.maison:8787")
    by_address = Http(shop.api)

    assert by_name.get("/v1/status").status_code == 401
    assert by_name.get("/v1/pairing").json()["paired"] is False
    for header in ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"):
        assert by_address.get("/v1/status", headers={header: "192.168.1.31"}).status_code == 403


def test_a_socket_for_both_kinds_of_address_writes_ipv4_its_own_way() -> None:
    def scope(client: str, server: str) -> Scope:
        return {"type": "http", "client": (client, 1), "server": (server, 8787), "headers": []}

    assert is_at_home(scope("::ffff:127.0.0.1", "::ffff:127.0.0.1"))
    assert is_at_home(scope("::1", "::1"))
    assert is_at_home(scope("::ffff:192.168.1.20", "192.168.1.20"))
    assert not is_at_home(scope("::ffff:192.168.1.31", "::ffff:192.168.1.20"))
    assert not is_at_home({"type": "http", "client": None, "server": ("/run/comptoir.sock", None), "headers": []})


def test_pictures_and_scripts_in_foreign_pages_get_nothing_but_links_lead_here(till: Till) -> None:
    def status(mode: str, site: str) -> int:
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
        return till.http.get("/v1/counter", headers=headers).status_code

    assert status("no-cors", "cross-site") == 403
    assert status("navigate", "cross-site") == 200
    assert status("no-cors", "same-origin") == 200


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 5_000, "²", "65537", ""])
def test_a_length_that_is_none_or_too_large(till: Till, length: str) -> None:
    sent = till.http.post("/v1/scans", content=b"{}", headers=[(b"Content-Length", length.encode("latin-1"))])

    assert sent.status_code == 413


def test_a_page_of_another_address_of_the_network_is_refused(shop: Till) -> None:
    cookie = shop.pairing.pair(shop.pairing.offer(), address=TABLET)
    paired = {"Cookie": f"comptoir-screen={cookie}"}

    assert from_lan(shop).get("/v1/status", headers={**paired, "Origin": HERE}).status_code == 200
    assert from_lan(shop).get("/v1/status", headers={**paired, "Origin": "http://192.168.1.66"}).status_code == 403


@pytest.mark.parametrize(
    "cookie", ["", "comptoir-screen=", "comptoir-screen=x", ";;;=,", "comptoir-screen=" + "a" * 5_000]
)
def test_other_cookies_open_nothing(shop: Till, cookie: str) -> None:
    assert from_lan(shop).get("/v1/status", headers={"Cookie": cookie}).status_code == 401


@pytest.mark.parametrize("path", ["/", "/page/counter.js"])
def test_a_screen_that_was_revoked_still_gets_the_page_whole(shop: Till, path: str) -> None:
    stale = {"Cookie": f"comptoir-screen={shop.pairing.pair(shop.pairing.offer(), address=TABLET)}"}
    (screen,) = shop.pairing.screens
    shop.pairing.revoke(screen.screen)

    async def slowly() -> httpx.Response:
        async def api(scope: Scope, receive: Receive, send: Send) -> None:
            async def slow_send(message: Message) -> None:
                for _ in range(5):
                    await asyncio.sleep(0)
                await send(message)

            await shop.api(scope, receive, slow_send)

        transport = httpx.ASGITransport(app=api, client=(TABLET, 1))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return await client.get(path, headers=stale)

    assert asyncio.run(slowly()).content == from_lan(shop).get(path).content


@pytest.mark.parametrize("others", ['x={"a": [1]}; ', "=; é; ", "a" * 2_000 + "; "])
def test_cookies_of_other_things_at_this_address_are_no_obstacle(shop: Till, others: str) -> None:
    cookie = shop.pairing.pair(shop.pairing.offer(), address=TABLET)

    headers = [(b"Cookie", f"{others}comptoir-screen={cookie}; z=1".encode())]

    assert from_lan(shop).get("/v1/status", headers=headers).status_code == 200


def test_a_websocket_is_guarded_like_the_rest(shop: Till) -> None:
    def connect(client: str, **headers: str) -> Message:
        sent: list[Message] = []
        scope: Scope = {
            "type": "websocket",
            "path": "/v1/screen/live",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": (client, 1),
            "server": (BOX, 8787),
            "subprotocols": [],
        }

        async def receive() -> Message:
            return {"type": "websocket.disconnect", "code": 1000}

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(shop.api(scope, receive, send))
        return sent[0]

    assert connect(TABLET, host=f"{BOX}:8787", origin="http://evil.example")["type"] == "websocket.close"
    assert connect(TABLET, host="evil.example")["type"] == "websocket.close"
    assert connect(TABLET, host=f"{BOX}:8787", origin=HERE)["type"] == "websocket.close"
    assert connect("127.0.0.1", host="127.0.0.1:8787", origin="http://evil.example")["type"] == "websocket.close"


@pytest.mark.parametrize("path", ["/v1/screen/live", "/v1/events"])
def test_what_a_screen_listens_to_ends_when_it_is_revoked(shop: Till, path: str) -> None:
    sent: list[Message] = []
    cookie = shop.pairing.pair(shop.pairing.offer(), address=TABLET)
    (screen,) = shop.pairing.screens
    scope: Scope = {
        "type": "websocket" if path.endswith("live") else "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", f"{BOX}:8787".encode()), (b"cookie", f"comptoir-screen={cookie}".encode())],
        "client": (TABLET, 1),
        "server": (BOX, 8787),
        "subprotocols": [],
    }

    async def story() -> None:
        given: asyncio.Queue[Message] = asyncio.Queue()
        given.put_nowait({"type": "websocket.connect" if scope["type"] == "websocket" else "http.request"})

        async def send(message: Message) -> None:
            sent.append(message)

        serving = asyncio.ensure_future(shop.api(scope, given.get, send))
        await until(lambda: bool(sent))
        shop.pairing.revoke(screen.screen)
        await serving

    asyncio.run(story())

    if scope["type"] == "websocket":
        assert (sent[0]["type"], sent[-1]["type"], sent[-1]["code"]) == ("websocket.accept", "websocket.close", 1008)
    else:
        assert sent[0]["status"] == 200


def test_a_huge_body_is_refused_before_it_is_read(till: Till) -> None:
    response = till.http.post("/v1/scans", json={"code": "x" * 100_000})

    assert response.status_code == 413
