"""The heart: a concern becomes a case and is resolved."""
