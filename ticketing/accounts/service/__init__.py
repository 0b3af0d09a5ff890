"""The verbs of accounts: staff and teams, leave, passwords, second steps and signing in."""

from ticketing.accounts.service.leave import end_leave, set_leave
from ticketing.accounts.service.passkeys import add_passkey, begin_passkey, confirm_with_passkey, sign_in_with_passkey
from ticketing.accounts.service.passwords import ask_reset, change_password, invite, set_password
from ticketing.accounts.service.reach import Reach, end_glass, open_glass, set_managers, set_reach
from ticketing.accounts.service.searches import keep_search
from ticketing.accounts.service.second_steps import (
    Added,
    add_app,
    begin_app,
    confirm,
    pass_second_step,
    remove_app,
    remove_passkey,
    renew_recovery_codes,
    reset_second_steps,
)
from ticketing.accounts.service.signing_in import (
    count_dead_link,
    count_visit,
    end_session,
    revoke_sessions,
    sign_in,
    sign_out,
    tidy,
    touch_session,
)
from ticketing.accounts.service.single_sign_on import Begun, Refusal, begin_single_sign_on, refuse_single_sign_on, sign_in_by_proof
from ticketing.accounts.service.staff import add_staff, change_staff, deactivate, reactivate, set_teams, welcome_staff
from ticketing.accounts.service.teams import add_team, change_team, set_leads

__all__ = [
    "Added", "Begun", "Reach", "Refusal", "add_app", "add_passkey", "add_staff", "add_team", "ask_reset", "begin_app", "begin_passkey",
    "begin_single_sign_on", "change_password", "change_staff", "change_team", "confirm", "confirm_with_passkey", "count_dead_link",
    "count_visit", "deactivate", "end_glass", "end_leave", "end_session", "invite", "keep_search", "open_glass", "pass_second_step",
    "reactivate", "refuse_single_sign_on", "remove_app", "remove_passkey", "renew_recovery_codes", "reset_second_steps",
    "revoke_sessions", "set_leads", "set_leave", "set_managers", "set_password", "set_reach", "set_teams", "sign_in", "sign_in_by_proof",
    "sign_in_with_passkey", "sign_out", "tidy", "touch_session", "welcome_staff",
]
