"""The files of cases, for whoever may see them: one, those of a case, those in quarantine; and files against rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ticketing.accounts.models import Staff
from ticketing.audit.rules import EntryRow
from ticketing.cases.models import Attachment, Case
from ticketing.cases.queries.visibility import open_to, visible_to
from ticketing.cases.rules import AttachmentState
from ticketing.codes.models import Site
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.core.permissions import Actor, Compartment
from ticketing.core.references import is_uid, parse_reference

NO_FILE = "There is no such file. Check the address and try again."
QUARANTINE = (AttachmentState.WAITING, AttachmentState.FOUND)
MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class AttachmentRow:
    """A file as pages show it; `stored_as` is None once it is deleted."""

    uid: str
    reference: str
    zone: str
    name: str
    media_type: str
    size: int
    state: AttachmentState
    finding: str
    about: str
    added_at: datetime
    added_by: str
    stored_as: str | None
    compartment: Compartment | None = None

    @property
    def can_be_opened(self) -> bool:
        return self.state is AttachmentState.CLEAN and self.stored_as is not None

    @property
    def size_words(self) -> str:
        """ "340 kB", "2.1 MB"."""
        return f"{max(1, self.size // 1000)} kB" if self.size < 1_000_000 else f"{self.size / 1_000_000:.1f} MB"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Files nobody names, and rows whose file is gone."""

    without_row: tuple[str, ...]
    without_file: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        return not self.without_row and not self.without_file


def attachments_of(reference: str, actor: Actor) -> tuple[AttachmentRow, ...]:
    """Every file of a case, the newest first; none of a case that is hidden, nor of a compartment of others."""
    known = parse_reference(reference)
    return _rows(_select().where(Case.reference == known, *_seen_by(actor)).order_by(Attachment.added_at.desc(), Attachment.id.desc()))


def attachment(reference: str, uid: str, actor: Actor) -> AttachmentRow:
    """One file; NotFound if it, or its case, is hidden, sealed or missing."""
    known = parse_reference(reference)
    found = _rows(_select().where(Attachment.uid == uid, Case.reference == known, *_seen_by(actor))) if is_uid(uid) and known else ()
    if not found:
        raise NotFound(NO_FILE)
    return found[0]


def in_quarantine(actor: Actor) -> tuple[AttachmentRow, ...]:
    """Files that cannot be opened, of what this person may see; those that something was found in before the others."""
    is_found = sa.case((Attachment.state == AttachmentState.FOUND, 0), else_=1)
    return _rows(_select().where(Attachment.state.in_(QUARANTINE), *_seen_by(actor))
                 .order_by(is_found, Attachment.added_at.desc(), Attachment.id.desc()).limit(MOST_SHOWN))


def without_sealed_names(entries: Iterable[EntryRow], actor: Actor) -> tuple[EntryRow, ...]:
    """These entries of the trail; those about a file that is sealed from this person tell neither its name nor why anything was done.

    A file sealed after it was added has entries on the case's own chain from before.
    """
    found = tuple(entries)
    uids = {str(entry.facts["file"]) for entry in found if "file" in entry.facts}
    closed = sa.and_(Attachment.compartment.is_not(None), Attachment.compartment.not_in(actor.compartments))
    hidden = set(db.session.scalars(sa.select(Attachment.uid).where(Attachment.uid.in_(uids), closed))) if uids else set()
    return tuple(replace(entry, private={}, why="") if entry.facts.get("file") in hidden else entry for entry in found)


def waiting_for_scan(limit: int) -> tuple[AttachmentRow, ...]:
    """Files the scanner was not asked about yet, the oldest first; for the job."""
    return _rows(_select().where(Attachment.state == AttachmentState.WAITING).order_by(Attachment.id).limit(limit))


def mismatch(keys: Iterable[str]) -> Mismatch:
    """The store against the table."""
    rows = db.session.execute(sa.select(Attachment.stored_as, Attachment.uid).where(Attachment.stored_as.is_not(None)))
    named = {str(key): uid for key, uid in rows}
    there = set(keys)
    return Mismatch(tuple(sorted(there - set(named))), tuple(sorted(uid for key, uid in named.items() if key not in there)))


def _seen_by(actor: Actor) -> tuple[sa.ColumnElement[bool], ...]:
    """That a file's case, and the compartment it may be sealed in, are open to this person."""
    return visible_to(actor), open_to(actor, Attachment.compartment)


def _select() -> sa.Select[Any]:
    columns: tuple[Any, ...] = (Attachment, Case.reference, Site.zone, Staff.name.label("who"))
    return (sa.select(*columns).join(Case, Case.id == Attachment.case_id)
            .join(Site, Site.id == Case.site_id).outerjoin(Staff, Staff.id == Attachment.added_by_id))


def _rows(query: sa.Select[Any]) -> tuple[AttachmentRow, ...]:
    return tuple(_row(row) for row in db.session.execute(query))


def _row(row: sa.Row[Any]) -> AttachmentRow:
    file: Attachment = row.Attachment
    who = "The complainant" if file.is_from_complainant else row.who or ""
    return AttachmentRow(file.uid, row.reference, row.zone, file.name, file.media_type, file.size, file.state, file.finding, file.about,
                         file.added_at, who, file.stored_as, file.compartment)
