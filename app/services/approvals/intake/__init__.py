"""Intake: requests opened by runs and by other agents, and answered automatically where possible."""
