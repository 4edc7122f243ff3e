"""`assent workflow check`, over the bundled workflow and over bad ones, one for each finding."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.processes import prepared
from tests.processes.harness import ROOT, environment

HEAD = """\
import operator
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypedDict
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, RootModel
from assent import Question, Script, Workflow, idempotent, publish_artifact, request_approval
"""
PARTS = {
    "input": "class Input(BaseModel):\n    to: str = 'a'\n",
    "state": "class State(TypedDict, total=False):\n    input: dict[str, Any]\n",
    "more": "",
    "ask": "def ask(state):\n    return {'answer': interrupt('Go on?')}\n",
    "build": (
        "def build():\n    graph = StateGraph(State)\n    graph.add_node('ask', ask)\n"
        "    return graph.add_edge(START, 'ask').add_edge('ask', END)\n"
    ),
    "workflow": "WORKFLOW = Workflow('tidy_up', '1', 'Tidy up', '', Input, build)\n",
}


def run(path: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The command, started in a folder."""
    return prepared.run(["workflow", "check", path, *more], environment(), 60.0, folder)


def checked(folder: Path, **parts: str) -> list[dict[str, Any]]:
    """The findings about a workflow of these parts, each with the text of the line that it names."""
    package = folder / "tidy"
    package.mkdir()
    (package / "__init__.py").write_text(HEAD + "".join((PARTS | parts).values()))
    done = run("tidy", folder, "--json")
    assert done.returncode in (0, 1), done.stderr
    findings = list(json.loads(done.stdout)["findings"])
    assert any(not finding["note"] for finding in findings) == bool(done.returncode)
    lines = (package / "__init__.py").read_text().splitlines()
    for finding in findings:
        assert finding["file"] == "tidy/__init__.py"
        finding["text"] = lines[finding["line"] - 1].strip()
    return findings


BUNDLED = [
    "workflows/database_maintenance", "workflows.database_maintenance:WORKFLOW", "workflows/coordinator",
    "workflows/package_deployment", "workflows/asset_discovery",
]  # fmt: skip


@pytest.mark.parametrize("path", BUNDLED)
def test_the_bundled_workflow_is_clean(path: str) -> None:
    done = run(path, ROOT)
    assert (done.returncode, done.stdout) == (0, f"{path} is valid.\n"), done.stdout + done.stderr


def test_a_file_and_a_module_are_found_as_well(tmp_path: Path) -> None:
    (tmp_path / "tidy.py").write_text(HEAD + "".join(PARTS.values()))
    for path in ("tidy.py", str(tmp_path / "tidy.py"), "tidy:WORKFLOW", "tidy"):
        assert run(path, tmp_path).returncode == 0, path
    done = run("tidy:OTHER", tmp_path)
    assert (done.returncode, done.stdout) == (1, "tidy.py:1: OTHER is missing; it must be an assent.Workflow.\n")


@pytest.mark.parametrize("path", ["nowhere", "nowhere/tidy.py", ".", "no such:thing"])
def test_what_is_no_place_of_a_workflow_is_a_usage_error(tmp_path: Path, path: str) -> None:
    done = run(path, tmp_path)
    assert done.returncode == 2 and path in done.stderr and not done.stdout


def test_a_sound_workflow_has_no_findings(tmp_path: Path) -> None:
    assert checked(tmp_path) == []


# Loading


