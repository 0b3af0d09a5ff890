"""Reading accounts: staff, teams, leave and signing in, as frozen rows."""

from ticketing.accounts.queries.leave import LeaveRow, away_on, covered_by, leave_of, on_leave, stand_in_for
from ticketing.accounts.queries.signing_in import (
    SessionRow,
    SignedIn,
    TokenRow,
    live_token,
    password_cost,
    password_link,
    sessions_of,
    signed_in,
    weigh,
)
from ticketing.accounts.queries.staff import (
    NOBODY,
    StaffFilter,
    StaffRow,
    actor_of,
    deputies_for,
    leads_of,
    names_by_id,
    names_by_uid,
    staff_by_email,
    staff_by_id,
    staff_by_uid,
    staff_list,
    staff_of_team,
    staff_who_may,
)
from ticketing.accounts.queries.teams import TeamRow, team_by_code, team_by_id, teams

__all__ = [
    "NOBODY", "LeaveRow", "SessionRow", "SignedIn", "StaffFilter", "StaffRow", "TeamRow", "TokenRow", "actor_of", "away_on", "covered_by",
    "deputies_for", "leads_of", "leave_of", "live_token", "names_by_id", "names_by_uid", "on_leave", "password_cost", "password_link",
    "sessions_of", "signed_in", "staff_by_email", "staff_by_id", "staff_by_uid", "staff_list", "staff_of_team", "staff_who_may",
    "stand_in_for", "team_by_code", "team_by_id", "teams", "weigh",
]
