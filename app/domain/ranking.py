"""The order of requests in the queue.

They are sorted by `attention_at = expires_at - head_start(risk, priority)`, ascending: a risky request ranks ahead of a
harmless one with the same deadline. The key does not depend on the current time, so it is one indexed column.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from assent.contracts import RiskLevel

HEAD_START = {
    RiskLevel.CRITICAL: timedelta(hours=24),
    RiskLevel.HIGH: timedelta(hours=8),
    RiskLevel.MEDIUM: timedelta(hours=2),
    RiskLevel.LOW: timedelta(minutes=30),
    RiskLevel.SAFE: timedelta(0),
}
PRIORITY_STEP = timedelta(hours=4)
MAX_PRIORITY = 5


def attention_at(expires_at: datetime, risk: RiskLevel, priority: int = 0) -> datetime:
    """The sort key of the queue: the instant by which a request needs attention.

    Args:
        expires_at: the deadline, with a time zone.
        risk: the assessed level.
        priority: 0 to `MAX_PRIORITY`; each escalation adds one.
    """
    return expires_at - HEAD_START[risk] - PRIORITY_STEP * min(max(priority, 0), MAX_PRIORITY)


def explain(risk: RiskLevel, priority: int) -> str:
    """In words, why a request ranks where it does, apart from its deadline."""
    head_start = HEAD_START[risk]
    parts = []
    if head_start:
        hours = head_start.total_seconds() / 3600
        amount = f"{hours:.0f} h" if hours >= 1 else f"{hours * 60:.0f} min"
        parts.append(f"{risk.value} risk ranks {amount} ahead of its deadline")
    else:
        parts.append("ranks by its deadline alone")
    if priority:
        parts.append(f"raised {priority} {'time' if priority == 1 else 'times'} by escalation, 4 h each")
    return "; ".join(parts)
