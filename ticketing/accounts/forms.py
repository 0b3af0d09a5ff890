"""The forms of signing in, one's own account, staff and teams; each form fills itself from the rows it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wtforms import BooleanField, PasswordField
from wtforms.validators import EqualTo, InputRequired

from ticketing.accounts.queries import StaffFilter, StaffRow, TeamRow, deputies_for, staff_of_team, staff_who_may, teams
from ticketing.accounts.rules import COMPARTMENT_LABELS, ROLE_LABELS, SCOPE_LABELS
from ticketing.accounts.service import Reach
from ticketing.codes.queries import units
from ticketing.core.permissions import Compartment, Permission, Role, Scope
from ticketing.web.forms import ChoiceField, DayField, Form, HiddenField, LineField, ManyField, PickField, TextField

WORKING = frozenset({Role.OFFICER, Role.MANAGER})
NAMES: dict[str, str] = {role.value: label for role, label in ROLE_LABELS.items()}


class SignInForm(Form):
    email = LineField("E-mail address", missing="Enter your e-mail address.", most=400)
    password = PasswordField("Password", [InputRequired("Enter your password.")])
    next = HiddenField("Next page", is_required=False, most=10_000)


class ForgottenForm(Form):
    email = LineField("E-mail address", missing="Enter your e-mail address.", most=400)


class NewPasswordForm(Form):
    password = PasswordField("New password", [InputRequired("Enter a new password.")])
    again = PasswordField("The same again", [
        InputRequired("Enter the new password a second time."), EqualTo("password", "The two passwords differ. Enter both again."),
    ])


class ChangePasswordForm(NewPasswordForm):
    present = PasswordField("Present password", [InputRequired("Enter the password you use now.")])


class CodeForm(Form):
    """A second step at sign-in."""

    code = LineField("Code", missing="Enter the code that your app shows, or a recovery code.", most=100)


class AppCodeForm(Form):
    """Proof that the app was set up: its present code."""

    code = LineField("Code from the app", missing="Enter the six digits that the app shows now.", most=100)


class PasskeyForm(Form):
    """What a browser says of a passkey; filled in by a script."""

    answer = HiddenField("Answer", missing="Your browser gave no answer. Try again.", most=20_000)
    next = HiddenField("Next page", is_required=False, most=10_000)


class PasskeyNameForm(Form):
    """A passkey just made, and what its owner calls it."""

    name = LineField("Name for it", is_required=False, most=60)
    answer = HiddenField("Answer", missing="Your browser made no passkey. Use the button below.", most=20_000)


class SetOutForm(Form):
    """To the hospital's own sign-in."""

    next = HiddenField("Next page", is_required=False, most=10_000)


class ReturnForm(Form):
    """What the hospital's own sign-in sent a browser back with."""

    code = HiddenField("Code", most=4_000)
    state = HiddenField("State", most=4_000)


class ConfirmForm(Form):
    """Proving again who one is; the code only where a second step is set up."""

    password = PasswordField("Password", [InputRequired("Enter your password.")])
    code = LineField("Code from your app, or a recovery code", is_required=False, most=100)
    next = HiddenField("Next page", is_required=False, most=10_000)


class ResetStepsForm(Form):
    why = TextField("Why, and how you made sure that it is really them",
                    missing="Say why, and how you made sure that it is really them.", most=2_000)


class LeaveForm(Form):
    """One's own leave, or somebody's: who may be the deputy depends on whose it is."""

    starts_on = DayField("First day away")
    ends_on = DayField("Last day away")
    deputy_uid = PickField("Deputy", is_required=False)

    def __init__(self, staff: StaffRow, **options: Any) -> None:
        super().__init__(**options)
        self.deputy_uid.choices = {"": "Nobody: what comes in waits"} | {row.uid: _with_title(row) for row in deputies_for(staff)}


class StaffFilterForm(Form):
    """What the staff list shows."""

    class Meta(Form.Meta):
        csrf = False

    words = LineField("Name, e-mail or job", is_required=False)
    role = PickField("Role", is_required=False)
    team = PickField("Team", is_required=False)
    state = PickField("Account", is_required=False, default="open")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.role.choices = {"": "Any role"} | NAMES
        self.team.choices = {"": "Any team"} | {team.code: team.name for team in teams(is_active=None)}
        self.state.choices = {"open": "Open", "closed": "Closed", "all": "Open and closed"}

    def wanted(self) -> StaffFilter:
        """The filter asked for; a value that is not offered narrows nothing."""
        self.validate()
        return StaffFilter(
            role=Role(self.role.data) if self.role.data in NAMES else None,
            team_code=None if self.team.errors else self.team.data or None,
            is_active={"closed": False, "all": None}.get(self.state.data or "", True),
            words=(self.words.data or "")[:200],
        )


