"""The pages about the API, which are drawn from its description, and the description itself."""

from __future__ import annotations

from collections.abc import Callable

import jsonschema
import pytest
from flask import Flask
from jsonschema import Draft202012Validator

from app.api import openapi
from app.api.docs import operations
from app.api.register import endpoints
from tests.factories import Caller
from tests.web.browsing import Browser

WHOLE = openapi.document(endpoints())


def test_the_description_is_for_everybody(app: Flask) -> None:
    answer = Caller(app, None).get("/api/v1/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.json == WHOLE
    again = Caller(app, None).get("/api/v1/openapi.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_every_schema_in_it_is_one() -> None:
    for name, schema in WHOLE["components"]["schemas"].items():
        try:
            Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            pytest.fail(f"{name}: {error.message}")


def test_every_operation_has_a_name_of_its_own_and_says_what_a_token_needs() -> None:
    listed = list(operations(WHOLE))
    assert len({endpoint.name for endpoint in listed}) == len(listed) == len(endpoints())
    assert all(endpoint.scopes and endpoint.summary.endswith(".") for endpoint in listed)
    assert {endpoint.tag for endpoint in listed} == {tag["name"] for tag in WHOLE["tags"]}


def test_the_overview_leads_to_a_page_for_each_operation(browse: Callable[[str], Browser]) -> None:
    viewer = browse("viewer")
    page = viewer.get("/api/docs")
    links = {link.attributes.get("href", "") for link in page.all("a")}
    for operation in operations(WHOLE):
        assert f"/api/docs/{operation.name}" in links
        assert f"{operation.method} {operation.path}" in viewer.get(f"/api/docs/{operation.name}").text
    assert len(viewer.caller.get("/api/docs").data) < 40_000
    viewer.get("/api/docs/nothing", status=404)


def test_a_page_says_what_the_fields_are(browse: Callable[[str], Browser]) -> None:
    text = browse("viewer").get("/api/docs/open_approval").text
    for words in ("Idempotency-Key", "approvals:request", "ApprovalIn", "response_schema", "Question", "risk_floor"):
        assert words in text


def test_somebody_who_is_not_signed_in_is_sent_to_sign_in(app: Flask) -> None:
    answer = Caller(app, None).get("/api/docs")
    assert answer.status_code == 303 and "/sign-in" in answer.headers["Location"]
