"""The tests: they mirror the rooms of `ticketing`, and the house rules live in tests/architecture."""
