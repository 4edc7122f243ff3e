"""Reading Python: which calls a text makes, with which values, and what they would do."""
