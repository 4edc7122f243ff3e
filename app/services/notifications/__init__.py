"""Who is notified of what, and what became of it: plans, messages, deliveries, the links to decide with."""
