"""The audit log, and the events that open pages follow."""
