"""Calls of language models: what they cost, what is kept of their answers, and what a run may expect to cost."""