class StaffForm(Form):
    """A new account, or an account to change."""

    name = LineField("Name", missing="Enter their name.", most=10_000)
    email = LineField("E-mail address", missing="Enter their work e-mail address.", most=10_000)
    role = ChoiceField("Role", missing="Choose what they do in Redress.")
    job_title = LineField("Job title", is_required=False, most=10_000)
    unit_code = PickField("Ward or department", is_required=False)
    team_codes = ManyField("Teams", is_required=False)
    scope = ChoiceField("Which cases do they see?", is_required=False, default=Scope.TEAMS.value)

    def __init__(self, staff: StaffRow | None = None, **options: Any) -> None:
        super().__init__(data=_as_typed(staff) if staff else None, **options)
        self.role.choices = NAMES
        self.unit_code.choices = {"": "None"} | _units_by_site(staff)
        self.team_codes.choices = {team.code: team.name for team in teams()}
        self.scope.choices = {scope.value: label for scope, label in SCOPE_LABELS.items()}
        if staff is not None:  # it has a page of its own
            del self.scope

    def given(self) -> dict[str, Any]:
        """As `service.welcome_staff` and `service.change_staff` take it."""
        return {
            "name": self.name.data, "email": self.email.data, "role": Role(self.role.data), "job_title": self.job_title.data,
            "unit_code": self.unit_code.data or None, "team_codes": self.team_codes.data,
            **({"scope": Scope(self.scope.data or Scope.TEAMS)} if "scope" in self else {}),
        }


class ReachForm(Form):
    """How far somebody sees, who stands above them, and what is sealed that they read."""

    scope = ChoiceField("Which cases do they see?", missing="Choose which cases they see.")
    manager_uid = PickField("Their direct manager", is_required=False)
    compartments = ManyField("Sealed parts of cases that they read", is_required=False)

    def __init__(self, staff: StaffRow, manager_uid: str, people: Mapping[str, str], **options: Any) -> None:
        typed = {"scope": staff.scope.value, "manager_uid": manager_uid, "compartments": [item.value for item in staff.compartments]}
        super().__init__(data=typed, **options)
        self.scope.choices = {scope.value: label for scope, label in SCOPE_LABELS.items()}
        self.manager_uid.choices = {"": "Nobody"} | dict(people)
        self.compartments.choices = {item.value: label for item, label in COMPARTMENT_LABELS.items()}
        if staff.role not in WORKING:
            del self.scope, self.compartments
        self.present = staff

    def given(self) -> Reach:
        if self.present.role not in WORKING:
            return Reach(self.present.scope, self.manager_uid.data or None)
        return Reach(Scope(self.scope.data), self.manager_uid.data or None, [Compartment(code) for code in self.compartments.data or ()])


class CloseForm(Form):
    """Where a leaver's open cases go."""

    to_uid = PickField("Hand open cases to", is_required=False)
    note = TextField("Note for whoever takes over", is_required=False, most=2_000)

    def __init__(self, staff: StaffRow, **options: Any) -> None:
        super().__init__(**options)
        others = [row for row in staff_who_may(Permission.WORK_CASES) if row.uid != staff.uid]
        self.to_uid.choices = {"": "Nobody yet: back to their team"} | {row.uid: _with_title(row) for row in others}


class TeamForm(Form):
    code = LineField("Code", missing="Enter a short code for the team.", most=10_000)
    name = LineField("Name", missing="Enter the team's name.", most=10_000)
    email = LineField("Team mailbox", is_required=False, most=10_000)

    def given(self) -> dict[str, Any]:
        return {"code": self.code.data, "name": self.name.data, "email": self.email.data}


class ChangeTeamForm(Form):
    """A team and who leads it; its code never changes."""

    name = LineField("Name", missing="Enter the team's name.", most=10_000)
    email = LineField("Team mailbox", is_required=False, most=10_000)
    leads = ManyField("Led by", is_required=False)
    is_active = BooleanField("In use: the team gets new cases")

    def __init__(self, team: TeamRow, **options: Any) -> None:
        typed = {"name": team.name, "email": team.email or "", "is_active": team.is_active, "leads": team.lead_uids}
        super().__init__(data=typed, **options)
        self.leads.choices = {row.uid: _with_title(row) for row in staff_of_team(team.id)}

    def given(self) -> dict[str, Any]:
        return {"name": self.name.data, "email": self.email.data, "is_active": self.is_active.data, "leads": self.leads.data}


def _with_title(row: StaffRow) -> str:
    return f"{row.name}, {row.job_title}" if row.job_title else f"{row.name}, {row.role_label.lower()}"


def _as_typed(staff: StaffRow) -> dict[str, Any]:
    return {
        "name": staff.name, "email": staff.email, "role": staff.role.value, "job_title": staff.job_title,
        "unit_code": staff.unit_code or "", "team_codes": list(staff.team_codes),
    }


def _units_by_site(staff: StaffRow | None) -> dict[str, Any]:
    """By site; a unit out of use stays on offer to whoever is in it."""
    groups: dict[str, dict[str, str]] = {}
    for unit in units(is_active=None):
        if unit.is_active or (staff and staff.unit_id == unit.id):
            groups.setdefault(unit.site_name, {})[unit.code] = unit.name
    return groups
