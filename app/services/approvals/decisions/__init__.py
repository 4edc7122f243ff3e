"""What people do with a request: claim, decide, change, and withdraw; and whose approvals count."""
