"""The steps of the workflow: each reads what earlier ones have saved, and saves what it has made of that."""
