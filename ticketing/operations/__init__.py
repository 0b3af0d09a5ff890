"""Running the program: health, readiness, metrics."""
