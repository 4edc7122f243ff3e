"""What pages and the API show. Read-only."""
