"""The verbs of accounts: staff and teams, leave, passwords and signing in."""

from ticketing.accounts.service.leave import end_leave, set_leave
from ticketing.accounts.service.passwords import ask_reset, change_password, invite, set_password
from ticketing.accounts.service.signing_in import count_visit, end_session, revoke_sessions, sign_in, sign_out, tidy, touch_session
from ticketing.accounts.service.staff import add_staff, change_staff, deactivate, reactivate, set_teams, welcome_staff
from ticketing.accounts.service.teams import add_team, change_team, set_leads

__all__ = [
    "add_staff", "add_team", "ask_reset", "change_password", "change_staff", "change_team", "count_visit", "deactivate", "end_leave",
    "end_session", "invite", "reactivate", "revoke_sessions", "set_leads", "set_leave", "set_password", "set_teams", "sign_in",
    "sign_out", "tidy", "touch_session", "welcome_staff",
]
