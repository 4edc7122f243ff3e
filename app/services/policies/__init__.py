"""Policies, and what others would have done."""
