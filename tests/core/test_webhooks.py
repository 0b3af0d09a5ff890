"""Calls to other systems, against a real server over TLS: signed as the standard says, to nobody else, never inside, never onwards."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.facts import TUESDAY
from ticketing import schedule
from ticketing.core import clock, webhooks
from ticketing.core.mail import Trouble, Undeliverable
from ticketing.core.webhooks import Call
from ticketing.outbox import queries, service
from ticketing.outbox.rules import MessageState, NewMessage, Outcome

KEY = b"a key of thirty-two bytes, or so"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
PAYLOAD = {"type": "case.escalated", "data": {"reference": "26-7KQ4-M2XR-9C", "rung": 4}}
LOCAL = frozenset({"localhost"})


@dataclass
class Receiver:
    """Another system: what it was sent, and how it answers; `answers` are statuses, the last one for good."""

    port: int
    ca_file: str
    answers: list[int] = field(default_factory=lambda: [204])
    location: str = ""
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/hooks/redress"

    def post(self, **changes: object) -> str:
        call = Call("msg_1", str(changes.pop("url", self.url)), PAYLOAD, TUESDAY)
        values = {"secret": SECRET, "hosts": LOCAL, "private_hosts": LOCAL, "ca_file": self.ca_file, **changes}
        return webhooks.send(call, **values)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this machine, its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    present = clock.now()
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(present - timedelta(days=1)).not_valid_after(present + timedelta(days=1)).add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256()))
    folder = tmp_path_factory.mktemp("identity")
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture
def receiver(identity: tuple[Path, Path]) -> Iterator[Receiver]:
    certificate, key = identity

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(found.answers.pop(0) if len(found.answers) > 1 else found.answers[0])
            if found.location:
                self.send_header("Location", found.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    class Quiet(HTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Connections that are dropped without a byte are what these tests are about."""

    server = Quiet(("127.0.0.1", 0), Answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    found = Receiver(server.server_port, str(certificate))
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


def is_genuine(headers: dict[str, str], body: bytes) -> bool:
    """As a receiver checks it, written after the standard and not after our program: HMAC-SHA256 by hand (RFC 2104)."""
    block = KEY.ljust(64, b"\0")
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + signed).digest()
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest()
    return headers["webhook-signature"] == "v1," + base64.b64encode(outer).decode()


def test_a_call_arrives_once_signed_over_its_id_time_and_body(receiver):
    assert receiver.post() == "answered 204"
    [(headers, body)] = receiver.taken
    assert is_genuine(headers, body)
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg_1", str(int(TUESDAY.timestamp())))
    assert json.loads(body) == PAYLOAD
    assert not is_genuine(headers, body.replace(b"4", b"5"))
    assert not is_genuine({**headers, "webhook-timestamp": "1"}, body)
    assert not is_genuine({**headers, "webhook-id": "msg_2"}, body)


def test_the_signature_is_that_of_the_standard_s_own_example():
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    expected = hmac.new(key, b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + body, hashlib.sha256).digest()
    found = webhooks.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1," + base64.b64encode(expected).decode() == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("host", [
    "127.0.0.1", "localhost",
])
def test_an_address_inside_the_house_gets_not_one_byte(receiver, host):
    with pytest.raises(Undeliverable) as refused:
        receiver.post(url=f"https://{host}:{receiver.port}/", hosts=frozenset({host}), private_hosts=frozenset())
    assert refused.value.trouble is Trouble.REFUSED
    assert "inside the house" in refused.value.reason
    assert receiver.taken == []


@pytest.mark.parametrize("url", [
    "https://elsewhere.example/", "http://localhost/", "https://user:secret@localhost/", "https://localhost.elsewhere.example/",
    "https:///", "https://[::1/", "ftp://localhost/", "https://127.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://10.0.0.1/",
    "https://[fe80::1]/", "https://0x7f000001/",
])
def test_a_host_that_is_not_listed_is_never_looked_up(receiver, url, monkeypatch):
    asked: list[object] = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **_: asked.append(args))
    with pytest.raises(Undeliverable) as refused:
        receiver.post(url=url)
    assert refused.value.trouble is Trouble.REFUSED
    assert asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(receiver, status):
    receiver.answers, receiver.location = [status], f"https://localhost:{receiver.port}/inside"
    with pytest.raises(Undeliverable) as refused:
        receiver.post()
    assert refused.value.trouble is Trouble.REFUSED
    assert len(receiver.taken) == 1


