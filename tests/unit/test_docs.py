"""The documents are true: links lead somewhere, tables agree with the code, and examples run."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from app.api import reference
from app.api.metrics import METRICS
from app.bounded_work import PROCESSES
from app.domain import errors
from app.domain.events import EventKind
from app.domain.lifecycle import REQUEST_TRANSITIONS, RUN_TRANSITIONS
from app.domain.tokens import AGENT_SCOPES, Scope
from app.http.errors import STATUS, status_of
from app.live.hub import NAMES
from app.runtime.library import Library
from app.settings import Settings
from app.store.engine import make_engine
from app.web.admin.audit import PHRASES
from app.web.requests.calls import MADE
from app.worker.adapter import READERS
from app.worker.courier import AT_ONCE
from app.worker.main import UNFINISHED_EXIT
from app.worker.timekeeper import THREADS
from assent import Workflow
from assent.contracts import CallDecision
from assent.digests import digest_of
from assent.mcp.callers import Callers
from assent.mcp.server import build_server
from assent.mcp.tools import Tools

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()


def section(title: str, text: str = ARCHITECTURE) -> str:
    """What stands under a heading, up to the next one."""
    found = re.search(rf"(?ms)^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", text)
    assert found, f"there is no heading {title!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables' rows whose first cell is a word in code style."""
    lines = re.findall(r"(?m)^\| (`[^`|]+` \|.*) \|$", text)
    return [[cell.strip() for cell in line.split("|")] for line in lines]


def words(cell: str) -> set[str]:
    """The words in code style of a cell."""
    return set(re.findall(r"`([^`]+)`", cell))


def table(title: str) -> dict[str, str]:
    """First and second cell of each row under a heading."""
    found = {row[0].strip("`"): row[1] for row in rows(section(title))}
    assert found
    return found


# Links


def anchors(text: str) -> set[str]:
    """The names by which headings are linked to."""
    headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```", "", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"(?ms)^```.*?^```|``[^\n]*?``|`[^`\n]+`", "", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        place = (path.parent / name).resolve() if name else path
        assert place.exists() and place.is_relative_to(ROOT), f"{target} leads nowhere"
        if anchor:
            assert anchor in anchors(place.read_text()), f"there is no heading for {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_exist(path: Path) -> None:
    named = re.findall(r"`((?:app|assent|bin|docs|migrations|static|tests|workflows)/[\w./-]*)`", path.read_text())
    ours = [name for name in named if not {"notify_customers", "tidy_up", "NNNN_words.py"} & set(Path(name).parts)]
    assert [our for our in ours if not (ROOT / our).exists()] == []


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs" / "images").glob("*.png"))
    assert pictures and all(picture.stat().st_size < 350_000 for picture in pictures)


def test_every_decision_has_its_number_and_parts() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(record.name[:4]) for record in records]
    assert numbers == list(range(1, len(numbers) + 1))
    for number, path in zip(numbers, records, strict=True):
        headings = re.findall(r"(?m)^#+ (.+)$", path.read_text())
        assert headings[0].startswith(f"{number}. ")
        assert headings[1:] == ["Context", "Decision", "Consequences"], path.name


# Catalogues


def actions() -> set[str]:
    """Every action that the use cases write into the record."""
    # Kinds of events look alike; they are spelled out in their own module only.
    modules = [path for path in (ROOT / "app" / "services").rglob("*.py") if path.name != "events.py"]
    source = "".join(path.read_text() for path in modules)
    about = "access|file|key|request|run|person|policy|absence|delivery|destination|grant|lesson|reason|record|token"
    named = set(re.findall(rf'"((?:{about})\.[a-z_]+)"', source))
    # `_requeue` and `_steer` are told the act, `_end` the state, and `end_pending` the state in SQL.
    named |= {f"run.{act}" for act in re.findall(r'self\._(?:requeue|steer)\(actor, run_id, "(\w+)"', source)}
    named |= {f"run.{state.lower()}" for state in re.findall(r"self\._end\(.*?, RunState\.(\w+)", source)}
    ended = re.findall(r"end_pending\([^)]*?RequestState\.(\w+)", source)
    return named | {f"request.{state.lower()}" for state in ended}


def test_every_audit_action_is_documented() -> None:
    documented = table("Audit actions")
    assert set(documented) == actions()
    assert set(documented) <= set(PHRASES)


