"""The door for letters by e-mail: kept as they came, read afterwards, and brought to a case only on proof."""
