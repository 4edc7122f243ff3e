"""The whole API called at random, as its description says: no fault of ours, and no answer that is not described."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.api import openapi
from app.api.register import endpoints
from app.domain.lifecycle import RunState
from app.domain.people import SYSTEM, Role, Via
from app.services.approvals.decisions.remarks import CommentPlace
from app.services.bundle import Services
from tests.factories import (
    make_absence,
    make_delivery,
    make_destination,
    make_grant,
    make_lesson,
    make_person,
    make_request,
    make_run,
    make_token,
    save_run_file,
)
from tests.routers import router_at_work
from tests.thorough import IN_CI

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = int(os.environ.get("ASSENT_TEST_SCHEMA_EXAMPLES", "8" if IN_CI else "3"))
"""Calls of each operation, with what fits its description and as many with what does not."""
OPERATIONS = [
    (path, method)
    for path, methods in openapi.document(endpoints())["paths"].items()
    for method in methods
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def router(services: Services, module_database_url: str) -> Iterator[None]:
    """A worker that routes texts."""
    with router_at_work(module_database_url, services):
        yield


@pytest.fixture(scope="module")
def description(app: Flask) -> Any:
    """What the application says about itself."""
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)


@pytest.fixture(scope="module")
def token(app: Flask, services: Services) -> str:
    """A token that may do anything."""
    services.policies.load(SYSTEM, "version: 1\ndefault: {deadline: 1 day}\n", "policies.yaml")
    return make_token(app, make_person(services.sessions, "Anybody", list(Role)))


def test_every_path_parameter_is_described() -> None:
    paths = openapi.document(endpoints())["paths"]
    for path, method in OPERATIONS:
        described = [parameter["name"] for parameter in paths[path][method]["parameters"] if parameter["in"] == "path"]
        assert described == re.findall(r"{(\w+)}", path), f"{method} {path}"


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda case: case.value)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_api_answers_as_it_is_described(
    path: str, method: str, mode: GenerationMode, description: Any, services: Services, token: str
) -> None:
    operation = description[path][method.upper()]
    known = _known(services, path)
    count = iter(range(10_000))

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Any) -> None:
        if known and next(count) % 4:
            case.path_parameters = known
        if path.endswith("/outcome") and isinstance(case.query, dict) and "wait" in case.query:
            case.query["wait"] = 0 if mode is GenerationMode.POSITIVE else "soon"
        response = case.call(headers={"Authorization": f"Bearer {token}"})
        case.validate_response(response, checks=CHECKS)

    call()


def _known(services: Services, path: str) -> dict[str, Any]:
    """What names something that there is."""
    sessions = services.sessions
    if "{version}" in path:
        return {"version": 1}
    if "{id}" not in path:
        return {}
    if "/people/" in path:
        person = make_person(sessions, "Signed in", [Role.VIEWER])
        link = services.people.make_link(SYSTEM, person.id)
        known = {"id": person.id, "session_id": services.people.redeem_link(link, "192.0.2.1").id}
        return {name: value for name, value in known.items() if f"{{{name}}}" in path}
    if "/grants/" in path:
        return {"id": make_grant(sessions).id}
    if "/lessons/" in path:
        return {"id": make_lesson(sessions).id}
    if "/absences/" in path:
        return {"id": make_absence(sessions).id}
    if "/deliveries/" in path:
        return {"id": make_delivery(sessions, make_request(sessions)).id}
    if "/destinations/" in path:
        return {"id": make_destination(services).id}
    if "/files/" in path:
        if path.endswith("/content"):
            return {"id": save_run_file(services, make_run(sessions, state=RunState.RUNNING, attempt=1)).id}
        return {"id": services.files.begin(make_person(sessions).as_actor(Via.API), "orders.csv", 0).id}
    if "{comment_id}" in path:
        request, reviewer = make_request(sessions), make_person(sessions).as_actor(Via.API)
        comment = services.checkpoints.comment(request.id, reviewer, "Why?", place=CommentPlace(line=1))
        return {"id": request.id, "comment_id": comment.id}
    run = make_run(sessions)
    return {"id": run.id if "/runs/" in path or "/workflows/" in path else make_request(sessions, run).id}