def test_every_event_kind_is_documented() -> None:
    documented = {kind: name.strip("`") for kind, name in table("Event kinds").items()}
    assert documented == {kind.value: NAMES[kind] for kind in EventKind}


def test_every_error_code_is_documented() -> None:
    documented = {code: int(status) for code, status in table("Error codes").items()}
    told = {
        var for var in vars(errors).values()
        if isinstance(var, type) and issubclass(var, errors.AssentError) and var is not errors.AssentError
    } | set(STATUS)  # fmt: skip
    assert {error.code: status_of(error("")) for error in told}.items() <= documented.items()
    source = (ROOT / "app" / "http" / "errors.py").read_text()
    direct = {(code, int(status)) for status, code in re.findall(r'ProblemDocument\((\d+), "(\w+)"', source)}
    assert direct and direct <= set(documented.items())


def test_every_socket_event_is_documented() -> None:
    listed = rows(section("Socket.IO events"))
    taken = {row[0].strip("`") for row in listed if row[1] == "client"}
    told = {row[0].strip("`") for row in listed if row[1] == "server"}
    source = "".join(path.read_text() for path in (ROOT / "app" / "live").glob("*.py"))
    [registered] = re.findall(r"for name in \(([^)]+)\)", source)
    assert taken == set(re.findall(r'"(\w+)"', registered))
    assert told == set(re.findall(r'emit\(\s*"(\w+)"', source)) | set(NAMES.values())


@pytest.mark.parametrize(
    ("title", "transitions"), [("The life of a request", REQUEST_TRANSITIONS), ("The life of a run", RUN_TRANSITIONS)]
)
def test_every_transition_is_documented(title: str, transitions: dict[Any, frozenset[Any]]) -> None:
    documented = {state: words(cell) for state, cell in table(title).items()}
    for old, new in transitions.items():
        assert documented.get(old.value, set()) == {state.value for state in new}, old


def test_the_exit_code_of_a_lost_lease_is_documented() -> None:
    assert f"exit code {UNFINISHED_EXIT}" in section("The life of a run")


# Examples


def program(document: str) -> str:
    """The Python blocks of a document, one after the other."""
    blocks = re.findall(r"(?ms)^```python\n(.*?)^```", (ROOT / document).read_text())
    assert blocks
    return "\n\n".join(blocks)


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Imports a document's program as a module; the name is free again afterwards."""
    loaded: list[str] = []

    def as_module(document: str) -> ModuleType:
        name = f"example_{len(loaded)}_{Path(document).stem.replace('-', '_').lower()}"
        path = tmp_path / f"{name}.py"
        path.write_text(program(document))
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        loaded.append(name)
        spec.loader.exec_module(module)
        return module

    yield as_module
    for name in loaded:
        del sys.modules[name]


Load = Callable[[str], ModuleType]


def described(workflow: Workflow) -> dict[str, Any]:
    """The workflow as a worker would enter it into the catalogue."""
    [entry] = Library([workflow], InMemorySaver()).describe()
    return entry


