"""What the house asks of names, passwords, sign-ins, sessions and leave; no database here."""

from ticketing.accounts.rules.passwords import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    Cost,
    hash_password,
    is_right,
    needs_new_hash,
    password_problem,
)
from ticketing.accounts.rules.people import (
    ROLE_HINTS,
    ROLE_LABELS,
    clean_email,
    clean_name,
    clean_team_code,
    fold_email,
    may_stand_in,
    stand_in,
)
from ticketing.accounts.rules.sessions import SEEN_EVERY, browser_name, is_over, link_token, safe_next, token_hash
from ticketing.accounts.rules.throttling import (
    LIMITS,
    LOCKED_FOR,
    Attempt,
    Limit,
    Limited,
    SignIn,
    lockout_sentence,
    throttle_key,
)

__all__ = [
    "LIMITS", "LOCKED_FOR", "LONGEST_PASSWORD", "ROLE_HINTS", "ROLE_LABELS", "SEEN_EVERY", "SHORTEST_PASSWORD", "Attempt", "Cost", "Limit",
    "Limited", "SignIn", "browser_name", "clean_email", "clean_name", "clean_team_code", "fold_email", "hash_password", "is_over",
    "is_right", "link_token", "lockout_sentence", "may_stand_in", "needs_new_hash", "password_problem", "safe_next", "stand_in",
    "throttle_key", "token_hash",
]
