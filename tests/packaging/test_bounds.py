"""The SDK with the lowest versions that it allows, which is what users of frameworks with older ones have."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SAME = """
import pydantic
from datetime import date
from assent import Assent, Call, Outcome, Plan, PlanStep, Question, Script, ToolCall, ToolCalls, requires_approval
from assent.drafts import proposal_draft
from assent.function_gate import _Gate

def send(to: list[str], on: date, *, copies: int = 1) -> None: ...

proposals = (
    ToolCall(title="a", tool="b", args={"x": 1}), Script(title="s", language="sql", content="select 1"),
    ToolCalls(title="c", calls=[Call(id="1", tool="t")]), Question(title="q", question="?"),
    Plan(title="p", steps=[PlanStep(id="one", title="One", tool="t", effect="read")]),
    _Gate(send, "", "", "", "", "safe", "normal", None).proposal((["a"], "2026-01-01"), {})[0],
)
requires_approval(Assent("http://127.0.0.1:9", "assent_agent_x"))(send)
print(*(proposal_draft(proposal, "", "", None, "k").digest for proposal in proposals))
print(Outcome.model_json_schema()["required"])
print(pydantic.VERSION)
"""


def required_by(wheel: Path) -> list[str]:
    """What a wheel requires without extras."""
    with zipfile.ZipFile(wheel) as packed:
        [name] = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(packed.read(name))
    return [required for required in metadata.get_all("Requires-Dist", []) if ";" not in required]


def printed(python: Path | str, folder: Path) -> list[str]:
    """What the proposals come to with an interpreter's packages."""
    # Without the settings of the tests, but with those by which packages are found.
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ASSENT_", "PYTHON"))}
    command = [str(python), "-c", _SAME]
    ran = subprocess.run(command, cwd=folder, env=environ, check=True, stdout=subprocess.PIPE, text=True, timeout=120)
    return ran.stdout.splitlines()


@pytest.mark.soak
def test_the_lowest_versions_propose_the_same(sdk_wheel: Path, tmp_path: Path) -> None:
    """Both ends of the bounds: the lowest versions, and those that the tests are installed with."""
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "env")], check=True)
    python = tmp_path / "env" / "bin" / "python"
    install = ["pip", "install", "--quiet", "--python", str(python), "--resolution", "lowest-direct", str(sdk_wheel)]
    subprocess.run([*uv, *install, *required_by(sdk_wheel)], check=True)
    *lowest, version = printed(python, tmp_path)
    *newest, ours = printed(sys.executable, ROOT)
    assert lowest == newest and version.startswith("2.11.") and not ours.startswith("2.11.")
