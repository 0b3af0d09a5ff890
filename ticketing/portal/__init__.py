"""The public door: where patients and families bring a concern."""
