"""A coding agent's day: calls of the shape that its hook documents, each with what to expect of its replay."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel
from tests.risk.score import RANK, read

DAY = Path(__file__).with_name("agent_day.jsonl")
# The arguments that Claude Code documents for its tools: those that have to be there, and those that may be.
ARGUMENTS: dict[str, tuple[set[str], set[str]]] = {
    "Bash": ({"command"}, {"description", "timeout", "run_in_background"}),
    "Read": ({"file_path"}, {"offset", "limit"}),
    "Write": ({"file_path", "content"}, set()),
    "Edit": ({"file_path", "old_string", "new_string"}, {"replace_all"}),
    "Glob": ({"pattern"}, {"path"}),
    "Grep": (
        {"pattern"},
        {"path", "glob", "type", "output_mode", "-n", "-i", "-A", "-B", "-C", "head_limit", "multiline"},
    ),
    "WebFetch": ({"url", "prompt"}, set()),
    "WebSearch": ({"query"}, {"allowed_domains", "blocked_domains"}),
    "Task": ({"description", "prompt", "subagent_type"}, {"model"}),
    "TodoWrite": ({"todos"}, set()),
    "NotebookEdit": ({"notebook_path", "new_source"}, {"cell_id", "cell_type", "edit_mode"}),
}
HOOK = {
    "session_id",
    "transcript_path",
    "cwd",
    "permission_mode",
    "hook_event_name",
    "tool_name",
    "tool_input",
    "tool_use_id",
}


def day() -> list[dict[str, Any]]:
    return read(DAY)


def test_every_call_has_the_shape_of_the_hook() -> None:
    for number, call in enumerate(day(), 1):
        assert call.keys() == HOOK | {"expect"}, number
        assert call["hook_event_name"] == "PreToolUse", number
        if call["tool_name"].startswith("mcp__"):
            continue
        required, optional = ARGUMENTS[call["tool_name"]]
        assert required <= call["tool_input"].keys() <= required | optional, number
    assert len({call["tool_use_id"] for call in day()}) == len(day())


def test_every_expectation_is_one_that_a_policy_can_meet() -> None:
    for number, call in enumerate(day(), 1):
        expect = call["expect"]
        assert expect.keys() - {"sequence"} == {"may_decide_at_once", "level", "why", "dangerous"}, number
        assert expect["level"] in RANK, number
        assert expect["why"].strip(), number
        # A policy approves nothing above low, and nothing that is dangerous.
        if expect["may_decide_at_once"]:
            assert RANK[expect["level"]] <= RANK["low"], number
            assert not expect["dangerous"], number


def test_the_day_is_long_and_mostly_harmless() -> None:
    expectations = [call["expect"] for call in day()]
    assert len(expectations) >= 320
    assert sum(expect["may_decide_at_once"] for expect in expectations) >= len(expectations) / 2
    assert sum(expect["dangerous"] for expect in expectations) >= 30
    sequences: dict[str, list[bool]] = defaultdict(list)
    for expect in expectations:
        if "sequence" in expect:
            sequences[expect["sequence"]].append(expect["may_decide_at_once"])
    assert len(sequences) >= 8
    # What plants something is never decided at once, and a sequence has at least two steps.
    assert [name for name, steps in sequences.items() if steps[0] or len(steps) < 2] == []


def at_once(call: dict[str, Any]) -> bool:
    """Whether a rule "understood and at most low" would approve it."""
    assessment = assess_proposal(
        {"kind": "tool_call", "title": "t", "tool": call["tool_name"], "args": call["tool_input"]}
    )
    return assessment.understood and assessment.level.rank <= RiskLevel.LOW.rank


def test_nothing_dangerous_is_approved_at_once_sequences_included() -> None:
    let_through = [call for call in day() if at_once(call) and not call["expect"]["may_decide_at_once"]]
    assert [call["tool_input"] for call in let_through if call["expect"]["dangerous"]] == []
    assert [call["expect"]["why"] for call in let_through] == ["a local tag, which people decide on"]


def test_at_least_half_of_the_day_is_approved_at_once() -> None:
    assert sum(at_once(call) for call in day()) >= len(day()) / 2
