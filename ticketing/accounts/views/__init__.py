"""The pages of accounts: the door, one's own account, staff and teams."""

from ticketing.accounts.views import own, sign_in, staff, teams
from ticketing.accounts.views.door import HandOver, bp, init_app

__all__ = ["HandOver", "bp", "init_app", "own", "sign_in", "staff", "teams"]
