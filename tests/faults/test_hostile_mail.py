"""Mail made from what people typed: its headers stay ours, its subject holds nobody's name, and it goes to one address."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
import sqlalchemy as sa

from tests.factories import drive, enter, make_case, make_hospital, make_staff
from tests.facts import TUESDAY
from ticketing.accounts import service as accounts
from ticketing.cases import service
from ticketing.cases.rules import Status
from ticketing.core.database import db
from ticketing.core.mail import Mail, compose
from ticketing.core.permissions import Role
from ticketing.outbox.jobs import render_mail
from ticketing.outbox.models import OutboxMessage
from ticketing.outbox.queries import to_row
from ticketing.people.rules import PersonDetails

CANARY = "Quillfeather"
EVIL = (f"{CANARY}\r\nBcc: everybody@evil.example\r\n\r\nforged", f"{CANARY}\nSubject: forged", f"{CANARY}\u2028Bcc: x@evil.example",
        f"=?utf-8?q?{CANARY}=0ABcc:x?=", f"{CANARY}\" <x@evil.example>, \"", f"{{{{ 7*7777 }}}}{CANARY}{{% raise %}}")
HEADERS = {"message-id", "from", "to", "subject", "date", "auto-submitted", "x-auto-response-suppress", "mime-version", "content-type",
           "content-transfer-encoding"}


@pytest.mark.parametrize("evil", EVIL)
def test_every_mail_keeps_its_headers(app, client, set_clock, evil):
    set_clock(TUESDAY)
    hospital = make_hospital()
    person = PersonDetails(name=evil, email="amina.khan@mail.example")
    reference = make_case(
        hospital.officer, complainant=person, has_agreed_to_email=True, has_receipt_mail=True, narrative=evil, points=(evil, evil))
    staff = make_staff(Role.CLINICIAN, evil, email="c.quill@hospital.example")
    accounts.ask_reset(staff.email, "192.0.2.1", at=TUESDAY)
    drive(reference, Status.INVESTIGATION, hospital)
    uid = service.ask_statement(reference, staff.uid, (1,), evil, evil, 5, by=hospital.officer, at=TUESDAY)
    service.give_statement(uid, evil, by=staff.actor, at=TUESDAY)
    enter(client, Role.ADMINISTRATOR)
    client.post("/staff/new", data={"name": evil, "email": "d.new@hospital.example", "role": "officer", "job_title": evil})
    queued = db.session.scalars(sa.select(OutboxMessage)).all()
    assert len(queued) >= 4
    for row in queued:
        content = render_mail(to_row(row))
        mail = Mail(row.message_id, "patient.relations@hospital.example", row.recipient_email, content.subject, content.text, content.html)
        read = message_from_bytes(compose(mail).as_bytes(policy=policy.SMTP), policy=policy.default)
        assert {name.lower() for name in read} <= HEADERS, row.kind
        assert len(read.keys()) == len(set(read.keys())), row.kind
        assert str(read["To"]) == row.recipient_email
        assert CANARY not in str(read["Subject"]), row.kind
        assert "forged" not in str(read["Subject"])
        assert "54439" not in content.text
    assert CANARY not in " ".join(f"{row.subject} {row.dedup_key} {row.message_id}" for row in queued)
