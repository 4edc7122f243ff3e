"""Proposals other than SQL, hidden characters, and what holds for all: nothing raises, the floor is honoured."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.policy.document import PolicyDocument
from app.domain.policy.rules import CompiledPolicy
from app.risk.assess import assess_proposal
from app.risk.rules import RULES
from app.services.requests.assessment import assess_under
from assent.contracts import Custom, Optimizations, Question, RiskLevel, Script, ToolCall
from tests.thorough import examples


def rules_of(document):
    return {finding.rule for finding in assess_proposal(document).findings}


def script(content, language="bash", **fields):
    return {"kind": "script", "language": language, "content": content, **fields}


def call(tool, **args):
    return {"kind": "tool_call", "tool": tool, "args": args}


def plan(**fields):
    step = {"id": "a", "title": "A", "tool": "get_a@1.0", "effect": "read", "gated": False, "inputs": {"a": "${b.c}"}}
    return {"kind": "plan", "title": "x", "steps": [step | fields]}


CASES = {
    "text.bidi": (script("a = 1 # \u202e }"), script("a = 1 # שלום עולם")),
    "text.invisible": (script("pass\u200bword = 1"), script("smile 👩\u200d💻 ❤\ufe0f and می\u200cخواهم")),
    "text.control": (script("echo\x1b[2K"), script("echo\r\n\ta")),
    "text.mixed_script": (script("p\u0430yments"), script("Zahlung и оплата 5µs")),
    "tool.destructive": (call("delete_customer"), call("list_deletions")),
    "tool.executes": (call("runShell"), call("get-runs")),
    "tool.pays": (call("make_payment"), call("list_payments")),
    "tool.grants": (call("grant-role"), call("list_roles")),
    "tool.sends": (call("sendMail"), call("get_sender")),
    "tool.writes": (call("update_ticket"), call("get_updates")),
    "tool.reads": (call("search_docs"), call("research")),
    "tool.unknown": (call("frobnicate"), call("get_frob")),
    "tool.args.command": (call("frob", cmd="ls"), call("frob", comment="ls")),
    "tool.args.too_many": (call("frob", a=["x"] * 2_001), call("frob", a="x")),
    "tool.args.sql": (call("frob", query="SELECT 1"), call("frob", query="shoes under 50")),
    "tool.args.broad": (call("frob", path="*"), call("frob", path="a.txt", force=False)),
    "tool.args.address": (
        call("frob", url="http://169.254.169.254/latest"),
        call("frob", url="https://example.com/10."),
    ),
    "script.no_analyser": (script("puts 1", "ruby"), script("SELECT 1", "sql")),
    "custom.unknown": ({"kind": "custom", "data": 1}, {"kind": "question", "question": "Now?"}),
    "proposal.malformed": ({"kind": "script", "content": 5}, script("ls")),
    "plan.destroys": (plan(effect="destroy", gated=True), plan(effect="write", gated=True)),
    "plan.writes": (plan(effect="write"), plan()),
    "plan.ungated": (plan(effect="write"), plan(effect="write", gated=True)),
    "plan.workflow": (plan(tool="", workflow="tidy"), plan()),
    "plan.effect_unknown": (plan(effect="perhaps"), plan()),
    "plan.open": (plan(effect="write"), plan(effect="write", inputs={"a": "$${b.c}"})),
    "proposal.floor_unknown": (script("ls", risk_floor="huge"), script("ls", risk_floor="low")),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_is_triggered_and_spares_the_near_miss(rule):
    document, near_miss = CASES[rule]
    assert rule in rules_of(document)
    assert rule not in rules_of(near_miss)


def test_every_rule_has_its_cases():
    known = {rule for rule, facts in RULES.items() if facts.example or rule.startswith(("sql.", "code."))}
    known.add("tool.registered")  # needs a policy: tests/risk/test_tools.py
    known.add("proposal.safeguard_left_out")  # needs a proposal before a change: tests/services/test_leaving_out.py
    assert set(RULES) - known <= set(CASES) <= set(RULES)


@pytest.mark.parametrize(
    ("document", "level"),
    [
        (call("get_weather", city="Bern"), "low"),
        (call("frobnicate"), "medium"),
        (call("send_email", to="a@example.com"), "medium"),
        (call("get_and_delete"), "high"),
        (call("query_database", sql="SELECT 1"), "safe"),
        (call("query_database", sql="DROP TABLE users"), "critical"),
        (call("query_database", input={"queries": ["SELECT 1", "DELETE FROM users"]}), "critical"),
        (script("print(1)", "python"), "safe"),
        (script("puts 1", "ruby"), "high"),
        (script("SELECT 1", "SQL"), "safe"),
        (script("DROP INDEX i", "postgresql"), "high"),
        (plan(), "low"),
        (plan(gated=True, effect="write"), "medium"),
        (plan(gated=True, effect="destroy"), "high"),
        (plan(gated=False, effect="write"), "high"),
        (plan(tool="query_database@1.0", inputs={"sql": "DROP TABLE users"}), "critical"),
        (plan(tool="query_database@1.0", inputs={"sql": "${a.sql}"}), "high"),
        (plan(tool="query_database@1.0", inputs={"sql": "${a.sql}"}, effect="write", gated=True), "medium"),
        (plan(tool="query_database@1.0", inputs={"sql": "DROP TABLE users -- ${a.b}"}, gated=True), "critical"),
        (plan(tool="query_database@1.0", inputs={"sql": "DROP TABLE users -- ${a.[}"}, gated=True), "critical"),
        (plan(title="Which \u202eregion?"), "high"),
        (plan(effect=["read"]), "high"),
        (plan(tool=5, inputs=[]), "medium"),
        ({"kind": "plan", "steps": [5]}, "high"),
        ({"kind": "plan", "steps": []}, "high"),
        ({"kind": "question", "question": "Which region?"}, "safe"),
        ({"kind": "question", "question": "Which \u202eregion?"}, "high"),
        ({"kind": "custom", "data": {}}, "medium"),
        ({"anything": 1}, "medium"),
        ("a text", "medium"),
        (None, "medium"),
        ([], "medium"),
    ],
)
def test_the_level_of(document, level):
    assert assess_proposal(document).level.value == level


@pytest.mark.parametrize("stated", ["huge", "", 3, True, [], {}, [["low"]]], ids=str)
def test_a_floor_that_is_no_level_counts_as_high_under_a_policy_too(stated):
    document = {"kind": "question", "question": "Now?", "risk_floor": stated}
    assert assess_proposal(document).level is RiskLevel.HIGH
    off = {"proposal.floor_unknown": {"level": "off", "reason": "Because."}}
    rules = PolicyDocument.model_validate({"version": 1, "risk_rules": off})
    found = assess_under(CompiledPolicy(rules, 1), assess_proposal, document)
    assert (found.level, found.findings) == (RiskLevel.HIGH, ())


@pytest.mark.parametrize("floor", list(RiskLevel))
def test_the_floor_is_honoured(floor):
    assert assess_proposal({"kind": "question", "question": "Now?", "risk_floor": floor.value}).level is floor
    assert assess_proposal(script("DROP TABLE a", "sql", risk_floor=floor.value)).level is RiskLevel.CRITICAL


def optimizations(*statements, **fields):
    items = [{"id": f"i{number}", "title": "x", "statement": text} for number, text in enumerate(statements, 1)]
    return {"kind": "optimizations", "title": "x", "dialect": "postgres", "items": items, **fields}


def test_findings_name_their_item():
    found = assess_proposal(optimizations("CREATE INDEX CONCURRENTLY i ON a (b)", "SELECT 1;\nDROP TABLE a")).findings
    assert {(finding.rule, finding.item, finding.line) for finding in found} == {
        ("sql.index.concurrently", "i1", 1),
        ("sql.drop.table", "i2", 2),
    }


def test_an_index_built_concurrently_is_low():
    assert assess_proposal(optimizations("CREATE INDEX CONCURRENTLY i ON a (b)")).level is RiskLevel.LOW


def test_a_rollback_that_loses_data_is_told():
    document = optimizations("CREATE INDEX CONCURRENTLY i ON a (b)")
    document["items"][0]["rollback"] = "DROP INDEX i"
    assert assess_proposal(document).level is RiskLevel.LOW
    document["items"][0]["rollback"] = "DROP TABLE a"
    assert assess_proposal(document).level is RiskLevel.CRITICAL


def test_the_effort_is_bounded_over_all_items():
    document = optimizations(*["SELECT 1; " * 20_000] * 100)
    found = assess_proposal(document)
    assert found.level.rank >= RiskLevel.HIGH.rank
    assert {"i100"} <= {finding.item for finding in found.findings if finding.rule == "sql.too_large"}


def test_the_contract_types_are_all_known():
    proposals = [
        Script(title="x", language="sql", content="SELECT 1"),
        Optimizations(title="x", items=[{"id": "a", "title": "x", "statement": "SELECT 1"}]),
        ToolCall(title="x", tool="get_x"),
        Question(title="x", question="x"),
        Custom(title="x", data=1),
    ]
    levels = [assess_proposal(proposal.model_dump(mode="json")).level.value for proposal in proposals]
    assert levels == ["safe", "safe", "low", "safe", "medium"]


def test_any_depth_is_assessed():
    value = "pass\u200bword"
    for _ in range(20_000):
        value = [value]
    assert assess_proposal({"kind": "custom", "data": value}).level is RiskLevel.HIGH


FIELDS = "kind script optimizations tool_call question custom content items tool args language sql dialect statement"
WORDS = st.sampled_from(f"{FIELDS} rollback risk_floor tables rows id query".split())
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(WORDS, st.text(max_size=5)), inner, max_size=5)
    ),
    max_leaves=15,
)


@settings(max_examples=examples(400), deadline=None)
@given(JSON)
def test_nothing_raises_and_the_result_can_be_stored(value):
    json.dumps(assess_proposal(value).to_json())


@settings(max_examples=examples(300), deadline=None)
@given(
    st.sampled_from(["script", "optimizations", "tool_call", "question", "custom"]),
    st.dictionaries(WORDS, JSON, max_size=6),
)
def test_nothing_raises_for_any_field(kind, fields):
    found = assess_proposal({**fields, "kind": kind})
    if kind != "question":
        assert found.level is not RiskLevel.SAFE or isinstance(fields.get("content"), str) or fields.get("items")


@pytest.mark.parametrize(("module", "dialects"), [("assess", []), ("sql.script", ["sqlglot.dialects.dialect"])])
def test_importing_the_analysers_loads_no_dialect_but_those_needed(module, dialects):
    """The web process imports the first, and the second once there is SQL: what they cost in memory is kept small."""
    listed = "[name for name in sys.modules if name.startswith('sqlglot.dialects.')]"
    code = f"import sys, app.risk.{module}; print({listed})"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == str(dialects)


def test_changes_are_understood_only_with_their_rollbacks():
    def understood(rollback):
        items = [{"id": "a", "title": "t", "statement": "CREATE TABLE t (id int)", "rollback": rollback}]
        return assess_proposal({"kind": "optimizations", "title": "t", "language": "sql", "items": items}).understood

    assert understood("") and understood("DROP TABLE t")
    assert not understood("SELECT undo_everything()")
