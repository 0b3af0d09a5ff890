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
from ticketing.accounts.rules.second_steps import (
    AFTER_PASSWORD,
    AFTER_SINGLE_SIGN_ON,
    LETTERS,
    LIVES,
    MOST_PASSKEYS,
    RECOVERY_COUNT,
    RECOVERY_LENGTH,
    SELECTOR,
    Method,
    Picture,
    Purpose,
    app_address,
    in_fours,
    is_code,
    picture_of,
    recovery_parts,
    seal,
    step_of,
    unseal,
)
from ticketing.accounts.rules.sessions import (
    INVITATION,
    PASSWORD_PURPOSES,
    RESET,
    SEEN_EVERY,
    browser_name,
    is_over,
    link_token,
    safe_next,
    token_hash,
)
from ticketing.accounts.rules.throttling import (
    LIMITS,
    LOCKED_FOR,
    Attempt,
    Limit,
    Limited,
    SignIn,
    address_block,
    code_lockout_sentence,
    lockout_sentence,
    throttle_key,
)

__all__ = [
    "AFTER_PASSWORD", "AFTER_SINGLE_SIGN_ON", "INVITATION", "LETTERS", "LIMITS", "LIVES", "LOCKED_FOR", "LONGEST_PASSWORD",
    "MOST_PASSKEYS", "PASSWORD_PURPOSES", "RECOVERY_COUNT", "RECOVERY_LENGTH", "RESET", "ROLE_HINTS", "ROLE_LABELS", "SEEN_EVERY",
    "SELECTOR", "SHORTEST_PASSWORD", "Attempt", "Cost", "Limit", "Limited", "Method", "Picture", "Purpose", "SignIn", "address_block",
    "app_address", "browser_name", "clean_email", "clean_name", "clean_team_code", "code_lockout_sentence", "fold_email", "hash_password",
    "in_fours", "is_code", "is_over", "is_right", "link_token", "lockout_sentence", "may_stand_in", "needs_new_hash", "password_problem",
    "picture_of", "recovery_parts", "safe_next", "seal", "stand_in", "step_of", "throttle_key", "token_hash", "unseal",
]
