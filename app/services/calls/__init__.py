"""Use cases about calls of the API themselves."""
