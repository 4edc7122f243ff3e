"""Use cases about API calls as such."""
