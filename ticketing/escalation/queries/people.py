"""Who is who, asked once for each team, person and day however many steps tell them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from ticketing.accounts import queries as accounts
from ticketing.accounts.queries import LeaveRow, StaffRow
from ticketing.accounts.rules import stand_in
from ticketing.cases import queries as cases
from ticketing.core.permissions import Permission, Role, Scope, at_the_moment


@dataclass(slots=True)
class People:
    """Staff, their teams and their leave, remembered while a batch is worked.  `instead`: who is told in whose place, by id.

    `case_ids` are the cases of the batch, so that what somebody sees of them is asked once; `handled` those of each handler, who is
    mostly told of no others.
    """

    case_ids: frozenset[int] = frozenset()
    handled: Mapping[int, frozenset[int]] = field(default_factory=dict)
    instead: Mapping[int, int] = field(default_factory=dict)
    _teams: dict[int, tuple[StaffRow, ...]] = field(default_factory=dict, init=False)
    _leads: dict[int, tuple[StaffRow, ...]] = field(default_factory=dict, init=False)
    _managers: tuple[StaffRow, ...] | None = field(default=None, init=False)
    _roles: dict[Role, tuple[StaffRow, ...]] = field(default_factory=dict, init=False)
    _staff: dict[int, StaffRow] = field(default_factory=dict, init=False)
    _away: dict[date, Mapping[int, LeaveRow]] = field(default_factory=dict, init=False)
    _above: dict[int, tuple[StaffRow, ...]] = field(default_factory=dict, init=False)
    _seen: dict[tuple[int, date], dict[int, bool]] = field(default_factory=dict, init=False)

    def team(self, team_id: int | None) -> tuple[StaffRow, ...]:
        """Its active members."""
        if team_id is None:
            return ()
        if team_id not in self._teams:
            self._teams[team_id] = accounts.staff_of_team(team_id)
        return self._teams[team_id]

    def leads_of(self, team_id: int | None) -> tuple[StaffRow, ...]:
        """Its active leads."""
        if team_id is None:
            return ()
        if team_id not in self._leads:
            self._leads[team_id] = accounts.leads_of(team_id)
        return self._leads[team_id]

    def managers_for(self, team_id: int | None) -> tuple[StaffRow, ...]:
        """The managers in the team; where it has none, every manager."""
        if self._managers is None:
            self._managers = tuple(row for row in accounts.staff_who_may(Permission.SIGN_RESPONSES) if row.role is Role.MANAGER)
        return tuple(row for row in self._managers if team_id in row.team_ids) or self._managers

    def managers_of(self, unit_id: int) -> tuple[StaffRow, ...]:
        """The managers whose own unit it is."""
        self.managers_for(None)
        return tuple(row for row in self._managers or () if row.unit_id == unit_id)

    def of_role(self, role: Role) -> tuple[StaffRow, ...]:
        """Everybody of a role that may see cases."""
        if role not in self._roles:
            self._roles[role] = tuple(row for row in accounts.staff_who_may(Permission.VIEW_CASES) if row.role is role)
        return self._roles[role]

    def expect(self, staff_ids: Iterable[int | None]) -> None:
        """Read these at once: whoever is asked for later is known already."""
        unknown = {staff_id for staff_id in staff_ids if staff_id is not None} - self._staff.keys()
        if unknown:
            self._staff.update(accounts.staff_by_ids(unknown))

    def by_uid(self, uid: str) -> StaffRow:
        """Raises NotFound."""
        found = next((row for row in self._staff.values() if row.uid == uid), None)
        return found or self._by_id(accounts.staff_by_uid(uid).id)

    def stand_in(self, staff_id: int, day: date) -> StaffRow:
        """Who gets what would come to them on this day; a deputy who has left counts as nobody."""
        away = self._away_on(day)

        def deputy_of(person: int) -> int | None:
            if person != staff_id and not self._by_id(person).is_active:
                return None
            return away[person].deputy_id if person in away else person

        present = stand_in(staff_id, deputy_of) if away else staff_id
        return self._by_id(self.instead.get(present, present))

    def above(self, staff_id: int) -> tuple[StaffRow, ...]:
        """The line upwards, the direct manager first."""
        if staff_id not in self._above:
            self._above[staff_id] = accounts.managers_above(staff_id)
        return self._above[staff_id]

    def listed(self, case_id: int) -> tuple[StaffRow, ...]:
        """Those on the list of a confidential case."""
        return tuple(self._by_id(staff_id) for staff_id in cases.readers_of(case_id))

    def hears(self, staff_id: int, case_id: int, day: date) -> bool:
        """Whether somebody sees the case that day, as whoever they stand in for would; asked once a person, for the whole batch."""
        known = self._seen.setdefault((staff_id, day), {})
        if case_id not in known:
            own = self.handled.get(staff_id, frozenset())
            wanted = own if case_id in own else {case_id, *self.case_ids}
            actor = self._by_id(staff_id).actor
            covers = accounts.covered_by(staff_id, day) if actor.scope is Scope.TEAMS else frozenset[int]()
            seen = cases.visible_among(wanted, at_the_moment(actor, covers=covers, opened=frozenset()))
            known.update({one: one in seen for one in wanted})
        return known[case_id]

    def _by_id(self, staff_id: int) -> StaffRow:
        if staff_id not in self._staff:
            self._staff[staff_id] = accounts.staff_by_id(staff_id)
        return self._staff[staff_id]

    def _away_on(self, day: date) -> Mapping[int, LeaveRow]:
        if day not in self._away:
            self._away[day] = accounts.away_on(day)
        return self._away[day]
