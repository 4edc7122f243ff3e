"""Standing grants."""
