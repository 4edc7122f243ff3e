"""Histories of conversations, as agents have them: a goal, calls of tools with long results, and what was made of them.

The results are made of a fixed series of numbers, so that each run of the benchmark counts the same.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]
Row = Callable[[random.Random, int], str]

_SERVICES = ("checkout", "billing", "search", "mailer", "importer", "gateway", "ledger", "reports")
_TABLES = ("orders", "order_items", "customers", "events", "invoices", "payments", "sessions", "products", "stock")
_WORDS = ("timeout", "refused", "retrying", "slow", "committed", "rejected", "expired", "queued", "flushed", "closed")


def _time(rng: random.Random) -> str:
    return f"2026-11-{rng.randrange(1, 29):02}T{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}Z"


def _log(rng: random.Random, number: int) -> str:
    level = rng.choice(("INFO", "INFO", "WARN", "ERROR"))
    service, word = rng.choice(_SERVICES), rng.choice(_WORDS)
    return (
        f"{_time(rng)} {level} {service}[{rng.randrange(1, 9000)}] request={rng.getrandbits(64):016x} "
        f"upstream={rng.choice(_SERVICES)}-{rng.randrange(9)} {word} after {rng.randrange(9000)} ms, "
        f"attempt {number % 4}"
    )


def _statement(rng: random.Random, number: int) -> str:
    one, other = rng.sample(_TABLES, 2)
    return (
        f"{number}: calls={rng.randrange(90_000)} total_ms={rng.randrange(9_000_000)} mean_ms={rng.random() * 900:.2f} "
        f"select t.*, o.id from {one} t join {other} o on o.{one}_id = t.id where t.status = $1 and t.created_at > $2 "
        f"order by t.created_at desc limit {rng.choice((20, 50, 100))}"
    )


def _plan(rng: random.Random, number: int) -> str:
    kind = rng.choice(("Seq Scan", "Index Scan", "Hash Join", "Nested Loop", "Sort", "Bitmap Heap Scan"))
    return (
        f"{'  ' * (number % 7)}-> {kind} on {rng.choice(_TABLES)} "
        f"(cost={rng.random() * 9e4:.2f}..{rng.random() * 9e5:.2f} rows={rng.randrange(900_000)} "
        f"width={rng.randrange(300)}) (actual time={rng.random() * 900:.3f} "
        f"rows={rng.randrange(900_000)} loops={rng.randrange(1, 40)}) Buffers: shared hit={rng.randrange(90_000)}"
    )


def _numbers(name: str, *fields: str) -> Row:
    def row(rng: random.Random, number: int) -> str:
        values = {field: round(rng.random() * 10 ** rng.randrange(1, 7), 2) for field in fields}
        return json.dumps({name: f"{rng.choice(_SERVICES)}-{number:02}", "at": _time(rng), **values})

    return row


def _frame(rng: random.Random, number: int) -> str:
    name = rng.choice(_SERVICES)
    return f"  at com.example.{name}.{name.title()}Service.handle{number}({name.title()}.java:{rng.randrange(900)})"


KINDS: dict[str, tuple[int, Row]] = {
    "logs": (60, _log), "statements": (25, _statement), "plan": (30, _plan), "trace": (40, _frame),
    "sizes": (40, _numbers("table", "bytes", "rows", "dead_rows", "index_bytes", "grown_bytes")),
    "metrics": (60, _numbers("host", "cpu", "memory", "disk", "network_in", "network_out")),
    "connections": (30, _numbers("user", "active", "idle", "in_transaction", "limit")),
    "levels": (60, _numbers("minute", "info", "warning", "error")),
    "services": (25, _numbers("unit", "restarts", "uptime_s", "memory")),
    "folders": (40, _numbers("path", "bytes", "files")), "errors": (30, _numbers("exception", "count", "users")),
    "targets": (20, _numbers("target", "healthy", "latency_ms", "errors")),
    "vulnerabilities": (40, _numbers("package", "score", "installed", "fixed")),
    "costs": (45, _numbers("service", "dollars", "before", "change")),
    "commits": (30, _numbers("commit", "lines", "ticket")), "code": (40, _numbers("file", "line", "column")),
    "audit": (40, _numbers("actor", "event", "address")), "modules": (40, _numbers("module", "imports", "imported")),
    "accounts": (40, _numbers("account", "roles", "days_since_sign_in")),
    "events": (40, _numbers("object", "count", "age_s", "exit_code")),
    "network": (20, _numbers("host", "rtt_ms", "loss", "hops")),
    "licenses": (40, _numbers("product", "bought", "installed")),
    "assets": (40, _numbers("device", "address", "age_days", "ports")),
    "ports": (40, _numbers("port", "service", "allowed")), "replicas": (12, _numbers("standby", "lag_bytes", "lag_s")),
}  # fmt: skip
_REMARKS = (
    "I looked at this with {tool}. The numbers above are the ones that stand out; the rest is as in the weeks before. "
    "The largest value belongs to {service}, which has grown since {time}, and I would look there next.",
    "{tool} shows nothing unusual for most of it. Only {service} differs from what I expected: it began at {time} and "
    "has not gone back since. That fits what was reported, but it does not explain all of it.",
    "According to {tool}, {service} is the one to look at. Before {time} it was normal. I have not changed anything.",
)
_REPLIES = (
    "Good. Go on, but do not touch production before I have seen it.",
    "I had expected something else, because we changed {service} last week. Look further.",
    "Fine. And what about {service}? My colleague says it was restarted at {time}.",
)


def history_of(task: dict[str, Any]) -> list[Message]:
    """Return the messages of a recorded task; the last one is the request."""
    rng = random.Random(task["id"])
    messages: list[Message] = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": task["goal"]},
    ]
    for turn in range(6):
        tool, kind = task["talk"][turn % len(task["talk"])]
        count, row = KINDS[kind]
        call = {"id": f"call-{turn}", "type": "function", "function": {"name": tool, "arguments": '{"limit": 100}'}}
        result = "\n".join(row(rng, number) for number in range(rng.randrange(count // 2, count)))
        words = {"tool": tool, "service": rng.choice(_SERVICES), "time": _time(rng)}
        messages += [
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"call-{turn}", "content": result},
            {"role": "assistant", "content": rng.choice(_REMARKS).format(**words)},
            {"role": "user", "content": rng.choice(_REPLIES).format(**words)},
        ]
    return [*messages, {"role": "user", "content": task["request"]}]


SYSTEM = (
    "You help the operations team of a company that runs a web shop and its back office. You look before you propose, "
    "you name your sources, and you propose one step at a time. Everything that changes something is approved by "
    "people."
)
