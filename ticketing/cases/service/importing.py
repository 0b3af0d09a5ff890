"""Importing concerns from a spreadsheet: one verb a batch, so that an import that was stopped goes on where it was when run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ticketing.audit import service as audit
from ticketing.audit.rules import IMPORT_STREAM, Act
from ticketing.cases import queries
from ticketing.cases.rules import GoodRow, Manifest, NewSite
from ticketing.cases.service.intake import Concern, receive_many
from ticketing.codes import service as codes
from ticketing.codes.rules import Relationship
from ticketing.core.database import atomic, db, is_postgresql
from ticketing.core.permissions import Actor, Permission
from ticketing.people.rules import PersonDetails

IMPORTING = 0x7265_6472  # names the lock that lets one batch in at a time


@atomic
def begin_import(manifest: Manifest, new_sites: Sequence[NewSite], *, by: Actor, at: datetime) -> None:
    """Note that an import begins; sites that its mapping declares are added if the hospital has none of that code."""
    by.must(Permission.RECORD_CONCERNS)
    for site in queries.missing_sites(new_sites):
        codes.add_site(site.code, site.name, zone=site.zone, pack=site.pack, calendar=site.calendar, by=by, at=at)
    audit.record(IMPORT_STREAM, Act.IMPORT_STARTED, by=by, at=at, facts=_facts(manifest))


@atomic
def import_batch(source: str, rows: Sequence[GoodRow], *, by: Actor, at: datetime) -> int:
    """Make a case of each row that is none yet, all or none; returns how many were made."""
    if is_postgresql():  # two imports of one file at once: the second waits, then finds the rows there
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(IMPORTING)))
    known = queries.known_source_keys(row.source_key for row in rows)
    fresh = [_concern(source, row) for row in rows if row.source_key not in known]
    if fresh:
        receive_many(fresh, by=by, at=at)
    return len(fresh)


@atomic
def finish_import(manifest: Manifest, written: int, *, by: Actor, at: datetime) -> None:
    """Note how an import ended."""
    audit.record(IMPORT_STREAM, Act.IMPORT_FINISHED, by=by, at=at, facts={**_facts(manifest), "count": written})


def _facts(manifest: Manifest) -> dict[str, Any]:
    return {
        "source": manifest.source, "file_name": manifest.name_digest, "content": manifest.content_digest, "rows": manifest.rows,
        "rejected": manifest.rejected, "known": manifest.known}


def _concern(source: str, row: GoodRow) -> Concern:
    said = row.fields
    is_anonymous = said.get("is_anonymous", False)
    patient = _person("patient", said)
    return Concern(
        case_type=said["case_type"], channel=said["channel"], site_code=said["site"], received_at=said["received_at"],
        narrative=said["narrative"], team_received_at=said.get("team_received_at"), unit_code=said.get("unit"),
        happened_on=said.get("happened_on"), outcome_sought=said.get("outcome_sought", ""), points=said.get("points", ()),
        complainant=None if is_anonymous else _person("complainant", said), patient=None if patient.is_empty else patient,
        relationship=said.get("relationship", Relationship.UNKNOWN), is_anonymous=is_anonymous,
        has_agreed_to_email=said.get("has_agreed_to_email", False), is_danger_now=said.get("is_danger_now", False),
        is_safeguarding=said.get("is_safeguarding", False), is_inpatient=said.get("is_inpatient", False), team_code=said.get("team"),
        received_by=said.get("received_by", ""), source_key=row.source_key,
        escalates_late=said.get("escalates_late", False), tags={"source": source, "row": str(row.line)})


def _person(who: str, said: Mapping[str, Any]) -> PersonDetails:
    begin = f"{who}_"
    return PersonDetails(**{name.removeprefix(begin): value for name, value in said.items() if name.startswith(begin) and value})
