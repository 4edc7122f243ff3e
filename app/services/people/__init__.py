"""Accounts, sign-ins, tokens, and absences."""