@pytest.mark.parametrize(
    ("more", "text", "words"),
    [
        ("import nothing_of_that_name\n", "import nothing_of_that_name", "ModuleNotFoundError: No module named"),
        ("LIMITS = {}['x']\n", "LIMITS = {}['x']", "KeyError: 'x'"),
        ("def broken(:\n", "def broken(:", "It cannot be imported: invalid syntax"),
        ("raise SystemExit(3)\n", "raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_what_cannot_be_imported_is_told_with_its_line(tmp_path: Path, more: str, text: str, words: str) -> None:
    [found] = checked(tmp_path, more=more)
    assert (found["code"], found["text"]) == ("import", text) and words in found["message"]


def test_an_export_of_another_type_is_told(tmp_path: Path) -> None:
    [found] = checked(tmp_path, workflow="WORKFLOW = {'name': 'tidy_up'}\n")
    assert found["code"] == "workflow" and found["text"].startswith("WORKFLOW =") and "is a dict" in found["message"]


# What it says about itself


@pytest.mark.parametrize("name", ["", "Tidy up", "9lives", "tidy-up"])
def test_a_name_that_cannot_be_used(tmp_path: Path, name: str) -> None:
    [found] = checked(tmp_path, workflow=PARTS["workflow"].replace("tidy_up", name))
    assert found["code"] == "name" and found["text"].startswith("WORKFLOW =")


def test_a_name_that_another_workflow_has(tmp_path: Path) -> None:
    [found] = checked(tmp_path, workflow=PARTS["workflow"].replace("tidy_up", "database_maintenance"))
    assert found["code"] == "name" and "database_maintenance/graph.py" in found["message"]


def test_a_version_and_a_title_are_needed(tmp_path: Path) -> None:
    found = checked(tmp_path, workflow="WORKFLOW = Workflow('tidy_up', '', ' ', '', Input, build)\n")
    assert [finding["code"] for finding in found] == ["title", "version"]


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        ("class Input(BaseModel):\n    hook: Callable[[int], int]\n", "class Input(BaseModel):", "has no JSON Schema"),
        ("class Input(RootModel[list[str]]):\n    pass\n", "class Input(RootModel[list[str]]):", "has no start form"),
        ("class Input(BaseModel):\n    to: None\n", "class Input(BaseModel):", "no value can be entered"),
        ("Input = dict\n", "WORKFLOW", "not a pydantic model"),
    ],
)
def test_an_input_that_no_form_can_ask_for(tmp_path: Path, code: str, text: str, words: str) -> None:
    [found] = checked(tmp_path, input=code)
    assert found["code"] == "input" and found["text"].startswith(text) and words in found["message"]


def test_an_example_that_does_not_fit(tmp_path: Path) -> None:
    made = "WORKFLOW = Workflow('tidy_up', '1', 'Tidy', '', Input, build, examples=({}, {'to': 7}))\n"
    [found] = checked(tmp_path, workflow=made)
    assert found["code"] == "example" and "Example 2 does not fit Input: to:" in found["message"]


def test_a_first_state_that_cannot_be_stored_or_made(tmp_path: Path) -> None:
    made = "WORKFLOW = Workflow('tidy_up', '1', 'Tidy', '', Input, build, {}, examples=({{}},))\n"
    [found] = checked(tmp_path, workflow=made.format("lambda given: {'input': {}, 'lock': threading.Lock()}"))
    assert found["code"] == "state" and "'lock'" in found["message"] and "_thread.lock" in found["message"]
    (tmp_path / "other").mkdir()
    [found] = checked(tmp_path / "other", workflow=made.format("lambda given: {}['x']"))
    assert found["code"] == "example" and "KeyError" in found["message"]


# The graph


@pytest.mark.parametrize(
    ("build", "text", "words"),
    [
        ("def build():\n    return {}['graph']\n", "return {}['graph']", "KeyError"),
        ("def build():\n    return 7\n", "def build():", "neither a StateGraph"),
        (PARTS["build"].replace("add_edge('ask', END)", "add_edge('ask', 'nowhere')"), "import operator", "nowhere"),
    ],
)
def test_a_graph_that_cannot_be_built(tmp_path: Path, build: str, text: str, words: str) -> None:
    [found] = checked(tmp_path, build=build)
    assert (found["code"], found["text"]) == ("graph", text) and words in found["message"]


@pytest.mark.parametrize(
    "hint",
    [
        "threading.Lock", "Callable[[int], int]", "Annotated[list[Callable[[], int]], operator.add]", "Any | object",
        "__import__('sqlite3').Connection", "__import__('io').TextIOWrapper", "__import__('typing').IO[str]",
        "dict[str, Mine]", "Inner", "complex", "__import__('typing').Iterator[int]", "type[int]", "ValueError",
    ],
)  # fmt: skip
def test_a_state_that_cannot_be_stored(tmp_path: Path, hint: str) -> None:
    more = "class Mine:\n    pass\n\nclass Inner(TypedDict):\n    inner: list[Mine]\n"
    state = f"{PARTS['state']}    wrong: {hint}\n"
    [found] = checked(tmp_path, input=PARTS["input"] + more, state=state)
    assert found["code"] == "state" and found["text"].startswith("wrong:") and "'wrong' of State" in found["message"]


def test_a_state_that_can_be_stored(tmp_path: Path) -> None:
    hints = [
        "int | None", "list[dict[str, float]]", "Annotated[list[str], operator.add]", "set[int]", "datetime", "Path",
        "Input", "Point", "tuple[int, ...]", "__import__('typing').Literal['a', 'b']", "Any", "list", "bytes",
        "__import__('collections.abc').abc.Sequence[str]", "__import__('uuid').UUID", "Colour",
        "list[__import__('langchain_core.messages').messages.AnyMessage]",
    ]  # fmt: skip
    more = (
        "from dataclasses import dataclass\nfrom enum import Enum\n@dataclass\nclass Point:\n    x: int\n"
        "class Colour(Enum):\n    RED = 1\n"
    )
    state = PARTS["state"] + "".join(f"    f{number}: {hint}\n" for number, hint in enumerate(hints))
    assert checked(tmp_path, input=PARTS["input"] + more, state=state) == []


def test_a_default_that_cannot_be_stored(tmp_path: Path) -> None:
    state = "class State(BaseModel):\n    input: dict[str, Any] = {}\n    wrong: Any = threading.Lock()\n"
    [found] = checked(tmp_path, state=state)
    assert found["text"].startswith("wrong:") and "The default of 'wrong'" in found["message"]


# Before a gate

HELPERS = """\
def log(name):
    Path('log').write_text(name)
def note(name):
    return log(name)
def read(name):
    return Path(name).read_text()
@idempotent
def ensure(name):
    Path(name).touch()
def question():
    return interrupt('Which?')
"""
TWICE = [
    "Path('x').write_text('y')", "open('x', 'w')", "open('x', mode='ab')", "os.remove('x')",
    "db.execute('delete from t')", "db.execute(sql)", "db.commit()", "client.post('/x')", "send_mail('x')", "note('x')",
]  # fmt: skip
FINE = [
    "Path('x').read_text()", "open('x')", "open('x', 'rb')", "db.execute('select 1')", "read('x')", "ensure('x')",
    "state.get('x')", "publish_artifact('x', 'y')", "sorted([1])",
    "db.commit()  # assent: idempotent", "None\n    # assent: idempotent\n    db.commit()",
]  # fmt: skip


def asking(*lines: str) -> str:
    """A node of these lines."""
    names = "import os, time, uuid\nfrom uuid import uuid4\ndb = client = sql = send_mail = None\n"
    return names + "def ask(state):\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize("call", TWICE)
@pytest.mark.parametrize("gate", ["request_approval(state['proposal'])", "interrupt('Go on?')", "question()"])
def test_an_effect_before_a_gate_is_told_with_its_line(tmp_path: Path, call: str, gate: str) -> None:
    [found] = checked(tmp_path, more=HELPERS, ask=asking(call, f"answer = {gate}", "return {'approved': answer}"))
    name = gate.partition("(")[0]
    assert (found["code"], found["text"]) == ("twice", call)
    assert f"before {name}() happens again when node 'ask' runs again" in found["message"]


@pytest.mark.parametrize("call", FINE)
def test_what_may_stand_before_a_gate(tmp_path: Path, call: str) -> None:
    assert checked(tmp_path, more=HELPERS, ask=asking(call, "return {'answer': interrupt('Go on?')}")) == []


@pytest.mark.parametrize("call", ["datetime.now()", "uuid.uuid4()", "time.time()", "uuid4()"])
def test_what_makes_another_proposal_each_time_is_told(tmp_path: Path, call: str) -> None:
    node = asking(f"at = {call}", "return {'answer': interrupt(f'Go on at {at}?')}")
    [found] = checked(tmp_path, ask=node)
    assert (found["code"], found["text"]) == ("changing", f"at = {call}")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("answer = interrupt('Go on?')", "db.commit()", "return {}"), False),
        (("if state.get('done'):", "    db.commit()", "    return {}", "return {'a': interrupt('?')}"), False),
        (("if state.get('done'):", "    db.commit()", "else:", "    interrupt('?')", "return {}"), False),
        (("if state.get('done'):", "    db.commit()", "return {'a': interrupt('?')}"), True),
        (("for each in [1, 2]:", "    interrupt('?')", "    db.commit()", "return {}"), True),
        (("try:", "    db.commit()", "except ValueError:", "    pass", "return {'a': interrupt('?')}"), True),
        (("with db.begin() as it:", "    it.commit()", "    interrupt('?')", "return {}"), True),
        (("interrupt('one')", "db.commit()", "interrupt('two')", "return {}"), True),
        (("return {'a': interrupt(db.commit())}",), True),
        (("later = lambda: db.commit()", "return {'a': interrupt('?')}"), False),
    ],
)
def test_only_what_may_come_before_the_gate_counts(tmp_path: Path, lines: tuple[str, ...], told: bool) -> None:
    assert [finding["code"] for finding in checked(tmp_path, ask=asking(*lines))] == (["twice"] if told else [])


