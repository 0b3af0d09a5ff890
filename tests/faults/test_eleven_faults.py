"""Eleven faults that a careful application still had, each a test of its own, on both databases."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

import pytest

from config import Settings
from tests.factories import PASSWORD, enter, make_case, make_hospital, make_staff, version_of
from tests.facts import ROOT, TUESDAY
from ticketing.app import create_app
from ticketing.cases import queries
from ticketing.core.exports import neutral

PATIENCE = 60  # seconds


@pytest.fixture
def hospital(app, set_clock):
    set_clock(TUESDAY)
    return make_hospital(password=PASSWORD)


@pytest.mark.parametrize("token", ["¿", "é" * 40, "\x00", "＝", "", "null", "a.b.c", "😀"])
def test_fault_01_a_token_that_is_not_ascii_is_refused_and_breaks_nothing(client, hospital, token):
    for path in ("/sign-in", "/concerns/new", "/forgotten"):
        assert client.post(path, data={"csrf_token": token, "email": "a@b.example"}, csrf=False).status_code in {400, 422}


@pytest.mark.parametrize("kind", ["application/json", "text/json", "application/x-www-form-urlencoded"])
def test_fault_02_a_lone_surrogate_in_json_is_no_defect(client, hospital, kind):
    enter(client)
    for path in ("/sign-in", "/concerns/new", "/cases/new", "/cases/lookalikes"):
        answer = client.post(path, data=b'{"email": "\\ud800", "narrative": "\\ud800\\u0000"}', content_type=kind)
        assert answer.status_code in {200, 400, 415, 422}, path


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 50_000, json.dumps([[]] * 1_000).encode()])
def test_fault_03_json_without_end_is_no_defect(client, hospital, body):
    enter(client)
    for path in ("/sign-in", "/concerns/new", "/cases/lookalikes"):
        assert client.post(path, data=body, content_type="application/json").status_code in {200, 400, 413, 415, 422}, path


def test_fault_04_a_nul_is_cleaned_or_refused_on_every_way_in(client, hospital):
    enter(client)
    reference = make_case(hospital.officer)
    told = {"text": "She\x00 rang.", "kind": "note", "version": "1", "seen": "0", "once": "\x00"}
    assert client.post(f"/cases/{reference}/actions/note", data=told).status_code == 303
    assert queries.get_case(reference, hospital.officer, at=TUESDAY).notes[0].text == "She rang."
    for path in ("/cases/%00", f"/cases/{reference}%00", "/cases/?view=%00", "/cases/find?reference=%00", "/cases/?view=mine&view=%00"):
        assert client.get(path).status_code in {200, 303, 404}, path
    assert client.get("/cases/", headers={"X-Odd": "a\tb", "Cookie": "redress=%00"}).status_code in {200, 303}


@pytest.mark.parametrize("number", ["10" + "0" * 22, "-1", "9" * 400, "0x10", "１２", "1e9", "2147483648"])
def test_fault_05_a_number_too_large_for_the_database_names_nothing(client, hospital, number):
    enter(client)
    reference = make_case(hospital.officer)
    for path in (f"/cases/{number}", f"/cases/{reference}/timers/respond?cycle={number}", f"/cases/{reference}/trail?after={number}",
                 f"/cases/?after={number}", f"/cases/{reference}/files/{number}"):
        assert client.get(path).status_code in {200, 303, 404, 422}, path
    assert client.post(f"/account/sessions/{number}/end").status_code in {303, 404}


@pytest.mark.parametrize("version", ["abc", "", "-1", "9" * 30, "1.5", "\x00", "１"])
def test_fault_06_a_hidden_version_that_is_no_number_is_a_sentence(client, hospital, version):
    enter(client)
    reference = make_case(hospital.officer)
    before = version_of(reference)
    page = client.send(f"/cases/{reference}/actions/hold", {"reason": "legal", "version": version, "seen": version})
    assert "Reload" in page.text
    assert version_of(reference) == before


def test_fault_07_a_wrong_password_takes_as_long_for_a_name_that_is_not_there(client, hospital):
    def seconds(email: str) -> float:
        taken = []
        for number in range(7):
            began = time.perf_counter()
            client.post("/sign-in", data={"email": email.format(number), "password": "not the password"})
            taken.append(time.perf_counter() - began)
        return statistics.median(taken)

    for number in range(7):
        make_staff(name=f"Known {'ABCDEFG'[number]}", email=f"known{number}@hospital.example")
    seconds("warm{}@hospital.example")
    known, unknown = seconds("known{}@hospital.example"), seconds("nobody{}@hospital.example")
    assert 1 / 3 < known / unknown < 3, (known, unknown)


@pytest.mark.parametrize("sign", ["＝1+1", "＋1", "－1", "＠SUM(A1)", "\u200b＝1"])
def test_fault_08_a_full_width_sign_is_a_formula_too(sign):
    assert neutral(sign) == f"'{sign}"


def test_fault_09_of_two_first_starts_at_once_one_migrates_and_the_other_waits(database_server):
    url = database_server.empty("firststart")
    env = {**os.environ, "REDRESS_ENV": "development", "DATABASE_URL": url, "LOG_LEVEL": "ERROR", "FILES_FOLDER": ""}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    both = [subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    try:
        told = [process.communicate(timeout=PATIENCE) for process in both]
        assert [process.returncode for process in both] == [0, 0], told
    finally:
        for process in both:
            process.kill()
        database_server.drop(url)


def test_fault_10_a_cookie_kept_from_before_signing_out_opens_nothing(client, hospital):
    make_staff(name="Dee Ray", email="dee.ray@hospital.example")
    client.post("/sign-in", data={"email": "dee.ray@hospital.example", "password": PASSWORD})
    kept = client.get_cookie("redress").value
    client.post("/sign-out")
    client.set_cookie("redress", kept)
    assert client.get("/account").status_code == 303


def test_fault_11_without_the_database_it_is_503_and_when_to_come_back():
    app = create_app(Settings.for_tests("postgresql+psycopg://nobody@127.0.0.1:9/nothing"))
    app.config["WTF_CSRF_ENABLED"] = False
    visitor = app.test_client()
    for answer in (visitor.get("/concerns/new"), visitor.post("/sign-in", data={"email": "a@b.example", "password": "x"})):
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "30"
