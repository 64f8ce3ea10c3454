"""Other sites, other names, no token: nothing of the API answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="the page needs the extra web")

from serving import serving

from watermarking.web.rates import Rates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving import Server

TOKEN = "a-token-of-letters-and-digits"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that others can reach, and that one may call by a name."""
    place = tmp_path_factory.mktemp("guarded")
    with serving(place, "--host", "0.0.0.0", "--name", "Pictures.example") as one:
        yield one


def about(server: Server, **headers: str) -> tuple[int, str]:
    answer = server.ask(
        "GET", "/api/v1/about", headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    return answer.status, answer.fields.get("error", {}).get("code", "")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:80", "localhost:8765", "LOCALHOST", "[::1]:8765", "10.0.0.7"])
def test_names_of_this_machine(server: Server, host: str) -> None:
    assert about(server, Host=host) == (200, "")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8765", "", "127.1"])
def test_names_that_were_made_to_point_here(server: Server, host: str) -> None:
    """DNS rebinding: the page at evil.example asks evil.example, which is now this machine."""
    assert about(server, Host=host) == (421, "host")
    assert server.ask("GET", "/", headers={"Host": host}).status == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000", "Host": "localhost:8765"},
        {"Origin": "http://localhost:8765.evil.example", "Host": "localhost:8765"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_requests_of_other_sites(server: Server, marked: Path, headers: dict[str, str]) -> None:
    assert about(server, **headers) == (403, "origin")
    sent = {name.replace("_", "-"): text for name, text in headers.items()}
    answer = server.ask("POST", "/api/v1/read", marked.read_bytes(), sent)
    assert answer.status == 403
    assert "Ada" not in answer.body.decode()


def test_the_page_itself_may_ask(server: Server) -> None:
    ours = f"127.0.0.1:{server.port}"
    assert about(server, Host=ours, Origin=f"http://{ours}", Sec_Fetch_Site="same-origin") == (200, "")
    assert about(server, Host=ours, Origin=f"https://{ours}") == (200, "")  # behind a server with TLS


def test_no_other_site_may_read_or_frame(server: Server) -> None:
    for path in ("/", "/page.js", "/api/v1/about", "/nothing"):
        headers = server.ask("GET", path).headers
        assert "access-control-allow-origin" not in headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
    assert server.ask("OPTIONS", "/api/v1/read").status == 405


def test_reachable_by_others_means_a_token(guarded: Server, marked: Path) -> None:
    assert guarded.token is not None
    assert len(guarded.token) >= 32
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {guarded.token}"}):
        answer = guarded.ask("POST", "/api/v1/read", marked.read_bytes(), headers)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.error.endswith("use the one that the server printed when it started")
    right = guarded.ask("GET", "/api/v1/about", headers={"Authorization": f"Bearer {guarded.token}"})
    assert right.status == 200
    assert guarded.ask("GET", "/api/v1/openapi.json").fields["security"] == [{"token": []}]
    assert guarded.ask("GET", "/").status == 200  # which says nothing of the keys
    assert about(guarded, Host="pictures.example:443")[0] == 401
    assert about(guarded, Host="other.example")[0] == 421


def test_wrong_tokens_are_counted(tmp_path: Path) -> None:
    with serving(tmp_path, "--require-token", WATERMARKING_WEB_TOKEN=TOKEN) as one:
        assert one.token == TOKEN
        tries = [about(one, Authorization=f"Bearer {number}")[0] for number in range(12)]
        assert tries == [401] * 10 + [429] * 2
        assert about(one)[0] == 429
        assert about(one, Authorization=f"Bearer {TOKEN}") == (200, "")  # who has it is not kept out by who has not
        assert about(one, Authorization="Bearer 12")[0] == 429


def test_tickets_come_back() -> None:
    now = 0.0
    rates = Rates(6, clock=lambda: now)
    for _ in range(6):
        assert rates.wait("a") == 0
        rates.count("a")
    assert (rates.wait("a"), rates.wait("b")) == (10, 0)
    now = 5.0
    assert rates.wait("a") == 5
    now = 1000.0
    for _ in range(6):
        assert rates.wait("a") == 0
        rates.count("a")
    assert rates.wait("a") == 10  # never more than a minute's worth


def test_addresses_are_forgotten_in_time() -> None:
    rates = Rates(1, clock=lambda: 0.0)
    for number in range(5000):
        rates.count(str(number))
    assert rates.wait("0") == 0
    assert rates.wait("4999") > 0