def test_a_node_may_be_marked_as_a_whole(tmp_path: Path) -> None:
    node = asking("db.commit()", "return {'a': interrupt('?')}").replace("def ask", "@idempotent\ndef ask")
    assert checked(tmp_path, ask=node) == []


def test_a_node_of_a_graph_inside_is_looked_at(tmp_path: Path) -> None:
    build = PARTS["build"].replace("def build", "def inner") + (
        "def build():\n    graph = StateGraph(State)\n    graph.add_node('child', inner().compile())\n"
        "    return graph.add_edge(START, 'child').add_edge('child', END)\n"
    )
    [found] = checked(tmp_path, ask=asking("db.commit()", "return {'a': interrupt('?')}"), build=build)
    assert "node 'child/ask'" in found["message"]


def test_a_note_is_no_finding_that_fails(tmp_path: Path) -> None:
    build = PARTS["build"].replace("'ask', END)", "'ask', END).compile(interrupt_before=['ask'])")
    (tmp_path / "tidy.py").write_text(HEAD + "".join((PARTS | {"build": build}).values()))
    done = run("tidy.py", tmp_path)
    assert done.returncode == 0 and done.stdout.endswith("tidy.py is valid.\n")
    assert ": note: interrupt_before of 'ask': each time a run reaches it" in done.stdout


