"""Tools that a policy registers as reading."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from app.risk.assess import assess_proposal
from app.services.approvals.manager import CheckpointManager
from app.services.policies.versions import Policies
from assent.contracts import RiskLevel
from tests.services.desk import Desk
from tests.services.governed import ask, governed, harmless, tool
from tests.services.loaded import OPERATOR


def registering(desk: Desk, *patterns: str) -> str:
    """The policy that approves what is harmless, with these tools registered as reading."""
    lines = "".join(f"  {pattern}: It has nothing that writes.\n" for pattern in patterns)
    return harmless(desk).replace("rules:", f"reading_tools:\n{lines}rules:", 1) if patterns else harmless(desk)


def reading(desk: Desk, text: str) -> tuple[Desk, Policies]:
    """The desk with this policy in force, and the real reader of proposals."""
    governed(desk, text)
    policies = Policies(desk.sessions, desk.clock, assess_proposal)
    manager = CheckpointManager(desk.sessions, desk.clock, assess_proposal, policy_of=policies.version)
    return dataclasses.replace(desk, checkpoints=manager), policies


def test_calls_of_a_registered_tool_are_read_by_their_arguments_only(own_desk: Desk) -> None:
    desk, _ = reading(own_desk, registering(own_desk, "mcp__crm__purge_preview", "mcp__shop__*"))
    preview = ask(desk, desk.run(), tool("mcp__crm__purge_preview", customer="17"))
    assert (preview.state, preview.answered_by) == ("approved", "policy:1:Harmless")
    [found] = preview.assessment["findings"]
    assert found["rule"] == "tool.registered"
    words = "Policy version 1 registers mcp__crm__purge_preview as reading: It has nothing that writes."
    assert words in found["message"]
    assert ask(desk, desk.run(), tool("mcp__shop__query", sql="select 1")).state == "approved"
    for document in (
        tool("mcp__shop__query", sql="drop table orders"),
        tool("mcp__shop__send", url="https://example.org/", method="POST"),
        tool("mcp__shop__read", path="/home/dba/.ssh/id_ed25519"),
        tool("mcp__shop__run", command="./deploy.sh"),
        tool("mcp__crm__purge_previews", customer="17"),
        tool("mcp__CRM__purge_preview", customer="17"),
    ):
        assert ask(desk, desk.run(), document).state == "pending", document


def test_an_agent_cannot_register_a_tool(own_desk: Desk) -> None:
    desk, _ = reading(own_desk, registering(own_desk, "mcp__shop__query"))
    stated = tool("mcp__crm__lookup", customer="17") | {
        "reading_tools": {"mcp__crm__lookup": "Reads."}, "annotations": {"readOnlyHint": True},
        "labels": {"reading": "true"}, "agent": "mcp__shop__query",
    }  # fmt: skip
    assert ask(desk, desk.run(), stated).state == "pending"
    passed_on = tool("call_tool") | {"args": {"name": "mcp__shop__query", "arguments": {"customer": "17"}}}
    assert ask(desk, desk.run(), passed_on).state == "pending", "only the tool that is called counts"
    assert ask(desk, desk.run(), tool("mcp__shop__query", customer="17")).state == "approved"


def test_a_replay_reads_again_what_the_registration_of_its_tool_changes(own_desk: Desk) -> None:
    desk, policies = reading(own_desk, registering(own_desk, "mcp__crm__lookup"))
    known = ask(desk, desk.run(), tool("mcp__crm__lookup", customer="17"))
    asked_about = ask(desk, desk.run(), tool("mcp__crm__delete_preview", customer="17"))
    assert (known.state, asked_about.state, asked_about.risk) == ("approved", "pending", "high")
    since = desk.clock() - timedelta(days=1)
    same = policies.replay(OPERATOR, registering(desk, "mcp__crm__lookup"), since)
    assert same.changed == ()
    [wider] = policies.replay(OPERATOR, registering(desk, "mcp__crm__*"), since).changed
    assert (wider.id, wider.unseen, wider.risk) == (asked_about.id, True, RiskLevel.LOW)
    [narrower] = policies.replay(OPERATOR, registering(desk), since).changed
    assert (narrower.id, narrower.unseen) == (known.id, False)


def test_an_edit_is_read_under_the_registrations_of_its_policy(own_desk: Desk) -> None:
    text = "version: 1\nreading_tools: {mcp__crm__purge_preview: It only counts.}\ndefault: {deadline: 1 day}\n"
    desk, policies = reading(own_desk, text)
    request = ask(desk, desk.run(), tool("mcp__crm__purge_preview", customer="17"))
    assert (request.state, request.risk) == ("pending", "low")
    policies.load(OPERATOR, "version: 1\ndefault: {deadline: 2 days}\n", "policies.yaml")
    preview = desk.checkpoints.preview(request.id, desk.person(), {"args": {"customer": "18"}})
    assert preview.assessment.level is RiskLevel.LOW and not preview.raised
    assert ask(desk, desk.run(), tool("mcp__crm__purge_preview", customer="17")).risk == "high"
