"""Ground floor: clock, database, errors, permissions; no feature words live here."""
