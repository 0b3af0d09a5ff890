"""Policy packs: a jurisdiction's targets, notices and outcomes as dated, versioned data."""
