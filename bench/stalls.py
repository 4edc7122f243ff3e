"""How long one hostile call delays everybody else: /healthz of a real web process while it is served.

    python -m bench.stalls [--only EXPRESSION] [--target SECONDS]

Each call is sent alone, to one web process on an otherwise idle machine, while /healthz is asked every 10 ms over a
connection of its own. Printed are the longest answer of /healthz in that time, how the call was answered, and how long
that took. To reach: 250 ms for every call, and no call that ends in a fault (500).
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import httpx
import socketio  # type: ignore[import-untyped]

from app.cli.actors import operator
from app.domain.people import Role
from app.domain.tokens import PERSON_SCOPES, Scope, TokenKind, token_terms
from app.services.bundle import Services, build_services
from app.store.engine import make_engine
from bench.hostile_calls import CALLS, Call, change, script
from bench.support import database, machine, web

TARGET = 0.25
PAUSE = 0.01
TIMEOUT = 120.0
FORM = "application/x-www-form-urlencoded"


class Health:
    """Polls /healthz, and keeps the longest response time since `reset`."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
        self._worst = 0.0
        self._began = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """Forget what was."""
        self._worst = 0.0

    @property
    def worst(self) -> float:
        """The longest answer, in seconds; one that is still awaited counts as far as it has come."""
        began = self._began
        return max(self._worst, time.monotonic() - began if began else 0.0)

    def _ask(self) -> None:
        while not self._ended.wait(PAUSE):
            self._began = time.monotonic()
            self._connection.request("GET", "/healthz")
            self._connection.getresponse().read()
            self._worst = max(self._worst, time.monotonic() - self._began)
            self._began = 0.0

    def end(self) -> None:
        """Ask no more."""
        self._ended.set()
        self._thread.join(TIMEOUT)


class Attacker:
    """Sends the calls."""

    def __init__(self, services: Services, url: str) -> None:
        people = services.people
        person = people.add(operator(), "Reviewer", "reviewer@example.com", list(Role))
        owner = people.add(operator(), "Owner", "owner@example.com", [Role.REVIEWER])
        terms = token_terms(TokenKind.PERSON, "bench", [scope.value for scope in PERSON_SCOPES], 1)
        token, _ = services.tokens.make(operator(), terms, owner.id)
        asking = token_terms(TokenKind.AGENT, "bench hooks", [Scope.APPROVALS_REQUEST.value], 1)
        hooks, _ = services.tokens.make(operator(), asking, owner.id)
        reader, _ = services.tokens.make(operator(), terms, person.id)
        self.url = url
        self._agent = httpx.Client(base_url=url, timeout=TIMEOUT, headers={"Authorization": f"Bearer {token}"})
        self._reader = httpx.Client(base_url=url, timeout=TIMEOUT, headers={"Authorization": f"Bearer {reader}"})
        self._hooks = httpx.Client(base_url=url, timeout=TIMEOUT, headers={"Authorization": f"Bearer {hooks}"})
        self.person = httpx.Client(base_url=url, timeout=TIMEOUT, headers={"Origin": url})
        link = people.make_link(operator(), person.id)
        form = self.person.get(f"/sign-in/{link}").text
        self.person.post(f"/sign-in/{link}", data={"csrf_token": _csrf(form)})
        self._csrf = _csrf(self.person.get("/queue").text)
        self._opened: dict[str, dict[str, Any]] = {}

    def about(self, body: dict[str, Any] | None) -> dict[str, Any]:
        """A request that was opened with that body; empty: none, or it was refused."""
        if body is None:
            return {}
        key = json.dumps(body)
        if key not in self._opened:
            answer = self._agent.post("/api/v1/approvals", content=key, headers={"Content-Type": "application/json"})
            self._opened[key] = answer.json() if answer.status_code == 201 else {}
        return self._opened[key]

    def prepare(self, call: Call, request: dict[str, Any]) -> tuple[httpx.Client, httpx.Request]:
        """One call, ready to be sent: putting it together would keep this process from asking /healthz."""
        path = call.path.replace("{id}", request.get("id", "00000000-0000-4000-8000-000000000000"))
        decides = "decisions" in path or "preview" in path
        client = self._hooks if call.hooked else self._reader if decides else self._agent
        client = self.person if call.signed else client
        headers = {"X-CSRFToken": self._csrf} if call.signed else {}
        if call.form:
            body = urllib.parse.urlencode(call.body | {"csrf_token": self._csrf})
            headers["Content-Type"] = FORM
        elif call.body is not None:
            body = call.body if isinstance(call.body, str) else json.dumps(call.body)
            body = body.replace('"DIGEST"', json.dumps(request.get("digest", "")))
            headers["Content-Type"] = "application/json"
        else:
            body = ""
        return client, client.build_request(call.method, path, content=body.encode(), headers=headers | call.headers)

    def over_sockets(self, health: Health) -> Iterator[tuple[str, float, str, float]]:
        """What can be sent over Socket.IO."""
        messages = {
            "a decision of 90 kB": ("submit_approval", change({"content": "select 1;\n" * 8_000})),
            "a decision of 1.9 MB": ("submit_approval", change({"content": "select 1;\n" * 190_000})),
            "20,000 names": ("join_request", {f"a{number}": 1 for number in range(9_000)}),
        }
        request = self.about(script("select 1"))
        for name, (event, data) in messages.items():
            client = socketio.Client(reconnection=False)
            cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.person.cookies.jar)
            client.connect(self.url, headers={"Cookie": cookies, "Origin": self.url}, transports=["polling"])
            health.reset()
            started = time.monotonic()
            try:
                sent = data | {"request_id": request["id"], "digest": request["digest"]}
                answer = client.call(event, sent, timeout=20)
                words = "ok" if answer and answer.get("ok") else str(answer and answer["problem"]["code"])
            except Exception as error:
                words = type(error).__name__
            yield f"socket: {name}", health.worst, words, time.monotonic() - started
            client.disconnect()


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    if found is None:
        raise RuntimeError("no form on the page")
    return found[1]


