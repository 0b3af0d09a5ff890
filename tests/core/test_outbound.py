"""Calls to other machines: addresses inside the house are refused however they are spelt, answers that point elsewhere are not followed."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from ticketing.core.outbound import MOST_BYTES, Unreachable, guard, hosts_of, is_outside


class Inside(BaseHTTPRequestHandler):
    """Something in the house that answers."""

    heard: list[str] = []  # noqa: RUF012 - shared with the test on purpose

    def do_GET(self):
        self.heard.append(self.path)
        self.send_response(302 if self.path == "/away" else 200)
        if self.path == "/away":
            self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(b"x" * (MOST_BYTES + 1) if self.path == "/large" else b"hello")

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def inside():
    Inside.heard = []
    server = HTTPServer(("127.0.0.1", 0), Inside)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def caller(*hosts):
    session = requests.Session()
    guard(session, private_hosts=frozenset(hosts))
    return session


@pytest.mark.parametrize("address", [
    "127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "nonsense", "",
])
def test_an_address_of_the_house_is_inside(address):
    assert not is_outside(address)


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9", "64:ff9b::909:909"])
def test_an_address_of_the_internet_is_outside(address):
    assert is_outside(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "[::ffff:127.0.0.1]"])
def test_nothing_is_sent_to_the_house_however_it_is_spelt(inside, host):
    for scheme in ("http", "https"):
        with caller() as session, pytest.raises(requests.RequestException):
            session.get(f"{scheme}://{host}:{inside}/")
    assert not Inside.heard


def test_a_name_that_leads_into_the_house_is_refused_after_it_is_looked_up(inside):
    with caller("other.example") as session, pytest.raises(requests.ConnectionError, match="inside the house"):
        session.get(f"https://localhost:{inside}/")


def test_what_is_listed_may_be_called_and_leads_nowhere_else(inside):
    with caller(*hosts_of(" 127.0.0.1, idp.local ")) as session:
        assert session.get(f"http://127.0.0.1:{inside}/").text == "hello"
        with pytest.raises(Unreachable, match="pointed elsewhere"):
            session.get(f"http://127.0.0.1:{inside}/away")
        with pytest.raises(Unreachable, match="too large"):
            session.get(f"http://127.0.0.1:{inside}/large")


def test_the_environment_has_no_say(inside, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{inside}")
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{inside}")
    with caller() as session, pytest.raises(requests.RequestException):
        session.get("https://localhost:1/")
    assert not Inside.heard
