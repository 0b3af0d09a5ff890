"""The demo hospital, made through the verbs at past moments."""
