"""Policies: loading, reading, and replaying past requests under other policies."""
