"""The order of requests in the queue.

They are sorted by `attention_at`, ascending: the deadline minus an amount that grows with the risk, the priority that
escalation adds, and the requester's urgency. A risky request ranks ahead of a harmless one with the same deadline. The
key does not depend on the current time, so it is one indexed column.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from assent.contracts import RiskLevel, Urgency

HEAD_START = {
    RiskLevel.CRITICAL: timedelta(hours=24),
    RiskLevel.HIGH: timedelta(hours=8),
    RiskLevel.MEDIUM: timedelta(hours=2),
    RiskLevel.LOW: timedelta(minutes=30),
    RiskLevel.SAFE: timedelta(0),
}
URGENCY_STEP = {
    Urgency.LOW: timedelta(hours=-1),
    Urgency.NORMAL: timedelta(0),
    Urgency.HIGH: timedelta(hours=1),
    Urgency.URGENT: timedelta(hours=2),
}
"""What the requester says is a modest part: less than one escalation, and than high risk."""
PRIORITY_STEP = timedelta(hours=4)
MAX_PRIORITY = 5


def attention_at(expires_at: datetime, risk: RiskLevel, priority: int, urgency: Urgency) -> datetime:
    """The sort key of the queue: the instant by which a request needs attention, never after its deadline.

    Args:
        expires_at: the deadline, with a time zone.
        risk: the assessed level.
        priority: 0 to `MAX_PRIORITY`; each escalation adds one.
        urgency: of the requester, as far as it counts.
    """
    raised = PRIORITY_STEP * min(max(priority, 0), MAX_PRIORITY)
    return expires_at - max(HEAD_START[risk] + raised + URGENCY_STEP[urgency], timedelta(0))


def explain(risk: RiskLevel, priority: int, urgency: Urgency) -> str:
    """In words, why a request ranks where it does, apart from its deadline."""
    head_start = HEAD_START[risk]
    parts = []
    if head_start:
        parts.append(f"{risk.value} risk ranks {_amount(head_start)} ahead of its deadline")
    else:
        parts.append("ranks by its deadline alone")
    if priority:
        parts.append(f"raised {priority} {'time' if priority == 1 else 'times'} by escalation, 4 h each")
    if step := URGENCY_STEP[urgency]:
        way = "earlier" if step > timedelta(0) else "later"
        parts.append(f"the requester's urgency ({urgency.value}) ranks it up to {_amount(abs(step))} {way}")
    return "; ".join(parts)


def _amount(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:.0f} h" if hours >= 1 else f"{hours * 60:.0f} min"
