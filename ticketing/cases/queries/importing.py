"""What an import knows before it writes: each row looked at, the places there are, and which rows are cases already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.cases.models import Case
from ticketing.cases.rules import (
    Checked,
    GoodRow,
    HistoryMapping,
    ImportMapping,
    Manifest,
    NewSite,
    Past,
    PastCase,
    Places,
    Sheet,
    check_sheet,
    read_past,
)
from ticketing.codes import queries as codes
from ticketing.core.database import db

CHUNK = 500


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """A file looked at as a whole: what would be written, what not and why.  `known`: good rows that are cases already."""

    file: Path
    mapping: ImportMapping
    sheet: Sheet
    checked: Checked
    known: frozenset[str]
    missing_sites: tuple[NewSite, ...]
    content_digest: str

    @property
    def fresh(self) -> tuple[GoodRow, ...]:
        return tuple(row for row in self.checked.good if row.source_key not in self.known)

    @property
    def manifest(self) -> Manifest:
        return Manifest(
            self.mapping.source, _digest(self.file.name.encode()), self.content_digest, self.checked.total, len(self.checked.bad),
            len(self.known))


@dataclass(frozen=True, slots=True)
class HistoryPlan:
    """An old system's file looked at as a whole.  `known`: past cases that are cases already."""

    file: Path
    mapping: HistoryMapping
    sheet: Sheet
    past: Past
    known: frozenset[str]
    content_digest: str

    @property
    def fresh(self) -> tuple[PastCase, ...]:
        return tuple(case for case in self.past.cases if case.source_key not in self.known)

    @property
    def manifest(self) -> Manifest:
        return Manifest(self.mapping.source, _digest(self.file.name.encode()), self.content_digest, self.past.rows, len(self.past.bad),
                        len(self.known))


def history_plan(path: Path, mapping: HistoryMapping, sheet: Sheet, *, at: datetime) -> HistoryPlan:
    """Look at every row of an old system and at what is there already; writes nothing.  Raises Invalid where mapping and file differ."""
    past = read_past(sheet, mapping, at=at)
    return HistoryPlan(path, mapping, sheet, past, known_source_keys(case.source_key for case in past.cases), _digest(path.read_bytes()))


def import_plan(path: Path, mapping: ImportMapping, sheet: Sheet, *, at: datetime) -> ImportPlan:
    """Look at every row and at what is there already; writes nothing.  Raises Invalid where mapping and file do not fit."""
    checked = check_sheet(sheet, mapping, places_for(mapping.sites), at=at)
    used = {row.fields["site"] for row in checked.good}
    missing = tuple(site for site in missing_sites(mapping.sites) if site.code in used)
    known = known_source_keys(row.source_key for row in checked.good)
    return ImportPlan(path, mapping, sheet, checked, known, missing, _digest(path.read_bytes()))


def places_for(new_sites: Iterable[NewSite]) -> Places:
    """Places in use by code, counting sites that the import would add."""
    known, added = codes.sites(), missing_sites(new_sites)
    return Places(
        {**{site.code: site.zone for site in added}, **{row.code: row.zone for row in known}},
        {row.code: row.site_code for row in codes.units()}, frozenset(row.code for row in accounts.teams()),
        {**{site.code: site.pack for site in added}, **{row.code: row.pack for row in known}})


def missing_sites(new_sites: Iterable[NewSite]) -> tuple[NewSite, ...]:
    """Those of the declared sites that the hospital does not have, in use or not."""
    known = {row.code for row in codes.sites(is_active=None)}
    return tuple(site for site in new_sites if site.code not in known)


def known_source_keys(keys: Iterable[str]) -> frozenset[str]:
    """Those of the source keys that are cases already."""
    wanted = list(keys)
    known: set[str | None] = set()
    for start in range(0, len(wanted), CHUNK):
        known.update(db.session.scalars(sa.select(Case.source_key).where(Case.source_key.in_(wanted[start:start + CHUNK]))))
    return frozenset(key for key in known if key)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
