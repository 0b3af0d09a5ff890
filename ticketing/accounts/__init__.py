"""Staff, roles, teams, leave and deputies, and how they sign in."""
