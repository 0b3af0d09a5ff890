"""Escalation rules and their planned firings."""
