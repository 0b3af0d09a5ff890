"""Sites and units are added, changed and taken out of use, with their trail."""

from __future__ import annotations

import pytest

from tests.factories import FACTORY, make_actor, make_site, make_unit
from tests.facts import MONDAY, TUESDAY
from tests.probes import assert_all_or_nothing
from ticketing.audit.queries import timeline
from ticketing.audit.rules import ADMIN_STREAM, Act
from ticketing.codes import queries, service
from ticketing.codes.rules import UnitKind
from ticketing.core.errors import Conflict, Forbidden, Invalid, NotFound
from ticketing.core.permissions import Role

LONDON = {"zone": "Europe/London", "pack": "england-nhs", "calendar": "england_wales"}


def test_a_site_and_its_units_are_listed_by_name(app):
    make_site("MAIN", "Main site")
    make_site("COAST", "Coast site")
    for code, name, site in (("W7", "Ward 7", "MAIN"), ("AE", "Accident and emergency", "MAIN"), ("W1", "Ward 1", "COAST")):
        make_unit(code, name, site_code=site)
    assert [site.name for site in queries.sites()] == ["Coast site", "Main site"]
    assert [(unit.site_name, unit.name) for unit in queries.units()] == [
        ("Coast site", "Ward 1"), ("Main site", "Accident and emergency"), ("Main site", "Ward 7"),
    ]
    assert [unit.code for unit in queries.units("MAIN")] == ["AE", "W7"]
    assert queries.unit_by_code("W7").kind is UnitKind.WARD
    assert queries.unit_by_id(queries.unit_by_code("W7").id).site_code == "MAIN"
    assert timeline(ADMIN_STREAM)[0].act == Act.ORGANISATION_CHANGED


def test_what_is_out_of_use_is_no_longer_offered_but_still_found(app):
    make_site()
    make_unit()
    service.change_unit("WARD-7", name="Ward seven", kind=UnitKind.SERVICE, site_code="MAIN", is_active=False, by=FACTORY, at=TUESDAY)
    service.change_site("MAIN", name="Old site", **LONDON, is_active=False, by=FACTORY, at=TUESDAY)
    assert (queries.sites(), queries.units()) == ((), ())
    assert queries.unit_by_code("WARD-7").name == "Ward seven"
    assert queries.site_by_id(queries.site_by_code("MAIN").id).name == "Old site"


@pytest.mark.parametrize("code", ["", " ", "WARD 7", "-7", "A" * 21, "Wård", "7\x00"])
def test_an_odd_code_is_refused(app, code):
    with pytest.raises(Invalid) as refused:
        make_site(code)
    assert refused.value.field == "code"


def test_codes_are_unique_and_zones_real(app):
    make_site("MAIN")
    with pytest.raises(Conflict):
        make_site("main")
    with pytest.raises(Invalid):
        service.add_site("X", "X", zone="Mars/Olympus", by=FACTORY, at=MONDAY)
    with pytest.raises(Invalid):
        make_unit(site_code="NOWHERE")
    with pytest.raises(NotFound):
        queries.unit_by_code("NOWHERE")
    with pytest.raises(NotFound):
        queries.site_by_code("NOWHERE")


def test_changing_nothing_leaves_no_entry(app):
    make_site()
    before = len(timeline(ADMIN_STREAM))
    service.change_site("MAIN", name="Main site", **LONDON, by=FACTORY, at=TUESDAY)
    assert len(timeline(ADMIN_STREAM)) == before


def test_only_administrators_change_the_organisation(app):
    make_site()
    with pytest.raises(Forbidden):
        service.add_site("X", "X", by=make_actor(Role.MANAGER), at=TUESDAY)


def test_verbs_are_all_or_nothing(app):
    make_site()
    make_unit()
    change = {"name": "Ward 8", "kind": UnitKind.WARD, "site_code": "MAIN"}
    assert_all_or_nothing(lambda: service.add_site("NEW", "New", by=FACTORY, at=TUESDAY))
    assert_all_or_nothing(lambda: service.add_unit("NEW", "New", UnitKind.WARD, "MAIN", by=FACTORY, at=TUESDAY))
    assert_all_or_nothing(lambda: service.change_unit("WARD-7", **change, by=FACTORY, at=TUESDAY))
    assert_all_or_nothing(lambda: service.change_site("MAIN", name="Other", **LONDON, by=FACTORY, at=TUESDAY))


def test_the_list_of_common_passwords_is_shipped():
    common = queries.common_passwords()
    assert len(common) > 3_000
    assert {"password", "letmein", "123456789012"} <= common
    assert all(word == word.casefold().strip() for word in common)
