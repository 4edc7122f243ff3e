"""The people and agents of `bench.chaos`: starters, reviewers who use REST, and agents that use the SDK."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from assent import Assent, ReceiptStatus, ToolCall
from bench.chaos_flows import GATES, note
from bench.chaos_place import Place


@dataclass(frozen=True)
class Decided:
    """A decision as its sender saw it. `status` is 0 if no response arrived, so that it may or may not count."""

    request: str
    person: str
    verdict: str
    digest: str
    status: int
    code: str


@dataclass
class Seen:
    """The responses that everybody received, for comparison with the stored data.

    Attributes:
        runs: flow by run, of those whose start was acknowledged.
        collected: verdict and digest that an agent was given, by request.
    """

    runs: dict[str, str] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    decisions: list[Decided] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)
    collected: dict[str, tuple[str, str]] = field(default_factory=dict)
    asked: int = 0


class People:
    """All people and agents, in threads, until `stop`."""

    def __init__(self, place: Place, tokens: dict[str, str], agent: str, seed: int) -> None:
        self._place = place
        self._tokens = tokens
        self._agent = agent
        self._seed = seed
        self._stopping = threading.Event()
        self._finishing = threading.Event()
        self._threads: list[threading.Thread] = []
        self.seen = Seen()

    def start(self, reviewers: int, starters: int, agents: int) -> None:
        """Begin to work."""
        work = [(self._review, f"reviewer{number}") for number in range(reviewers)]
        work += [(self._begin, f"starter{number % 2}") for number in range(starters)]
        for number, (what, who) in enumerate(work):
            self._thread(what, who, random.Random(self._seed * 1000 + number))
        for number in range(agents):
            self._thread(self._wait, f"agent{number}", random.Random(self._seed * 2000 + number))

    def no_more_runs(self) -> None:
        """Start nothing any more; what is open is still decided."""
        self._finishing.set()

    def stop(self) -> None:
        """Stop working."""
        self._finishing.set()
        self._stopping.set()
        for thread in self._threads:
            thread.join(90)

    def _thread(self, what: Any, who: str, chance: random.Random) -> None:
        thread = threading.Thread(target=what, args=(who, chance), daemon=True)
        thread.start()
        self._threads.append(thread)

    def call(self, who: str, chance: random.Random, method: str, path: str, **values: Any) -> httpx.Response | None:
        """A call of the API at one of the web processes; None: no answer came."""
        url = f"http://127.0.0.1:{chance.choice(self._place.ports)}/api/v1{path}"
        headers = {"Authorization": f"Bearer {self._tokens[who]}"} | values.pop("headers", {})
        try:
            answer = httpx.request(method, url, headers=headers, timeout=20, **values)
        except httpx.HTTPError:
            self.seen.statuses[0] += 1
            return None
        self.seen.statuses[answer.status_code] += 1
        if answer.status_code >= 500 and answer.status_code != 503:
            self.seen.odd.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer

    def _begin(self, who: str, chance: random.Random) -> None:
        while not self._finishing.wait(chance.uniform(0.2, 0.9)):
            flow, name = chance.choice(list(GATES)), f"c{uuid.uuid4().hex[:8]}"
            body = {"workflow": flow, "input": {"name": name}}
            key = {"Idempotency-Key": uuid.uuid4().hex}
            for _ in range(50):
                answer = self.call(who, chance, "POST", "/runs", json=body, headers=key)
                if answer is not None and answer.status_code < 500 and answer.status_code != 409:
                    break
                time.sleep(0.4)
            if answer is not None and answer.status_code == 201:
                self.seen.runs[answer.json()["id"]] = flow
                if chance.random() < 0.03:
                    self._cancel(who, chance, answer.json()["id"])

    def _cancel(self, who: str, chance: random.Random, run: str) -> None:
        time.sleep(chance.uniform(0.1, 2))
        self.seen.cancelled.add(run)
        self.call(who, chance, "POST", f"/runs/{run}/cancel", json={"reason": "Not wanted any more."})

    def _review(self, who: str, chance: random.Random) -> None:
        while not self._stopping.wait(chance.uniform(0.05, 0.6)):
            answer = self.call(who, chance, "GET", "/approvals?status=pending&limit=50")
            if answer is None or answer.status_code != 200:
                continue
            wanted = [row for row in answer.json()["items"] if not row["title"].startswith("Nobody decides")]
            for row in chance.sample(wanted, min(3, len(wanted))):
                self._decide(who, chance, row["id"])

    def _decide(self, who: str, chance: random.Random, request: str) -> None:
        answer = self.call(who, chance, "GET", f"/approvals/{request}")
        if answer is None or answer.status_code != 200:
            return
        asked = answer.json()
        body: dict[str, Any] = {"verdict": "approve", "digest": asked["digest"], "comment": "Looked at."}
        if asked["kind"] == "error":
            body |= {"verdict": "answer", "answer": {"action": "retry"}}
        elif asked["kind"] == "question":
            body |= {"verdict": "answer", "answer": {"node": chance.choice("ab")}}
        else:
            draw = chance.random()
            body["verdict"] = "approve" if draw < 0.75 else "reject" if draw < 0.85 else "request_changes"
            if draw > 0.97 and asked["kind"] == "tool_call":
                body |= {"verdict": "modify", "change": {"args": {"part": "changed"}}}
        if chance.random() < 0.3:  # a double click, or a second tab at another process
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda _: self._send(who, chance, request, body), range(2)))
        else:
            self._send(who, chance, request, body)

    def _send(self, who: str, chance: random.Random, request: str, body: dict[str, Any]) -> None:
        answer = self.call(who, chance, "POST", f"/approvals/{request}/decisions", json=body)
        status, code = 0, ""
        if answer is not None:
            status, code = answer.status_code, "" if answer.status_code < 400 else answer.json().get("code", "")
        self.seen.decisions.append(Decided(request, who, body["verdict"], body["digest"], status, code))

    def _wait(self, who: str, chance: random.Random) -> None:
        """An agent elsewhere: asks, waits through everything, acts, and reports."""
        while not self._finishing.is_set():
            port = chance.choice(self._place.ports)
            client = Assent(f"http://127.0.0.1:{port}", self._agent)
            name = f"e{uuid.uuid4().hex[:8]}"
            try:
                call = ToolCall(title=f"Outside {name}", tool="deploy", args={"part": name})
                approval = client.approvals.request(call, idempotency_key=name, workflow="outside")
                self.seen.asked += 1
                outcome = approval.wait(timeout=300)
                self.seen.collected[approval.id] = (outcome.verdict.value, outcome.digest)
                if outcome.approved:
                    note("", f"outside {name}", "begin", outcome)
                    note("", f"outside {name}", "end", outcome)
                    approval.report(ReceiptStatus.APPLIED, "Deployed.")
            except Exception as error:  # what an agent is told is looked at, whatever it is
                self.seen.odd.append(f"agent: {type(error).__name__}: {error}"[:300])
