"""A law that ended: concerns received later come under the one that took its place, those received before stay under it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tests.factories import FACTORY, MONDAY, concern, enter, make_hospital, version_of
from ticketing.cases import queries as cases
from ticketing.cases import service
from ticketing.codes import service as codes
from ticketing.codes.rules import CaseType, ConsentStatus, Severity
from ticketing.core.errors import Invalid
from ticketing.core.permissions import Role
from ticketing.packs import queries, rules

LAST, FIRST = date(2026, 3, 31), date(2026, 4, 1)
LAST_MINUTE = datetime(2026, 3, 31, 22, 59, tzinfo=UTC)  # 23:59 in Cardiff, in summer time
FIRST_MINUTE = datetime(2026, 3, 31, 23, 0, tzinfo=UTC)
LATER = datetime(2026, 4, 7, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(("on", "law"), [(LAST, "wales-2011"), (FIRST, "wales-2026")])
def test_each_welsh_law_is_offered_on_its_own_days_only(app, on, law):
    assert {pack.code for pack in queries.packs_in_force(on) if pack.code.startswith("wales")} == {law}
    assert {rules.law_on(code, on) for code in ("wales-2011", "wales-2026")} == {law}
    assert [code for code in rules.codes() for row in queries.versions(code, on) if row.is_in_force and code.startswith("wales")] == [law]
    assert len(queries.every_pack(on)) == 12


def test_a_law_that_ends_names_the_one_that_takes_its_place():
    ended = {code for code in rules.codes() if rules.load(code).effective_to}
    assert ended == set(rules.REPLACED_BY)
    for old, new in rules.REPLACED_BY.items():
        assert rules.load(old).effective_to < rules.load(new).effective_from


@pytest.mark.parametrize(("received_at", "law"), [(LAST_MINUTE, "wales-2011"), (FIRST_MINUTE, "wales-2026")])
@pytest.mark.parametrize("of_site", ["wales-2011", "wales-2026"])
def test_a_concern_comes_under_the_law_of_the_local_day_on_which_it_was_received(app, received_at, law, of_site):
    hospital = make_hospital(pack=of_site)
    reference = service.receive(concern(received_at=received_at), by=hospital.officer, at=LATER)
    case = cases.get_case(reference, hospital.officer, at=LATER)
    assert (case.pack, [pack.code for pack in case.packs]) == (law, [law])
    wrong = ({"wales-2011", "wales-2026"} - {law}).pop()
    triaged = service.Triage(CaseType.COMPLAINT_FORMAL, Severity.LOW, ConsentStatus.RECEIVED, wrong)
    with pytest.raises(Invalid, match="not the law for a concern received on that day") as refused:
        service.triage(reference, triaged, seen=version_of(reference), by=hospital.officer, at=LATER)
    assert refused.value.field == "pack"
    with pytest.raises(Invalid, match="not the law"):
        service.add_pack(reference, wrong, "Both", seen=version_of(reference), by=hospital.officer, at=LATER)


def test_triage_offers_the_law_of_the_day_of_receipt(app, client, set_clock):
    set_clock(LATER)
    hospital = make_hospital(pack="wales-2011")
    enter(client, team_codes=["CENTRAL"])
    for received_at, law, other in ((LAST_MINUTE, "wales-2011", "wales-2026"), (FIRST_MINUTE, "wales-2026", "wales-2011")):
        reference = service.receive(concern(received_at=received_at), by=hospital.officer, at=LATER)
        page = client.get(f"/cases/{reference}/actions/triage").text
        assert f'value="{law}"' in page
        assert f'value="{other}"' not in page


def test_the_page_of_a_law_that_ended_says_so(app, client, set_clock):
    set_clock(LATER)
    enter(client, Role.MANAGER)
    assert "For concerns received up to Tue 31 Mar 2026" in client.page("/packs/wales-2011").text
    assert "In force today" in client.page("/packs/wales-2026").text
    assert "Ended Tue 31 Mar 2026" in client.page("/packs").text


# --- a concern stays in the law of its site ---


def test_a_type_that_the_law_of_the_site_lacks_is_refused_and_the_usual_one_named(app):
    hospital = make_hospital()
    with pytest.raises(Invalid, match=r"has no “Stage 1: early resolution”\. The usual type there is “Formal complaint”") as refused:
        service.receive(concern(case_type=CaseType.COMPLAINT_STAGE1), by=hospital.officer, at=MONDAY)
    assert refused.value.field == "case_type"


def test_the_form_offers_the_types_of_the_law_of_the_site_chosen(app, client, set_clock):
    set_clock(LATER)
    make_hospital()
    codes.add_site("GLEN", "North site", zone="Europe/London", pack="scotland-nhs", calendar="scotland", by=FACTORY, at=MONDAY)
    enter(client, team_codes=["CENTRAL"])
    assert client.page("/cases/new").values("/cases/new")["case_type"] == "concern_pals"
    assert [item.get("value") for item in client.page("/cases/new").all("option") if "grievance" in item.get("value", "")] == []
    typed = {"site": "GLEN", "case_type": "concern_pals", "narrative": "It was cold", "name": "Amina Khan", "phone": "07700 900123",
             "is_danger_now": "no", "received_at": "6/4/2026", "relationship": "self", "channel": "phone"}
    page = client.send("/cases/new", typed)
    assert "has no “PALS concern”. The usual type there is “Stage 1: early resolution”" in page.text
    assert page.values("/cases/new")["case_type"] == "complaint_stage1"
    assert page.values("/cases/new")["narrative"] == "It was cold"
