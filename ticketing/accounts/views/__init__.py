"""The pages of accounts: the door, second steps, one's own account, staff and teams."""

from ticketing.accounts.views import own, second_step, second_steps, sign_in, single_sign_on, staff, teams
from ticketing.accounts.views.door import HandOver, bp, confirmed, init_app

__all__ = ["HandOver", "bp", "confirmed", "init_app", "own", "second_step", "second_steps", "sign_in", "single_sign_on", "staff", "teams"]
