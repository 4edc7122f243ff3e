"""Registers the pages with an application."""

from __future__ import annotations

from flask import Flask, Response, request

from app.domain.errors import NotFoundError
from app.web import signin, webapp
from app.web.admin import (
    audit,
    deliveries,
    destinations,
    grants,
    insights,
    lessons,
    model_usage,
    operations,
    people,
    policies,
    risk_rules,
    samples,
)
from app.web.filters import register_filters
from app.web.forms.moments import field_zone
from app.web.me import (
    absences,
    agents,
    browsers,
    notifications,
    own_files,
    profile,
    reasons,
    slack,
    tokens,
)
from app.web.pages import frame, is_demo, render, web
from app.web.prose import markdown
from app.web.queue import acts as queue_acts
from app.web.queue import decided
from app.web.queue import page as queue
from app.web.requests import acts as request_acts
from app.web.requests import link
from app.web.requests import page as requests
from app.web.runs import erasure, files, needs, tools, workflow
from app.web.runs import page as runs
from app.web.slack import interactions

PAGES = (
    signin, webapp, queue, queue_acts, decided, requests, request_acts, link, runs, needs, files, erasure, tools,
    workflow,
    audit, people, profile, notifications, browsers, deliveries, absences, reasons, agents, grants, lessons,
    policies, risk_rules, samples, insights, model_usage, operations, tokens, own_files, interactions, slack,
    destinations,
)  # fmt: skip
"""Modules that add their views to the blueprint on import."""


@web.before_request
def _storable_ids() -> None:
    for value in (request.view_args or {}).values():
        if isinstance(value, str) and not value.isprintable():
            raise NotFoundError("There is nothing at this URL.")


@web.get("/frame")
def frame_fragment() -> Response:
    """The navigation, for open pages that refresh its counts."""
    return render("parts/nav.html")


def register(app: Flask) -> None:
    """Register the pages, their template filters, and the functions that templates call."""
    register_filters(app)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(frame=frame, is_demo=is_demo, markdown=markdown, field_zone=field_zone)
    app.register_blueprint(web)
