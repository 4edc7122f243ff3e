"""Runs: starting and controlling them, and what workers write about them."""
