"""Files on a case: kept once they were looked at and scanned, in quarantine until then; opened by whoever may see the case, and told."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from ticketing.audit import service as audit
from ticketing.audit.rules import Act, NewEntry, reads_stream
from ticketing.cases.models import Attachment, Case
from ticketing.cases.queries.attachments import AttachmentRow
from ticketing.cases.queries.visibility import open_to
from ticketing.cases.rules import AttachmentState
from ticketing.cases.service._case import _lock, _note, _seal, _stream
from ticketing.core.batch import Tally
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid, NotFound
from ticketing.core.files import Checked
from ticketing.core.permissions import Actor, Compartment, Permission, complainant, machine
from ticketing.core.references import is_uid, new_uid
from ticketing.core.scanning import Judge
from ticketing.core.storage import Folder, NoRoom

SCANNER = machine("scanner")


@atomic
def attach(
    reference: str, files: Sequence[Checked], scan: Judge, store: Folder, *, most: int, by: Actor, at: datetime, about: str = "",
    compartment: Compartment | None = None,
) -> int:
    """Keep these files on a case, or in a compartment of it; returns how many.

    What the scanner names, or cannot be asked about, stays in quarantine.

    All or none: where one cannot be kept (no room on the disk), those kept before it are forgotten again.
    """
    by.must(Permission.WORK_CASES)
    case = _lock(reference, None, by=by)
    _seal(case, compartment, by=by)
    return _keep(case, files, scan, store, most=most, by=by, at=at, about=about, compartment=compartment)


@atomic
def attach_as_received(reference: str, files: Sequence[Checked], scan: Judge, store: Folder, *, most: int, at: datetime) -> int:
    """Keep the files that came with a concern from the public form, in the same transaction as the case."""
    case = db.session.scalars(sa.select(Case).where(Case.reference == reference).with_for_update()).one()
    return _keep(case, files, scan, store, most=most, by=complainant(reference), at=at, about="Sent with the concern")


def _keep(
    case: Case, files: Sequence[Checked], scan: Judge, store: Folder, *, most: int, by: Actor, at: datetime, about: str = "",
    compartment: Compartment | None = None,
) -> int:
    """Each compartment counts by itself: how many files fit tells nobody how many are sealed."""
    among = Attachment.compartment.is_(None) if compartment is None else Attachment.compartment == compartment
    there = db.session.scalar(sa.select(sa.func.count()).select_from(Attachment).where(
        Attachment.case_id == case.id, Attachment.state != AttachmentState.DELETED, among)) or 0
    if there + len(files) > most:
        raise Invalid(f"A case holds at most {most} files, and this one has {there}. Delete some first, or join several into one PDF.",
                      field="files")
    kept: list[str] = []
    try:
        for file in files:
            kept.append(store.put(file.data))
            _add(case, file, kept[-1], *_judged(scan(file.data)), by=by, at=at, about=about, compartment=compartment)
    except NoRoom:
        for key in kept:
            store.delete(key)
        raise
    return len(kept)


def _add(
    case: Case, file: Checked, key: str, state: AttachmentState, finding: str, *, by: Actor, at: datetime, about: str,
    compartment: Compartment | None,
) -> None:
    row = Attachment(
        uid=new_uid(), case_id=case.id, name=file.name, media_type=file.media_type, size=len(file.data),
        digest=hashlib.sha256(file.data).hexdigest(), stored_as=key, state=state, finding=finding, about=about, added_at=at,
        added_by_id=by.staff_id, is_from_complainant=by.staff_id is None, compartment=compartment)
    db.session.add(row)
    _note(case, Act.CASE_FILE_ADDED, by=by, at=at, private={"name": file.name},
          facts={"file": row.uid, "size": row.size, "digest": row.digest, "state": state.value}, compartment=compartment)


@atomic
def note_opened(reference: str, uid: str, *, by: Actor, at: datetime, compartment: Compartment | None = None) -> None:
    """Note on the reader's own stream that they opened a file of a case; who opened a sealed one is told to its members alone."""
    about = _stream(reference, compartment)
    entry = NewEntry(reads_stream(by.uid), Act.CASE_FILE_OPENED, facts={"case": reference, "file": uid}, about=about)
    audit.record_many([entry], by=by, at=at)


@atomic
def seal_file(reference: str, uid: str, compartment: Compartment | None, why: str, *, by: Actor, at: datetime) -> None:
    """Put a file that is there already into a compartment, or into another; None: everybody who sees the case reads it again.

    That it was added stays on the case's chain without its name (queries.without_sealed_names); that it was sealed is told to members
    alone, that it is open again to everybody.
    """
    by.must(Permission.WORK_CASES)
    case = _lock(reference, None, by=by)
    row = _file(case, uid, by)
    if row.compartment == compartment:
        raise Conflict("The same people may read it already. Choose others.")
    if not why.strip():
        raise Invalid("Say why others may read it from now on.", field="why")
    _seal(case, compartment, by=by)
    before, row.compartment = row.compartment, compartment
    act = Act.CASE_FILE_UNSEALED if compartment is None else Act.CASE_FILE_SEALED
    for chain in (before, compartment) if before is not None else (compartment,):
        _note(case, act, by=by, at=at, why=why, facts={"file": uid}, private={"name": row.name}, compartment=chain)


def _file(case: Case, uid: str, by: Actor) -> Attachment:
    row = db.session.scalar(sa.select(Attachment).where(
        Attachment.uid == uid, Attachment.case_id == case.id, open_to(by, Attachment.compartment))) if is_uid(uid) else None
    if row is None:
        raise NotFound("There is no such file.")
    return row


@atomic
def delete_attachment(reference: str, uid: str, why: str, store: Folder, *, by: Actor, at: datetime) -> None:
    """Delete the bytes of a file; that it was there, and why it went, stays."""
    by.must(Permission.SIGN_RESPONSES)
    case = _lock(reference, None, by=by)
    row = _file(case, uid, by)
    if row.stored_as is None:
        raise Conflict("This file is deleted already.")
    if not why.strip():
        raise Invalid("Say why it is deleted.", field="why")
    store.delete(row.stored_as)
    row.state, row.stored_as = AttachmentState.DELETED, None
    _note(case, Act.CASE_FILE_DELETED, by=by, at=at, why=why, facts={"file": uid}, private={"name": row.name}, compartment=row.compartment)


@atomic
def scan_waiting(waiting: Sequence[AttachmentRow], scan: Judge, store: Folder, *, at: datetime) -> Tally:
    """Ask the scanner about files it could not be asked about before; those it still gives no verdict on go on waiting."""
    tally = Tally()
    for found in waiting:
        row = db.session.scalar(sa.select(Attachment).where(Attachment.uid == found.uid).with_for_update())
        if row is None or row.state is not AttachmentState.WAITING or row.stored_as is None:
            continue
        with store.open(row.stored_as) as file:
            state, finding = _judged(scan(file.read()))
        if state is AttachmentState.WAITING:
            continue
        case = db.session.scalars(sa.select(Case).where(Case.id == row.case_id).with_for_update()).one()
        row.state, row.finding = state, finding
        _note(case, Act.CASE_FILE_SCANNED, by=SCANNER, at=at, facts={"file": row.uid, "verdict": state.value}, compartment=row.compartment)
        tally.done += 1
    return tally


def _judged(word: tuple[bool | None, str]) -> tuple[AttachmentState, str]:
    is_clean, finding = word
    return AttachmentState.WAITING if is_clean is None else AttachmentState.CLEAN if is_clean else AttachmentState.FOUND, finding
