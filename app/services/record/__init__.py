"""The audit record and the events that open pages follow."""
