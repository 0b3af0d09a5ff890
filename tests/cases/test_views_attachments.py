"""Files on a case: added by staff and by those who complain, opened by whoever may see the case, in quarantine where need be."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from tests.core.test_scanning import EICAR, clamd
from tests.factories import PASSWORD, enter, make_case, make_hospital
from tests.facts import TUESDAY
from ticketing.audit import queries as audit
from ticketing.audit.rules import case_stream, sealed_stream
from ticketing.cases import jobs, queries, service
from ticketing.cases.models import Attachment, Case
from ticketing.cases.rules import AttachmentState
from ticketing.core import storage
from ticketing.core.database import db
from ticketing.core.errors import Conflict, NotFound
from ticketing.core.permissions import Compartment, Role

__all__ = ["clamd"]
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
SEALED = Compartment.SAFEGUARDING


@pytest.fixture
def hospital(app, set_clock, tmp_path):
    app.config["FILES_FOLDER"] = str(tmp_path / "files")
    set_clock(TUESDAY)
    return make_hospital(password=PASSWORD)


@pytest.fixture
def reference(hospital):
    return make_case(hospital.officer)


def file(data: bytes = PDF, name: str = "letter.pdf") -> tuple[io.BytesIO, str]:
    return io.BytesIO(data), name


def send(client, reference: str, *files, **more):
    return client.post(f"/cases/{reference}/files", data={"files": list(files), **more}, content_type="multipart/form-data")


def rows() -> list[Attachment]:
    return list(db.session.scalars(sa.select(Attachment).order_by(Attachment.id)))


def test_staff_add_files_and_each_opening_is_told(client, hospital, reference, app):
    officer = enter(client)
    client.page(f"/cases/{reference}/files")
    assert send(client, reference, file(), file(b"I waited.", "her words.txt"), about="Her letter").location == f"/cases/{reference}#files"
    page = client.page(f"/cases/{reference}")
    assert "letter.pdf" in page.text
    assert "Her letter" in page.text
    url = page.links()["letter.pdf"]
    answer = client.get(url)
    assert (answer.status_code, answer.data) == (200, PDF)
    assert answer.headers["Content-Disposition"] == "attachment; filename=letter.pdf"
    assert answer.headers["Content-Type"] == "application/pdf"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    opened = [entry for entry in audit.entries_about(case_stream(reference)) if entry.act == "case.file_opened"]
    assert [entry.actor_uid for entry in opened] == [officer.uid]
    added = next(entry for entry in audit.timeline(case_stream(reference)) if entry.act == "case.file_added")
    assert "letter" not in str(added.facts)


def test_a_name_is_encoded_as_rfc_6266_asks(client, hospital, reference):
    enter(client)
    send(client, reference, file(name="Brief für Frau Łątka \u201equer\u201c.pdf"))
    url = next(link for text, link in client.page(f"/cases/{reference}").links().items() if text.startswith("Brief"))
    said = client.get(url).headers["Content-Disposition"]
    assert said.startswith("attachment; filename=")
    assert "filename*=UTF-8''Brief%20f%C3%BCr%20Frau%20%C5%81%C4%85tka" in said
    assert said.isascii()


@pytest.mark.parametrize(("files", "sentence"), [
    ((), "Choose at least one file."), ((file(b"MZ", "run.exe"),), "a sort of file we cannot take"),
    (tuple(file(name=f"{number}.pdf") for number in range(6)), "Choose at most 5 files"),
    ((file(), file(b"no", "no.pdf")), "is not a PDF document")])
def test_what_cannot_be_taken_says_why_and_nothing_is_half_kept(client, hospital, reference, app, files, sentence):
    enter(client)
    fresh = [(io.BytesIO(data.getvalue()), name) for data, name in files]
    answer = send(client, reference, *fresh, about="Her letter")
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "Her letter" in answer.text
    assert rows() == []
    assert list(storage.store().keys()) == []


def test_a_case_holds_only_so_many(client, hospital, reference, app):
    app.config["CASE_FILES"] = 2
    enter(client)
    send(client, reference, file(), file(name="b.pdf"))
    answer = send(client, reference, file(name="c.pdf"))
    assert answer.status_code == 422
    assert "holds at most 2 files" in answer.text


def test_a_file_of_a_hidden_case_answers_like_a_missing_one(client, hospital, reference):
    enter(client)
    send(client, reference, file())
    uid = rows()[0].uid
    other = make_case(hospital.officer)
    named = enter(client, name="Named Person")
    service.name_subject(reference, named.uid, by=hospital.officer, at=TUESDAY)
    hidden = client.get(f"/cases/{reference}/files/{uid}")
    for url in (f"/cases/{reference}/files/{'0' * 32}", f"/cases/{other}/files/{uid}", f"/cases/26-0000-0000-00/files/{uid}"):
        missing = client.get(url)
        assert (missing.status_code, len(missing.data)) == (404, len(hidden.data)) == (hidden.status_code, len(missing.data))
    for url in (f"/cases/{reference}/files", f"/cases/{reference}/files/{uid}/delete"):
        assert client.get(url).status_code in {403, 404}
    assert client.get(f"/cases/{reference}/files/../../etc").status_code == 404
    assert client.get(f"/cases/{reference}/files/%00").status_code == 404


def test_a_sealed_file_is_there_for_members_of_its_compartment_alone(app, client, hospital, reference):
    app.config["CLAMD_URL"] = "unix:///tmp/nobody-listens-here"
    member = enter(client, Role.MANAGER, "Mara Member", compartments=[SEALED])
    send(client, reference, file(name="quillfeather.pdf"), compartment="safeguarding")
    (row,) = rows()
    assert (row.compartment, row.state) == (SEALED, AttachmentState.WAITING)
    assert "quillfeather" in client.page("/files/quarantine").text
    app.config["CLAMD_URL"] = ""
    assert jobs.scan(TUESDAY).done == 1
    url = client.page(f"/cases/{reference}").links()["quillfeather.pdf"]
    assert client.get(url).data == PDF
    stream = sealed_stream(reference, SEALED)
    assert [entry.act for entry in audit.timeline(stream)] == ["case.file_scanned", "case.file_added"]
    assert [entry.actor_uid for entry in audit.entries_about(stream)] == [member.uid]
    app.config["CLAMD_URL"] = "unix:///tmp/nobody-listens-here"
    send(client, reference, file(name="quillfeather2.pdf"), compartment="safeguarding")
    enter(client, Role.MANAGER, "Other Manager", compartments=[Compartment.LEGAL])
    for page in (f"/cases/{reference}", f"/cases/{reference}/trail", "/files/quarantine", "/reports/trail",
                 "/reports/trail?act=case.file_opened"):
        assert "quillfeather" not in client.get(page).text, page
        assert row.uid not in client.get(page).text, page
    assert "case.file_opened" not in [entry.act for entry in audit.entries_about(case_stream(reference))]
    assert queries.attachments_of(reference, hospital.auditor) == ()
    for ask in (client.get, client.post):
        for path in ("", "/delete"):
            hidden, missing = (ask(f"/cases/{reference}/files/{uid}{path}", data={"why": "Mine"}) for uid in (row.uid, "0" * 32))
            assert (hidden.status_code, len(hidden.data)) == (missing.status_code, len(missing.data))
            assert hidden.status_code in {404, 405}
    with pytest.raises(NotFound):
        service.delete_attachment(reference, row.uid, "Mine", storage.store(), by=hospital.manager, at=TUESDAY)
    assert send(client, reference, file(), compartment="safeguarding").status_code == 422
    app.config["CASE_FILES"] = 1
    assert send(client, reference, file()).status_code == 303, "how many are sealed shows in how many fit"


def test_a_file_is_sealed_after_it_was_added_and_opened_again(client, hospital, reference):
    member = enter(client, name="Mara Member", compartments=[SEALED])
    send(client, reference, file(name="quillfeather.pdf"))
    uid = rows()[0].uid
    page = f"/cases/{reference}/files/{uid}/seal"
    assert client.page(f"/cases/{reference}").links()["Who may read it: quillfeather.pdf"] == page
    assert client.post(page, data={"compartment": "safeguarding", "why": " "}).status_code == 422
    assert client.post(page, data={"compartment": "legal", "why": "Not mine"}).status_code == 422
    assert client.post(page, data={"compartment": "safeguarding", "why": "Quillfeather is a child"}).status_code == 303
    assert [entry.act for entry in audit.timeline(sealed_stream(reference, SEALED))] == ["case.file_sealed"]
    assert "quillfeather" in client.page(f"/cases/{reference}").text
    enter(client, Role.MANAGER, "Other Manager", compartments=[Compartment.LEGAL])
    for path in (f"/cases/{reference}", f"/cases/{reference}/trail", "/reports/trail", f"/reports/trail?reference={reference}"):
        assert "uillfeather" not in client.page(path).text, path
    assert client.get(page).status_code == client.get(f"/cases/{reference}/files/{'0' * 32}/seal").status_code == 404
    with pytest.raises(NotFound):
        service.seal_file(reference, uid, None, "Mine", by=hospital.manager, at=TUESDAY)
    service.seal_file(reference, uid, None, "It can be read again", by=member, at=TUESDAY)
    assert "quillfeather" in client.page(f"/cases/{reference}/trail").text
    assert audit.timeline(case_stream(reference))[0].why == "It can be read again"
    assert audit.timeline(sealed_stream(reference, SEALED))[0].act == "case.file_unsealed"
    assert client.get(page).status_code == 200
    enter(client, name="Nobody Special")
    assert client.get(page).status_code == 403
    with pytest.raises(Conflict):
        service.seal_file(reference, uid, None, "Again", by=member, at=TUESDAY)


@pytest.mark.parametrize("role", Role)
def test_who_may_open_add_and_delete(client, hospital, reference, role):
    enter(client)
    send(client, reference, file())
    uid = rows()[0].uid
    enter(client, role, "Other Person")
    reads, works = role in {Role.OFFICER, Role.MANAGER, Role.AUDITOR}, role in {Role.OFFICER, Role.MANAGER}
    assert client.get(f"/cases/{reference}/files/{uid}").status_code == (200 if reads else 403)
    assert client.get(f"/cases/{reference}/files").status_code == (200 if works else 403)
    assert client.get(f"/cases/{reference}/files/{uid}/delete").status_code == (200 if role is Role.MANAGER else 403)
    assert client.get("/files/quarantine").status_code == (200 if role in {Role.MANAGER, Role.AUDITOR} else 403)


def test_a_manager_deletes_a_file_and_the_trail_keeps_that_it_was_there(client, hospital, reference, app):
    enter(client, Role.MANAGER, "Mona Manager")
    send(client, reference, file())
    uid = rows()[0].uid
    client.send(f"/cases/{reference}/files/{uid}/delete", {"why": " "})
    assert client.post(f"/cases/{reference}/files/{uid}/delete", data={"why": "Sent by mistake"}).status_code == 303
    assert client.get(f"/cases/{reference}/files/{uid}").status_code == 404
    assert "Deleted" in client.page(f"/cases/{reference}").text
    entry = audit.timeline(case_stream(reference))[0]
    assert (entry.act, entry.why, entry.private["name"]) == ("case.file_deleted", "Sent by mistake", "letter.pdf")
    assert queries.mismatch([]).is_whole


def test_a_complainant_sends_a_photo_with_the_concern(client, hospital):
    page = client.page("/concerns/new")
    assert page.form()["enctype"] == "multipart/form-data"
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "JPEG")
    told = {**page.values(), "kind": "complaint", "who": "self", "narrative": "The ward was cold.", "complainant_name": "Amina Khan",
            "phone": "07700 900123"}
    refused = client.post("/concerns/new", data={**told, "files": [file(b"MZ", "run.exe")]}, content_type="multipart/form-data", csrf=False)
    assert refused.status_code == 422
    assert "The ward was cold." in refused.text
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Case)) == 0
    sent = {**told, "files": [file(out.getvalue(), "ward.jpg")]}
    assert client.post("/concerns/new", data=sent, content_type="multipart/form-data", csrf=False).location == "/concerns/received"
    (row,) = rows()
    assert (row.is_from_complainant, row.state, row.about) == (True, AttachmentState.CLEAN, "Sent with the concern")


def test_what_the_real_scanner_finds_stays_in_quarantine_and_is_seen_there(client, hospital, reference, app, clamd):
    app.config["CLAMD_URL"] = clamd
    enter(client, Role.MANAGER, "Mona Manager")
    send(client, reference, file(EICAR, "bad.txt"), file(b"Good words.", "good.txt"))
    bad, good = rows()
    assert (bad.state, good.state) == (AttachmentState.FOUND, AttachmentState.CLEAN)
    assert client.get(f"/cases/{reference}/files/{bad.uid}").status_code == 404
    assert client.get(f"/cases/{reference}/files/{good.uid}").status_code == 200
    page = client.page("/files/quarantine")
    assert "bad.txt" in page.text
    assert "Eicar-Test-Signature" in page.text
    assert "good.txt" not in page.text


def test_where_the_scanner_is_silent_files_wait_and_are_scanned_later(client, hospital, reference, app, clamd):
    app.config["CLAMD_URL"] = "unix:///tmp/nobody-listens-here"
    enter(client)
    send(client, reference, file(EICAR, "bad.txt"), file())
    assert {row.state for row in rows()} == {AttachmentState.WAITING}
    assert jobs.scan(TUESDAY).done == 0
    assert "virus scanner does not answer" in client.get("/readyz").text
    app.config["CLAMD_URL"] = clamd
    assert jobs.scan(TUESDAY).done == 2
    assert [row.state for row in rows()] == [AttachmentState.FOUND, AttachmentState.CLEAN]


def test_a_full_disk_keeps_neither_row_nor_file_and_says_so(client, hospital, reference, app, monkeypatch):
    written = []

    def full(path, data):
        if written:
            raise OSError(28, "No space left on device")
        written.append(path.write_bytes(data))

    monkeypatch.setattr(storage, "_write", full)
    enter(client)
    answer = send(client, reference, file(), file(name="second.pdf"))
    assert answer.status_code == 507
    assert "no room left" in answer.text
    assert rows() == []
    assert not [path for path in Path(app.config["FILES_FOLDER"]).rglob("*") if path.is_file()]


def test_files_without_rows_and_rows_without_files_are_found(app, client, hospital, reference):
    enter(client)
    send(client, reference, file())
    folder = storage.store()
    lost = folder.put(b"nobody's")
    runner = app.test_cli_runner()
    told = runner.invoke(args=["cases", "files", "--mend"])
    assert (told.exit_code, f"file without a case: {lost} (deleted)" in told.output) == (1, True)
    assert runner.invoke(args=["cases", "files"]).exit_code == 0
    folder.delete(rows()[0].stored_as)
    told = runner.invoke(args=["cases", "files"])
    assert (told.exit_code, rows()[0].uid in told.output) == (1, True)


def test_the_same_files_sent_twice_are_kept_once(client, hospital, reference):
    enter(client)
    mark = {"once": "a" * 32}
    assert send(client, reference, file(), **mark).status_code == 303
    assert send(client, reference, file(), **mark).status_code == 303
    assert send(client, reference, file(b"Other words.", "letter.txt"), **mark).status_code == 409
    assert len(rows()) == 1


def test_strangers_may_send_little_and_forms_with_files_much(client, hospital):
    assert client.post("/sign-in", data={"email": "x" * 300_000, "password": "y"}).status_code == 413
    assert client.post("/concerns/new", data={"narrative": "x" * 300_000}).status_code == 422
