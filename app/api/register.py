"""Registers the REST API with an application."""

from __future__ import annotations

from flask import Blueprint, Flask
from werkzeug.routing import BaseConverter

from app.api import (
    absences,
    approvals,
    deliveries,
    docs,
    earlier,
    files,
    grants,
    hooks,
    insights,
    lessons,
    metrics,
    model_usage,
    policies,
    prepared_reasons,
    record,
    routing,
    runs,
    samples,
    sessions,
)
from app.api.dispatch import limits_of, view_of
from app.api.registry import Endpoint
from assent.hooks.agents import AGENTS

V1 = "/api/v1"
EARLIER = "/api"
_TABLES = {
    V1: (
        runs.table, routing.table, files.table, approvals.table, hooks.table, absences.table, grants.table,
        lessons.table, policies.table, prepared_reasons.table, samples.table, insights.table, model_usage.table,
        record.table, deliveries.table, sessions.table,
    ),
    EARLIER: (earlier.table,),
}  # fmt: skip


class _Hex(BaseConverter):
    """Ids of 32 hexadecimal digits in paths."""

    regex = "[0-9a-f]{32}"


class _Agent(BaseConverter):
    """Names of coding agents in paths."""

    regex = "|".join(AGENTS)


def register(app: Flask) -> None:
    """Register all routes."""
    app.url_map.converters["hex"] = _Hex
    app.url_map.converters["agent"] = _Agent
    for prefix, tables in _TABLES.items():
        blueprint = Blueprint("api_v1" if prefix == V1 else "api_earlier", __name__, url_prefix=prefix)
        for table in tables:
            for endpoint in table.endpoints:
                blueprint.add_url_rule(endpoint.path, endpoint.name, view_of(endpoint), methods=[endpoint.method])
        blueprint.after_request(limits_of)
        app.register_blueprint(blueprint)
    docs.register(app, endpoints())
    metrics.register(app)


def endpoints() -> list[tuple[str, Endpoint]]:
    """Every endpoint with the prefix of its path."""
    return [
        (prefix, endpoint) for prefix, tables in _TABLES.items() for table in tables for endpoint in table.endpoints
    ]  # fmt: skip
