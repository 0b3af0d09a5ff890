"""The sweep, its actions, and the proof that an escalation was delivered."""
