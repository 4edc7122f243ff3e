"""How long a coding agent waits for a verdict of the policy: over HTTP, and with the command that it starts.

    python -m bench.hooks [--calls NUMBER]

A coding agent's day (`tests/risk/agent_day.jsonl`) is sent to a web process, call by call; only calls that a rule
decides at once count. To reach: a 95th percentile of 60 ms over HTTP, and of 250 ms for the command with its start.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.cli.actors import operator
from app.domain.people import Role, Via
from app.domain.tokens import Scope, TokenKind, token_terms
from app.services.bundle import Services, build_services
from app.store.engine import make_engine
from bench.support import database, machine, percentile, web

HTTP_TARGET, COMMAND_TARGET = 0.060, 0.250
DAY = Path(__file__).parents[1] / "tests" / "risk" / "agent_day.jsonl"
POLICY = """\
version: 1
rules:
  - name: Harmless
    when: understood && risk.rank <= 1
    decide: approve
    until: {until}
default: {{deadline: 1 day}}
"""


def prepared(services: Services) -> str:
    """An agent's token, under a policy that decides at once."""
    admin = services.people.add(operator(), "Admin", "admin@example.org", [Role.ADMIN])
    owner = services.people.add(operator(), "Owner", "owner@example.org", [Role.REVIEWER])
    until = (datetime.now(UTC) + timedelta(days=30)).date()
    loaded = services.policies.load(operator(), POLICY.format(until=until), "policies.yaml").stored
    if loaded.waits:
        services.policies.confirm(admin.as_actor(Via.PAGE), loaded.version)
    terms = token_terms(TokenKind.AGENT, "Coding agent", [Scope.APPROVALS_REQUEST.value], 1)
    token, _ = services.tokens.make(operator(), terms, owner.id)
    return token


def over_http(url: str, token: str, calls: list[dict[str, Any]]) -> tuple[list[float], list[dict[str, Any]]]:
    """Seconds of each call that a rule decided, and these calls."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    took, decided = [], []
    for call in calls:
        began = time.perf_counter()
        connection.request("POST", "/api/v1/hooks/claude-code?again=true", json.dumps(call), headers)
        response = connection.getresponse()
        answer, seconds = json.loads(response.read()), time.perf_counter() - began
        if response.status != 200:
            raise RuntimeError(answer)
        if "pending" not in answer:
            took.append(seconds)
            decided.append(call)
    return took, decided


def by_command(url: str, token: str, calls: list[dict[str, Any]]) -> list[float]:
    """Seconds of each call by the command, from its start to its end."""
    environment = {**os.environ, "ASSENT_URL": url, "ASSENT_TOKEN": token}
    took = []
    for number, call in enumerate(calls):
        sent = json.dumps(call | {"tool_use_id": f"command {number}"})
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-P", "-m", "app.cli.start", "hook", "claude-code"], input=sent, text=True, check=True,
            env=environment, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        took.append(time.perf_counter() - began)
    return took


def show(what: str, took: list[float], target: float) -> bool:
    """Print the percentiles, and return whether the target is reached."""
    middle, most = percentile(took, 0.5), percentile(took, 0.95)
    reached = most <= target
    print(
        f"{what}: {len(took)} verdicts, median {middle * 1000:.1f} ms, 95th percentile {most * 1000:.1f} ms "
        f"(to reach: {target * 1000:.0f} ms){'' if reached else ', missed'}"
    )
    return reached


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100, help="calls by the command")
    given = parser.parse_args()
    calls = [json.loads(line) for line in DAY.read_text().splitlines() if line.strip()]
    for call in calls:
        call.pop("expect")
    print(machine())
    with database("assent_hooks") as address, web(address) as (_, url):
        engine = make_engine(address)
        token = prepared(build_services(engine))
        engine.dispose()
        took, decided = over_http(url, token, calls)
        reached = show("Over HTTP", took, HTTP_TARGET)
        reached &= show("By the command", by_command(url, token, decided[: given.calls]), COMMAND_TARGET)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
