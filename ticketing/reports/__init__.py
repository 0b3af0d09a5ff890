"""Read-only figures: resolution times, what was delivered, what the trail says."""
