"""Reading accounts: staff, teams, leave and signing in, as frozen rows."""

from ticketing.accounts.queries.hashing import FreshCode, draw_recovery_codes, hash_password, password_cost
from ticketing.accounts.queries.leave import LeaveRow, away_on, covered_by, leave_of, on_leave, stand_in_for
from ticketing.accounts.queries.passkeys import RelyingParty, authentication_options, registration_options, relying_party
from ticketing.accounts.queries.reach import GlassRow, actor_now, glass_openings, is_open_glass, search_words
from ticketing.accounts.queries.second_steps import (
    CodeAttempt,
    OwedStep,
    PasskeyRow,
    PendingApp,
    Steps,
    is_second_step_required,
    owed_step,
    pending_app,
    steps_of,
    weigh_code,
)
from ticketing.accounts.queries.signing_in import (
    SessionRow,
    SignedIn,
    TokenRow,
    live_token,
    password_link,
    sessions_of,
    signed_in,
    weigh,
)
from ticketing.accounts.queries.single_sign_on import (
    Proof,
    Provider,
    Trip,
    has_single_sign_on,
    prove,
    provider,
    trip_of,
    way_out,
    way_there,
)
from ticketing.accounts.queries.staff import (
    NOBODY,
    StaffFilter,
    StaffRow,
    actor_of,
    deputies_for,
    leads_of,
    managers_above,
    members_of,
    names_by_id,
    names_by_uid,
    staff_by_email,
    staff_by_id,
    staff_by_ids,
    staff_by_uid,
    staff_list,
    staff_of_team,
    staff_who_may,
)
from ticketing.accounts.queries.teams import TeamRow, team_by_code, team_by_id, teams

__all__ = [
    "NOBODY", "CodeAttempt", "FreshCode", "GlassRow", "LeaveRow", "OwedStep", "PasskeyRow", "PendingApp", "Proof", "Provider",
    "RelyingParty", "SessionRow", "SignedIn", "StaffFilter", "StaffRow", "Steps", "TeamRow", "TokenRow", "Trip", "actor_now", "actor_of",
    "authentication_options", "away_on", "covered_by", "deputies_for", "draw_recovery_codes", "glass_openings", "has_single_sign_on",
    "hash_password", "is_open_glass", "is_second_step_required", "leads_of", "leave_of", "live_token", "managers_above", "members_of",
    "names_by_id", "names_by_uid", "on_leave", "owed_step", "password_cost", "password_link", "pending_app", "prove", "provider",
    "registration_options", "relying_party", "search_words", "sessions_of", "signed_in", "staff_by_email", "staff_by_id", "staff_by_ids",
    "staff_by_uid", "staff_list", "staff_of_team", "staff_who_may", "stand_in_for", "steps_of", "team_by_code", "team_by_id", "teams",
    "trip_of", "way_out", "way_there", "weigh", "weigh_code",
]
