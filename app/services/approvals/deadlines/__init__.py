"""What time does to a request, and how people give it more time or more attention."""
