"""Code lists as versioned data, and the organisation's sites and units."""
