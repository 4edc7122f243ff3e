"""What people do with a request: they claim it, decide it, change it, take it back; and whose approvals count."""
