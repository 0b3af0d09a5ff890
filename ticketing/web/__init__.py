"""Flask plumbing shared by every room with pages; no feature words live here."""
