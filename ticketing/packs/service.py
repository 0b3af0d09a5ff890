"""The verbs of the hospital's own pack versions: drafted from an existing one, changed, published once and for all, or thrown away."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime

import sqlalchemy as sa

from ticketing.audit import service as audit
from ticketing.core.database import atomic, db
from ticketing.core.errors import Conflict, Invalid, NotFound
from ticketing.core.permissions import Actor, Permission
from ticketing.core.references import new_uid
from ticketing.packs import queries
from ticketing.packs.models import PackState, PackVersion
from ticketing.packs.rules import problems_of, read_pack
from ticketing.packs.rules.editing import stamped, with_amounts

LONGEST = 400_000  # characters; the longest shipped pack has a tenth of that


@atomic
def draft_version(code: str, base_version: str, *, by: Actor, at: datetime) -> str:
    """Begin a version from one that is in use; returns the draft's uid.  Raises Invalid for a pack or version that does not exist."""
    by.must(Permission.MANAGE_RULES)
    text = queries.text_of(code, base_version)
    number = 1 + (db.session.scalar(sa.select(sa.func.count()).select_from(PackVersion).where(PackVersion.code == code)) or 0)
    version = f"{base_version.partition('-local.')[0]}-local.{number}"
    row = PackVersion(
        uid=new_uid(), code=code, version=version, base_version=base_version, text=stamped(text, version), digest="", created_at=at,
        changed_at=at)
    row.digest = _digest(row.text)
    db.session.add(row)
    audit.record(
        audit.ADMIN_STREAM, audit.Act.PACK_DRAFTED, by=by, at=at, about=queries.stream_of(code),
        facts={"pack": code, "version": version, "base": base_version})
    return row.uid


@atomic
def save_draft(uid: str, text: str, *, seen: int, by: Actor, at: datetime) -> None:
    """Keep the text of a draft, however wrong it still is; Conflict if somebody else saved it since."""
    row = _lock_draft(uid, seen, by=by)
    if len(text) > LONGEST:
        raise Invalid(f"That is too long for a policy pack: use {LONGEST:,} characters or fewer.", field="text")
    _keep(row, text.replace("\r\n", "\n"), by=by, at=at)


@atomic
def change_amounts(uid: str, amounts: Mapping[str, int], *, seen: int, by: Actor, at: datetime) -> None:
    """Put other numbers into a draft's own local targets, by code; the rest of the text stays as it was written."""
    row = _lock_draft(uid, seen, by=by)
    _keep(row, with_amounts(row.text, amounts), by=by, at=at)


@atomic
def discard_draft(uid: str, *, by: Actor, at: datetime) -> None:
    """Throw a draft away; the trail keeps that it was here."""
    row = _lock_draft(uid, None, by=by)
    audit.record(
        audit.ADMIN_STREAM, audit.Act.PACK_DISCARDED, by=by, at=at, about=queries.stream_of(row.code),
        facts={"pack": row.code, "version": row.version})
    db.session.delete(row)


@atomic
def publish(uid: str, effective_from: date, reason: str, *, seen: int, by: Actor, at: datetime) -> None:
    """Put a draft in force for cases received from this day on; it never changes again, and no open case moves.

    Raises Invalid with every problem if the text cannot be used, and Conflict if somebody changed the draft since it was seen.
    """
    row = _lock_draft(uid, seen, by=by)
    if not reason.strip():
        raise Invalid("Say why this version is published.", field="reason")
    text = stamped(row.text, row.version, effective_from)
    problems = problems_of(text)
    if problems:
        raise Invalid(f"This version cannot be published yet: {problems[0]}"
                      + (f" And {len(problems) - 1} more." if len(problems) > 1 else ""))
    pack = read_pack(text, f"{row.code} {row.version}")
    if pack.code != row.code:
        raise Invalid(f"The text says it is the pack “{pack.code}”. A draft of {row.code} keeps that code.")
    row.text, row.digest, row.effective_from, row.reason = text, _digest(text), effective_from, reason.strip()
    row.published_at, row.changed_at, row.published_by_id, row.state = at, at, by.staff_id, PackState.PUBLISHED
    queries.forget(row.code, row.version)
    audit.record(
        audit.ADMIN_STREAM, audit.Act.PACK_PUBLISHED, by=by, at=at, why=reason.strip(), about=queries.stream_of(row.code),
        facts={"pack": row.code, "version": row.version, "base": row.base_version, "effective_from": effective_from, "digest": row.digest})


def _lock_draft(uid: str, seen: int | None, *, by: Actor) -> PackVersion:
    by.must(Permission.MANAGE_RULES)
    row = db.session.scalar(sa.select(PackVersion).where(PackVersion.uid == uid).with_for_update().execution_options(
        populate_existing=True))
    if row is None or row.state is not PackState.DRAFT:
        raise NotFound("This draft is not here any more: it was published or thrown away.")
    if seen is not None and row.revision != seen:
        raise Conflict("Somebody saved this draft after you opened it. What you typed is kept: look at the draft, then save again.")
    return row


def _keep(row: PackVersion, text: str, *, by: Actor, at: datetime) -> None:
    if text == row.text:
        return
    before, row.text, row.digest = row.digest, text, _digest(text)
    row.revision += 1
    row.changed_at = at
    audit.record(
        audit.ADMIN_STREAM, audit.Act.PACK_DRAFT_SAVED, by=by, at=at, about=queries.stream_of(row.code),
        facts={"pack": row.code, "version": row.version}, change={"digest": (before, row.digest)})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
