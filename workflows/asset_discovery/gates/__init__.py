"""What people decide in a run: the proposals of its gates, and what was decided on them."""
