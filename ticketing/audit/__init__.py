"""The trail: hash-chained, append-only, verified; nothing happens that it does not know of."""
