"""Runs: started, steered, and what workers write about them."""
