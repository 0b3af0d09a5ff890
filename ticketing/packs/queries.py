"""Packs by code and version, wherever they are kept: files shipped with the program, rows published by the hospital."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from ticketing.audit import queries as trail
from ticketing.audit.rules import EntryRow, summary
from ticketing.core.database import db
from ticketing.core.errors import Invalid, NotFound
from ticketing.packs import rules
from ticketing.packs.models import PackState, PackVersion
from ticketing.packs.rules import Pack, codes, load

_PUBLISHED: dict[tuple[str, str], Pack] = {}  # versions never change, so every process may keep what it has read


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of a pack; `is_in_force` for cases received today."""

    code: str
    version: str
    name: str
    effective_from: date | None
    effective_to: date | None
    is_local: bool
    is_in_force: bool
    reason: str
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A version still being written: its text as it stands, however wrong."""

    uid: str
    code: str
    version: str
    base_version: str
    text: str
    revision: int
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Shelf:
    """The published local versions, read in one statement; says which version is in force on a day."""

    local: Mapping[str, tuple[tuple[date, str], ...]]  # code -> (in force from, version), oldest first

    def in_force(self, code: str, on: date) -> Pack:
        """The version for a case received on this day: the hospital's own where one is in force, else the shipped one.

        Of a law that has ended, or not begun, the version nearest to the day: a case reopened later stays under its law.  Which law a
        new case comes under says `rules.law_on`.
        """
        own = [version for begins_on, version in self.local.get(code, ()) if begins_on <= on]
        if own:
            return pack(code, own[-1])
        shipped = [load(code, version) for version in reversed(rules.versions(code))]  # of two from one day the newer
        begun = [one for one in shipped if one.effective_from <= on]
        return max(begun, key=lambda one: one.effective_from) if begun else min(shipped, key=lambda one: one.effective_from)


def shelf() -> Shelf:
    """What is published, with one statement."""
    rows = db.session.execute(
        sa.select(PackVersion.code, PackVersion.effective_from, PackVersion.version).where(PackVersion.state == PackState.PUBLISHED)
        .order_by(PackVersion.effective_from, PackVersion.published_at, PackVersion.id))
    found: dict[str, list[tuple[date, str]]] = {}
    for row in rows:
        found.setdefault(row.code, []).append((row.effective_from, row.version))
    return Shelf(MappingProxyType({code: tuple(versions) for code, versions in found.items()}))


def in_force(code: str, on: date) -> Pack:
    """The version of a pack for a case received on this day."""
    return shelf().in_force(code, on)


def pack(code: str, version: str) -> Pack:
    """The pack with this code in this version; Invalid if there is none.  A version is read once and kept: it never changes."""
    known = _PUBLISHED.get((code, version))
    if known is None:
        if code in codes() and version in ("", *rules.versions(code)):
            return load(code, version)
        known = _PUBLISHED[code, version] = rules.read_pack(_published_text(code, version), f"{code} {version}")
    return known


def text_of(code: str, version: str) -> str:
    """The text of a version, as it was written."""
    return rules.text_of(code, version) if version in rules.versions(code) else _published_text(code, version)


def forget(code: str, version: str) -> None:
    """Drop what is kept of a version: for the verb that publishes it."""
    _PUBLISHED.pop((code, version), None)


def packs_in_force(on: date) -> tuple[Pack, ...]:
    """Every pack under which a case received on this day can come, in the version for it, by code."""
    return tuple(each for each in every_pack(on) if rules.law_on(each.code, on) == each.code)


def every_pack(on: date) -> tuple[Pack, ...]:
    """Every pack, also those of a law that has ended, in the version for cases received on this day, by code."""
    kept = shelf()
    return tuple(kept.in_force(code, on) for code in codes())


def versions(code: str, on: date) -> tuple[VersionRow, ...]:
    """Every version of a pack that can be pinned, the latest first; NotFound for an unknown code."""
    if code not in codes():
        raise NotFound("There is no such policy pack. Go back to the list.")
    current = in_force(code, on).version if rules.law_on(code, on) == code else ""
    shipped = [VersionRow(code, one.version, one.name, one.effective_from, one.effective_to, False, one.version == current, "", None)
               for one in (load(code, version) for version in reversed(rules.versions(code)))]
    own = [VersionRow(code, row.version, pack(code, row.version).name, row.effective_from, pack(code, row.version).effective_to, True,
                      row.version == current, row.reason, row.published_at)
           for row in db.session.scalars(_published(code).order_by(PackVersion.published_at.desc(), PackVersion.id.desc()))]
    return (*own, *shipped)


def drafts(code: str | None = None) -> tuple[DraftRow, ...]:
    """Drafts, of one pack or of all, the latest changed first."""
    query = sa.select(PackVersion).where(PackVersion.state == PackState.DRAFT).order_by(PackVersion.changed_at.desc(), PackVersion.id)
    return tuple(_draft(row) for row in db.session.scalars(query.where(PackVersion.code == code) if code else query))


def draft(uid: str) -> DraftRow:
    """One draft; NotFound once it is published or thrown away."""
    row = db.session.scalar(sa.select(PackVersion).where(PackVersion.uid == uid, PackVersion.state == PackState.DRAFT))
    if row is None:
        raise NotFound("This draft is not here any more: it was published or thrown away.")
    return _draft(row)


def history(code: str) -> Sequence[tuple[EntryRow, str]]:
    """What was done to the versions of a pack, and by whom, newest first."""
    return [(entry, summary(entry)) for entry in trail.entries_about(stream_of(code))]


def stream_of(code: str) -> str:
    """How the trail names a pack."""
    return f"pack:{code}"


def _published(code: str) -> sa.Select[Any]:
    return sa.select(PackVersion).where(PackVersion.code == code, PackVersion.state == PackState.PUBLISHED)


def _published_text(code: str, version: str) -> str:
    text = db.session.scalar(sa.select(PackVersion.text).where(
        PackVersion.code == code, PackVersion.version == version, PackVersion.state == PackState.PUBLISHED))
    if text is None:
        raise Invalid(f"There is no version “{version}” of the policy pack {code}.")
    return text


def _draft(row: PackVersion) -> DraftRow:
    return DraftRow(row.uid, row.code, row.version, row.base_version, row.text, row.revision, row.created_at, row.changed_at)