def main() -> None:
    """Send all calls, and print their effects."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="calls whose name matches this expression")
    parser.add_argument("--target", type=float, default=TARGET, help="seconds")
    given = parser.parse_args()
    print(f"{machine()}\n")
    results: list[tuple[str, float, str, float]] = []
    with database("assent_stalls") as address, web(address) as (_, url):
        services = build_services(make_engine(address))
        attacker, health = Attacker(services, url), Health(url)
        for call in (call for group in CALLS for call in group() if re.search(given.only, call.name)):
            results.append(_measure(attacker, health, call))
            _print(results[-1], given.target)
        for result in attacker.over_sockets(health) if re.search(given.only, "socket:") else ():
            results.append(result)
            _print(result, given.target)
        health.end()
        services.engine.dispose()
    slow = [result for result in results if result[1] > given.target]
    faults = [result for result in results if result[2].startswith("500")]
    worst = max(results, key=lambda result: result[1])
    print(f"\n{len(results)} calls; /healthz at worst {worst[1] * 1000:,.0f} ms ({worst[0]}).")
    print(
        f"{'REACHED' if not slow and not faults else 'NOT REACHED'}: at most {given.target * 1000:.0f} ms; "
        f"{len(slow)} took longer, {len(faults)} ended in a fault."
    )
    sys.exit(1 if slow or faults else 0)


def _measure(attacker: Attacker, health: Health, call: Call) -> tuple[str, float, str, float]:
    request = attacker.about(call.about)
    if call.about is not None and not request:
        return call.name, 0.0, "could not be opened", 0.0
    client, prepared = attacker.prepare(call, request)
    time.sleep(0.03)
    health.reset()
    started = time.monotonic()
    try:
        answer = client.send(prepared)
        code = answer.json().get("code", "") if "json" in answer.headers.get("Content-Type", "") else ""
        words = f"{answer.status_code} {code}".strip()
    except httpx.HTTPError as error:
        words = type(error).__name__
    took = time.monotonic() - started
    time.sleep(0.03)
    return call.name, health.worst, words, took


def _print(result: tuple[str, float, str, float], target: float) -> None:
    name, worst, words, took = result
    mark = "  <-- too long" if worst > target else ""
    print(f"{worst * 1000:8,.0f} ms  {name:58}  {words:24} {took:6.2f} s{mark}", flush=True)


if __name__ == "__main__":
    main()
