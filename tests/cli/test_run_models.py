"""`assent run show` says what a run has used of models."""

from __future__ import annotations

import json

from app.services.bundle import Services
from tests.cli.conftest import Told
from tests.factories import make_model_use, make_run


def test_what_a_run_has_used(told: Told, services: Services) -> None:
    run = make_run(services.sessions)
    assert "TOKENS" not in told("run", "show", run.id)
    make_model_use(services.sessions, run.id)
    make_model_use(services.sessions, run.id, model="other:x", cost=None, prices="")
    lines = told("run", "show", run.id).splitlines()
    assert any(line.split() == ["plan", "anthropic:test", "1", "1200", "$0.0250"] for line in lines)
    assert any(line.split() == ["plan", "other:x", "1", "1200", "not", "known"] for line in lines)
    shown = json.loads(told("run", "show", run.id, "--json"))
    assert (shown["models"]["total"]["cost"], shown["models"]["total"]["unpriced"]) == ("0.0250", 1)
