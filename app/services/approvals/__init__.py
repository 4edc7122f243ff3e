"""What happens to approval requests: intake, decisions, and deadlines. `manager` is the table of contents."""
