"""Redress: the system in which hospitals resolve patients' concerns."""
