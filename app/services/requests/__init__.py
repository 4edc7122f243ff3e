"""An approval request's current situation, shared by all use cases: its requester, its approvers, and its due steps."""
