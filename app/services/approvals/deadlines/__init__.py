"""Deadlines: what happens to a request as time passes, and how people extend or escalate it."""