def test_the_page_about_workflows_runs(load: Load) -> None:
    module = load("docs/writing-workflows.md")
    tests = [item for name, item in vars(module).items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()
    entry = described(module.WORKFLOW)
    titles = {node["title"] for node in entry["nodes"]}
    assert titles == {"Find old rows", "Ask for approval", "Consider the comment", "Archive"}
    assert [node["id"] for node in entry["nodes"] if node["skippable"]] == ["archive"]


def test_the_page_about_tools_runs(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    module = load("docs/tools.md")
    assert "drop_table may change something" in capsys.readouterr().out
    assert [tool.name for tool in module.langchain_tools] == ["count_rows", "drop_table"]


@pytest.mark.parametrize("approved", [True, False])
def test_the_gate_of_the_first_page_runs(load: Load, approved: bool) -> None:
    workflow = load("README.md").WORKFLOW
    assert [node["title"] for node in described(workflow)["nodes"]] == ["Ask for approval", "Send"]
    graph, config = workflow.build().compile(checkpointer=InMemorySaver()), {"configurable": {"thread_id": "1"}}
    given = {"to": ["a@example.com"], "text": "Closed on Sunday."}
    [asked] = graph.invoke(workflow.state_for(given), config)["__interrupt__"]
    proposal = asked.value["proposal"]
    outcome = {
        "request_id": "test", "verdict": "approve" if approved else "reject", "payload": proposal,
        "digest": digest_of(proposal), "proposed_digest": digest_of(proposal), "decided_at": "2026-01-01T00:00:00Z",
        "next_action": "continue" if approved else "abort",
    }  # fmt: skip
    parts = list(graph.stream(Command(resume={asked.id: outcome}), config, stream_mode="custom"))
    sent = [part["assent_artifact"]["content"] for part in parts]
    assert sent == (["To a@example.com: Closed on Sunday."] if approved else [])


def test_the_demo_prints_what_the_first_page_says() -> None:
    text = (ROOT / "README.md").read_text()
    names = ("cli/demo.py", "demo/cast.py", "cli/serve.py", "cli/people.py")
    source = "".join((ROOT / "app" / name).read_text() for name in names)
    for said in ("Sign in (each link works once, within", "started the run, may not approve it", "Ctrl-C stops"):
        assert said in text and said in source


def test_every_scope_is_documented() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    documented = {row[0].strip("`"): (row[1], row[2] == "yes") for row in rows(section("Scopes", text))}
    assert documented == {scope.value: (scope.words, scope in AGENT_SCOPES) for scope in Scope}


def test_every_call_of_the_api_is_documented() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    documented = [line for line in section("All calls", text).splitlines() if line.startswith("| `")]
    assert documented == reference.rows(), "bin/api-reference prints the table as it should be"


def test_every_mcp_tool_is_documented() -> None:
    offered = asyncio.run(build_server(Tools(Callers("http://127.0.0.1"))).list_tools())
    documented = table_in("Tools", (ROOT / "docs" / "mcp.md").read_text())
    assert list(documented) == [method.name for method in offered]


def test_every_metric_is_documented() -> None:
    documented = table_in("Metrics", (ROOT / "docs" / "api.md").read_text())
    assert documented == {name: words for name, words, _ in METRICS.values()}


def table_in(title: str, text: str) -> dict[str, str]:
    """First and second cell of each row under a heading of a document."""
    return {row[0].strip("`"): row[1] for row in rows(section(title, text))}


def test_the_tutorial_has_the_example_that_is_run() -> None:
    assert (ROOT / "examples" / "first_gate.py").read_text() in (ROOT / "docs" / "tutorial.md").read_text()


def test_the_first_workflow_names_the_choice_that_the_page_has() -> None:
    text = (ROOT / "docs" / "first-workflow-without-python.md").read_text()
    assert f"choose *{MADE[CallDecision.REJECT]}* at *february.log*" in text


def test_the_reference_of_the_sdk_is_that_of_the_code() -> None:
    command = [sys.executable, "bin/sdk-reference"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    made = "`bin/sdk-reference` prints the page as it should be"
    assert (ROOT / "docs" / "sdk-reference.md").read_text() == printed.stdout, made


def test_the_catalog_of_risk_rules_is_that_of_the_code() -> None:
    command = [sys.executable, "-m", "app.risk.reference"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    made = "`bin/risk-rules` prints the document as it should be"
    assert (ROOT / "docs" / "risk-rules.md").read_text() == printed.stdout, made


def test_the_rules_by_value_are_those_of_policies_yaml() -> None:
    text = section("Risk by value", (ROOT / "docs" / "policies.md").read_text())
    [example] = re.findall(r"(?s)```yaml\n(.*?)```", text)
    loaded = yaml.safe_load((ROOT / "policies.yaml").read_text())["rules"]
    shown = yaml.safe_load(example)["rules"]
    assert shown and all(rule in loaded for rule in shown)


def test_the_connections_of_processes_are_those_of_their_pools() -> None:
    text = section("Connections", (ROOT / "docs" / "operating.md").read_text())
    engine = make_engine("postgresql://")
    of_an_engine = 2 * engine.pool.size()  # type: ignore[attr-defined]
    web = of_an_engine + 1  # and the listener
    assert f"| web | {web}, and {of_an_engine} in each of two helper processes" in text and PROCESSES == 2
    assert f": {web + PROCESSES * of_an_engine} |" in text
    # Leases, announcements, and the timekeeper's announcements; services, readers, deadlines, and deliveries.
    fixed = 3 + 2 * (2 + READERS + THREADS + 1 + AT_ONCE + 1)
    usual = fixed + Settings().worker_concurrency * 3 // 2
    assert f"| worker | {fixed} + `ASSENT_WORKER_CONCURRENCY` × 1.5: {usual} by default |" in text