def test_findings_are_lines_for_people(tmp_path: Path) -> None:
    node = asking("db.commit()", "return {'a': interrupt('?')}")
    (tmp_path / "tidy.py").write_text(HEAD + "".join((PARTS | {"ask": node}).values()))
    done = run("tidy.py", tmp_path)
    lines = (tmp_path / "tidy.py").read_text().splitlines()
    line = lines.index("    db.commit()") + 1
    assert done.returncode == 1
    assert done.stdout.startswith(f"tidy.py:{line}: db.commit() before interrupt() happens again")


# Workflows in YAML


TOOLS = """\
from pydantic import BaseModel
from assent.toolbox import tool

class Name(BaseModel):
    name: str

@tool(effect="read")
def look(inputs: Name) -> Name:
    "Look."
    return inputs

@tool(effect="write")
def change(inputs: Name) -> Name:
    "Change something."
    return inputs
"""
WRITTEN = """\
name: tidy_up
version: "1"
title: Tidy up
steps:
  - id: look
    tool: look
    agent: Inspector
    inputs: {name: a}
  - id: change
    tool: change
    inputs: {name: "${look.name}"}
"""


def written(folder: Path, text: str = WRITTEN) -> Path:
    """A folder with a workflow file and its tools."""
    (folder / "tidy").mkdir()
    (folder / "tidy" / "tools.py").write_text(TOOLS)
    file = folder / "tidy" / "workflow.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("path", ["tidy", "tidy/workflow.yaml"])
