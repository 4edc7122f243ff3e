"""Accounts, sign-ins and absences."""
