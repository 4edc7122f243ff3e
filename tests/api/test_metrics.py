"""`/metrics`, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from app.domain.lifecycle import RunState
from app.domain.tokens import Scope, TokenKind
from app.services.bundle import Services
from app.store.people import Person
from assent.contracts import RiskLevel
from tests.factories import Caller, Program, make_request, make_run, make_token


def numbers(program: Program) -> dict[tuple[str, str], float]:
    """What is answered, by metric and label."""
    answer = program.get("/metrics")
    assert answer.status_code == 200 and answer.content_type.startswith("text/plain; version=0.0.4")
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_numbers_are_those_of_the_database(app: Flask, services: Services, people: dict[str, Person]) -> None:
    program = Program(app, make_token(app, people["viewer"], scopes=[Scope.METRICS_READ]))
    before = numbers(program)
    make_request(services.sessions, risk=RiskLevel.CRITICAL)
    make_run(services.sessions, state=RunState.PAUSED)
    after = numbers(program)
    critical, paused = ("assent_requests_pending", "critical"), ("assent_runs", "paused")
    assert after[critical] == before.get(critical, 0) + 1
    assert after[paused] == before.get(paused, 0) + 1
    assert after["assent_requests_oldest_pending_seconds", ""] >= 0
    assert after["assent_audit_last_entry", ""] >= 0


def test_it_needs_the_scope(app: Flask, people: dict[str, Person], call: Callable[[str], Caller]) -> None:
    other = Program(app, make_token(app, people["admin"], scopes=[Scope.APPROVALS_READ])).get("/metrics")
    assert (other.status_code, other.json["code"]) == (403, "insufficient_scope")
    agent = Program(app, make_token(app, people["admin"], TokenKind.AGENT, [Scope.APPROVALS_READ])).get("/metrics")
    assert agent.status_code == 403
    nobody = call("anonymous").get("/metrics")
    assert (nobody.status_code, nobody.json["code"]) == (401, "not_signed_in")