def test_a_workflow_file_is_valid(tmp_path: Path, path: str) -> None:
    written(tmp_path)
    done = run(path, tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{path} is valid.\n"), done.stdout + done.stderr


def test_mistakes_of_a_workflow_file_have_line_column_and_field(tmp_path: Path) -> None:
    written(tmp_path, WRITTEN.replace("look.name", "look.nam"))
    message = "${look.nam} does not exist. There is no field 'nam' in it. Did you mean name?"
    done = run("tidy", tmp_path)
    assert (done.returncode, done.stdout) == (1, f"tidy/workflow.yaml:11:14: steps[1].inputs.name: {message}\n")
    [finding] = json.loads(run("tidy", tmp_path, "--json").stdout)["findings"]
    assert finding == {
        "file": "tidy/workflow.yaml", "line": 11, "column": 14, "code": "yaml", "note": False,
        "message": f"steps[1].inputs.name: {message}",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("name: tidy_up", "name: database_maintenance", "name", "is also that of the workflow in"),
        ("steps:", "input: {required: [a], properties: {a: {type: 'null'}}}\nsteps:", "input", "start form"),
        ('    inputs: {name: "${', '    agent: inspector\n    inputs: {name: "${', "agent", "the same id, inspector"),
    ],
)  # fmt: skip
def test_what_holds_for_all_workflows_holds_for_those_in_yaml(
    tmp_path: Path, old: str, new: str, code: str, said: str
) -> None:
    written(tmp_path, WRITTEN.replace(old, new))
    found = json.loads(run("tidy", tmp_path, "--json").stdout)["findings"]
    assert [finding["code"] for finding in found] and all(finding["code"] == code for finding in found)
    assert said in found[0]["message"]


@pytest.mark.parametrize(
    ("part", "code", "said"),
    [
        ({"workflow": PARTS["workflow"].replace("tidy_up", "Tidy-UpNow")}, "name", "Suggested: tidy_up_now."),
        ({"workflow": PARTS["workflow"].replace("tidy_up", "tidy__up")}, "name", "Suggested: tidy_up."),
        (
            {"build": PARTS["build"].replace("'ask', ask)", "'ask', ask, metadata={'agent': 'dba_agent'})")},
            "agent", "Suggested: Dba agent, with the id dba-agent.",
        ),
        (
            {"build": PARTS["build"].replace("'ask', ask)", "'ask', ask, metadata={'tool': 'runSQL'})")},
            "tool", "Suggested: run_sql.",
        ),
    ],
)  # fmt: skip
def test_names_that_break_the_rules_get_a_suggestion(
    tmp_path: Path, part: dict[str, str], code: str, said: str
) -> None:
    [finding] = checked(tmp_path, **part)
    assert finding["code"] == code and said in finding["message"]


def drawn(path: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command that draws, started in a folder."""
    return prepared.run(["workflow", "draw", path], environment(), 60.0, folder)


def test_a_graph_is_drawn_with_the_titles_of_its_nodes(tmp_path: Path) -> None:
    written(tmp_path)
    done = drawn("tidy", tmp_path)
    assert done.returncode == 0 and "graph TD;" in done.stdout
    assert "look(Look<hr/><small><em>agent = Inspector\ntool = look</em></small>)" in done.stdout
    assert "(Propose – Change<hr/>" in done.stdout and "look --> change\\2epropose;" in done.stdout
    python = drawn("workflows/database_maintenance", ROOT)
    assert python.returncode == 0 and "Find slow queries" in python.stdout


def test_what_cannot_be_drawn_says_why(tmp_path: Path) -> None:
    written(tmp_path, "name: tidy_up\n")
    done = drawn("tidy", tmp_path)
    assert done.returncode == 1 and "The field 'version' of a workflow is missing." in done.stderr
    assert drawn("nowhere", tmp_path).returncode == 2