def test_an_answer_that_is_neither_yes_nor_a_pointer_is_no_delivery(receiver):
    receiver.answers = [304]
    with pytest.raises(Undeliverable, match="304"):
        receiver.post()


@pytest.mark.parametrize(("status", "trouble"), [
    (500, Trouble.REFUSED_FOR_NOW), (503, Trouble.REFUSED_FOR_NOW), (429, Trouble.REFUSED_FOR_NOW), (400, Trouble.REFUSED),
    (410, Trouble.REFUSED),
])
def test_a_refusal_is_tried_again_only_where_that_may_help(receiver, status, trouble):
    receiver.answers = [status]
    with pytest.raises(Undeliverable, match=str(status)) as refused:
        receiver.post()
    assert refused.value.trouble is trouble


def test_a_system_that_is_not_there_was_certainly_not_reached(receiver):
    with pytest.raises(Undeliverable) as refused:
        receiver.post(url="https://localhost:9/")
    assert refused.value.trouble is Trouble.UNREACHABLE


def test_a_certificate_nobody_vouches_for_is_not_trusted(receiver):
    with pytest.raises(Undeliverable) as refused:
        receiver.post(ca_file="")
    assert refused.value.trouble is Trouble.UNREACHABLE
    assert receiver.taken == []


def test_without_a_secret_nothing_is_called(receiver):
    with pytest.raises(Undeliverable, match="WEBHOOK_SECRET"):
        receiver.post(secret="")
    assert receiver.taken == []


@pytest.fixture
def deliver(app, receiver, set_clock):
    """The delivering job as a worker runs it, at a moment."""
    app.config.update(
        WEBHOOK_HOSTS="localhost", WEBHOOK_SECRET=SECRET, PRIVATE_HOSTS="localhost", OUTBOUND_CA_FILE=receiver.ca_file, SMTP_URL="")
    [job] = [job for job in schedule.JOBS if job.name == "deliver"]

    def run(at):
        set_clock(at)
        return job.work(lambda: False)

    return run


def put(url: str) -> str:
    return service.queue(NewMessage("webhook", "", "", "call", "", PAYLOAD, "", "26-7KQ4-M2XR-9C", url=url), at=TUESDAY)


def test_a_call_is_tried_again_with_growing_waits_under_one_id_and_each_attempt_is_kept(app, receiver, deliver):
    receiver.answers = [503, 500, 200]
    uid, minute = put(receiver.url), timedelta(minutes=1)
    for at in (TUESDAY, TUESDAY + minute / 2, TUESDAY + minute, TUESDAY + 3 * minute, TUESDAY + 6 * minute, TUESDAY + 90 * minute):
        deliver(at)
    row = queries.message(uid)
    assert row is not None
    assert [attempt.outcome for attempt in row.attempts] == [Outcome.REFUSED_FOR_NOW, Outcome.REFUSED_FOR_NOW, Outcome.ACCEPTED]
    assert [attempt.attempted_at for attempt in row.attempts] == [TUESDAY, TUESDAY + minute, TUESDAY + 6 * minute]
    assert (row.state, row.sent_at) == (MessageState.SENT, TUESDAY + 6 * minute)
    assert {headers["webhook-id"] for headers, _ in receiver.taken} == {uid}
    assert all(is_genuine(headers, body) for headers, body in receiver.taken)


def test_a_call_refused_for_good_says_so_and_names_no_mail_server(app, receiver, deliver):
    receiver.answers = [410]
    uid = put(receiver.url)
    deliver(TUESDAY)
    row = queries.message(uid)
    assert row is not None
    assert row.state is MessageState.DEAD
    assert "410" in row.last_error
    assert "mail" not in row.last_error


def test_a_host_inside_the_house_is_called_only_where_it_is_listed_as_such(app, receiver, deliver):
    app.config["PRIVATE_HOSTS"] = ""
    uid = put(receiver.url)
    deliver(TUESDAY)
    assert queries.message(uid).state is MessageState.DEAD
    assert receiver.taken == []
