"""Every script in `examples/` runs against a real portal, and the first gate in the docs is one of them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import uuid
from typing import Any

import pytest

from app.lifeline import die_with_parent_hook
from tests.processes.harness import ROOT, environment

pytestmark = pytest.mark.processes

APPROVED = {
    "first_gate.py": ("Mail customers", "Sent to 1: Closed on Sunday."),
    "drive_a_graph.py": ("Delete old exports", "Running find exports -mtime +90 -delete"),
    "ask_and_wait.py": ("Purge old orders", "Running DELETE FROM orders WHERE year < 2020"),
}


def example(portal: Any, name: str) -> subprocess.Popen[str]:
    """A started example."""
    settings = environment(ASSENT_URL=portal.web.url, ASSENT_TOKEN=portal.token)
    return subprocess.Popen(
        [sys.executable, f"examples/{name}", str(uuid.uuid4())], env=settings, cwd=ROOT, text=True,
        stdout=subprocess.PIPE, preexec_fn=die_with_parent_hook(signal.SIGKILL),
    )  # fmt: skip


def test_every_example_is_run() -> None:
    # tests/processes/test_ag_ui.py, tests/langgraph_server, tests/composition/test_examples.py
    elsewhere = {"ag_ui_agent.py", "langgraph_server", "workflows"}
    found = {path.name for path in (ROOT / "examples").iterdir() if path.name != "__pycache__"}
    assert found == set(APPROVED) | elsewhere


@pytest.mark.parametrize("name", APPROVED)
def test_an_example_that_is_approved(name, portal):
    title, printed = APPROVED[name]
    process = example(portal, name)
    request = portal.asked(title)
    portal.decide(request["id"])
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and printed in said
    assert portal.request(request["id"])["receipt"]["status"] == "applied"


def test_an_example_that_is_rejected(portal):
    process = example(portal, "ask_and_wait.py")
    portal.decide(portal.asked("Purge old orders")["id"], "reject")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "Not approved: DBA on call: So be it." in said


def test_the_first_gate_in_the_docs_is_the_example() -> None:
    written = re.search(r"```python\n(.*?)```", (ROOT / "docs/sdk.md").read_text(), re.DOTALL)
    assert written is not None
    code = [splitline for splitline in written[1].splitlines() if splitline.strip()]
    lines = (ROOT / "examples/first_gate.py").read_text().splitlines()
    assert [line for line in lines if line in code] == code
