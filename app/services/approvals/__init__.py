"""Approval requests: asked, decided, and what time and people do to them. The CheckpointManager stands above."""
