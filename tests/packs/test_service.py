"""Local pack versions: drafted, mended, published once and for all; the trail names each step, and no open case moves."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.factories import make_case, make_hospital
from tests.facts import FRIDAY, MONDAY, NEXT_MONDAY, TUESDAY, WEDNESDAY
from tests.probes import assert_all_or_nothing
from ticketing.cases import queries as cases
from ticketing.core.database import db
from ticketing.core.errors import Conflict, Forbidden, Invalid, NotFound
from ticketing.packs import queries, service
from ticketing.packs.rules import differences
from ticketing.sla import queries as sla


@pytest.fixture
def hospital(app):
    return make_hospital()


def draft(hospital, base: str = "2026.2") -> str:
    return service.draft_version("england-nhs", base, by=hospital.manager, at=TUESDAY)


def publish(hospital, amounts: dict[str, int], *, at=TUESDAY, on: date = date(2026, 1, 1)) -> str:
    """A version with other local numbers; returns its name."""
    uid = draft(hospital)
    service.change_amounts(uid, amounts, seen=1, by=hospital.manager, at=at)
    version = queries.draft(uid).version
    service.publish(uid, on, "Agreed by the board", seen=2, by=hospital.manager, at=at)
    return version


def test_a_published_version_is_in_force_for_cases_received_from_its_day_on(hospital):
    version = publish(hospital, {"progress": 15}, on=TUESDAY.date())
    assert queries.in_force("england-nhs", MONDAY.date()).version == "2026.2"
    assert queries.in_force("england-nhs", TUESDAY.date()).version == version
    late = make_case(hospital.officer, at=WEDNESDAY, received_at=MONDAY)
    new = make_case(hospital.officer, at=WEDNESDAY, received_at=TUESDAY)
    assert [pack.version for reference in (late, new) for pack in cases.get_case(reference, hospital.officer, at=WEDNESDAY).packs] == [
        "2026.2", version]


def test_p10_publishing_moves_no_open_case(hospital):
    reference = make_case(hospital.officer)
    before = cases.get_case(reference, hospital.officer, at=FRIDAY).timers
    publish(hospital, {"progress": 3}, at=WEDNESDAY)
    assert cases.get_case(reference, hospital.officer, at=FRIDAY).timers == before
    assert [found for _, found in sla.drifts(at=FRIDAY) if found] == []


def test_only_the_number_changes_in_the_text(hospital):
    uid = draft(hospital)
    before = queries.draft(uid).text
    service.change_amounts(uid, {"progress": 7}, seen=1, by=hospital.manager, at=TUESDAY)
    changed = [(was, becomes) for was, becomes in zip(before.splitlines(), queries.draft(uid).text.splitlines(), strict=True)
               if was != becomes]
    assert changed == [("amount = 10", "amount = 7")]


def test_a_draft_that_cannot_be_used_is_kept_and_not_published(hospital):
    uid = draft(hospital)
    broken = queries.draft(uid).text.replace('unit = "working_days"', 'unit = "fortnights"', 1)
    service.save_draft(uid, broken, seen=1, by=hospital.manager, at=TUESDAY)
    assert "fortnights" in queries.draft(uid).text
    with pytest.raises(Invalid, match=r"line \d+.*fortnights"):
        service.publish(uid, date(2026, 1, 1), "Why not", seen=2, by=hospital.manager, at=TUESDAY)


def test_two_people_do_not_overwrite_each_other(hospital):
    uid = draft(hospital)
    service.save_draft(uid, queries.draft(uid).text + "\n# mine", seen=1, by=hospital.manager, at=TUESDAY)
    with pytest.raises(Conflict, match="Somebody saved this draft"):
        service.save_draft(uid, "theirs", seen=1, by=hospital.manager, at=TUESDAY)


def test_a_draft_under_another_name_is_refused(hospital):
    uid = draft(hospital)
    renamed = queries.draft(uid).text.replace('code = "england-nhs"', 'code = "us-cms"', 1)
    service.save_draft(uid, renamed, seen=1, by=hospital.manager, at=TUESDAY)
    with pytest.raises(Invalid, match="keeps that code"):
        service.publish(uid, date(2026, 1, 1), "A reason", seen=2, by=hospital.manager, at=TUESDAY)


@pytest.mark.parametrize("statement", ["UPDATE pack_versions SET text = 'x'", "DELETE FROM pack_versions"])
def test_the_database_refuses_to_change_what_is_published(hospital, statement):
    publish(hospital, {"progress": 15})
    with pytest.raises(DBAPIError, match="never changes"), db.session.begin_nested():
        db.session.execute(text(statement))


def test_a_published_draft_is_no_draft_any_more(hospital):
    uid = draft(hospital)
    service.publish(uid, date(2026, 1, 1), "A reason", seen=1, by=hospital.manager, at=TUESDAY)
    with pytest.raises(NotFound):
        queries.draft(uid)
    with pytest.raises(NotFound):
        service.save_draft(uid, "x", seen=1, by=hospital.manager, at=TUESDAY)


def test_an_officer_changes_no_policy(hospital):
    with pytest.raises(Forbidden):
        service.draft_version("england-nhs", "2026.2", by=hospital.officer, at=TUESDAY)


def test_each_step_stands_in_the_trail_with_who_and_why(hospital):
    version = publish(hospital, {"progress": 15})
    uid = draft(hospital, version)
    service.discard_draft(uid, by=hospital.manager, at=NEXT_MONDAY)
    told = [(entry.actor_name, words) for entry, words in queries.history("england-nhs")]
    who = hospital.manager.name
    assert [words for _, words in told] == [
        f"Draft 2026.2-local.2 of the policy pack england-nhs thrown away by {who}",
        f"Policy pack england-nhs drafted, version 2026.2-local.2 from 2026.2-local.1 by {who}",
        f"Policy pack england-nhs published, version 2026.2-local.1, in force from Thu 1 Jan 2026 by {who}",
        f"Draft 2026.2-local.1 of the policy pack england-nhs saved by {who}",
        f"Policy pack england-nhs drafted, version 2026.2-local.1 from 2026.2 by {who}"]
    assert {name for name, _ in told} == {who}
    assert any(entry.why == "Agreed by the board" for entry, _ in queries.history("england-nhs"))


def test_what_changed_is_told_rule_by_rule(hospital):
    version = publish(hospital, {"progress": 15})
    told = differences(queries.pack("england-nhs", "2026.2"), queries.pack("england-nhs", version))
    assert ("targets progress, amount", "10", "15") in told


def test_publishing_is_all_or_nothing(hospital):
    uid = draft(hospital)
    assert_all_or_nothing(lambda: service.publish(uid, date(2026, 1, 1), "A reason", seen=1, by=hospital.manager, at=TUESDAY))
