"""Policies over REST: reading, testing, and confirming them. Only the command line can load one."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from pydantic import Field

from app.api.models import Empty, Output, Time
from app.api.registry import ApiCall, EndpointTable
from app.domain.lifecycle import RequestState
from app.domain.policy.yaml_tree import MAX_BYTES
from app.domain.tokens import Scope
from app.http.body import Input, PlainText, QueryArguments
from app.services.policies.replay import MAX_REQUESTS
from app.services.policies.versions import PolicyView
from app.store.policies import PolicyVersion
from assent.contracts import RiskLevel

table = EndpointTable()
READ, WRITE = (Scope.RULES_READ,), (Scope.RULES_WRITE,)


class VersionOut(Output):
    """Read a version of the policy."""

    version: int
    digest: str
    source: str
    loaded_at: Time
    loaded_by_name: str
    in_force_at: Time | None = Field(description="Null while it waits for a second person, and if it was declined")
    widens: list[str] = Field(description="Why it needs a second person, a sentence each; empty: it needs none")
    declined: bool
    decided_by_name: str = Field(description="Who confirmed or declined it")
    decided_at: Time | None


class RuleOut(Output):
    """A rule in words. `when` is its condition as written; empty for the default.

    `decides` says what the rule does at once, without asking people; empty: it asks them.
    """

    name: str
    when: str
    asks: list[str]
    deadline: str
    on_expiry: str
    escalation: list[str]
    windows: str
    also: list[str]
    decides: str
    until: date | None = Field(description="The last day, in UTC, on which it decides")
    sample: float = Field(description="The share of its decisions that people review afterwards, from 0 to 1")


class RiskRuleOut(Output):
    """A risk rule that the policy changes. `level` is null if its findings do not count."""

    rule: str
    level: RiskLevel | None
    reason: str


class ReadingToolOut(Output):
    """A tool that the policy registers as one that only reads; its name may end with `*`."""

    tool: str
    reason: str


class PolicyOut(VersionOut):
    """A version with its rules. `problem` says why it can no longer be read; the strict default then applies."""

    text: str
    rules: list[RuleOut]
    risk_rules: list[RiskRuleOut]
    reading_tools: list[ReadingToolOut]
    warnings: list[str]
    problem: str


class PoliciesOut(Output):
    """The policy in force (null: none is loaded, and the strict default applies) and all versions, newest first."""

    in_force: PolicyOut | None
    waiting: VersionOut | None = Field(description="The newest version, if it waits for a second person")
    versions: list[VersionOut]
    next_cursor: int | None


class PoliciesQuery(QueryArguments):
    """A page of the versions; `cursor` is the previous page's `next_cursor`."""

    cursor: int | None = Field(default=None, ge=1, lt=2**31)
    limit: int = Field(default=100, ge=1, le=200)


class DeclineIn(Input):
    """Why a version of the policy is declined."""

    reason: PlainText = Field(max_length=100_000)


class PolicyTestIn(Input):
    """A policy to test on the requests of the last `days`, at most `limit` of them, newest first."""

    text: PlainText = Field(min_length=1, max_length=MAX_BYTES)
    days: int = Field(default=30, ge=1, le=3660)
    limit: int = Field(default=1000, ge=1, le=MAX_REQUESTS)


class DifferenceOut(Output):
    """One difference between the two policies for a request."""

    what: str
    label: str
    before: str
    after: str


class ReplayedOut(Output):
    """A request with different terms under the tested policy. `state_after` is null if it cannot be determined."""

    id: str
    title: str
    workflow: str
    kind: str
    environment: str
    risk: RiskLevel
    requester_name: str
    opened_at: Time
    state: RequestState
    rule_before: str
    rule_after: str
    differences: list[DifferenceOut]
    state_after: RequestState | None
    consequences: list[str]
    unseen: bool = Field(description="People saw it, and would no longer have been asked")
    refused: bool = Field(description="People rejected it, requested changes, or changed it")


class RuleCountOut(Output):
    """How many requests matched a rule, in reality and under the tested policy."""

    rule: str
    before: int
    after: int


class ReplayOut(Output):
    """What a policy would have done. `stopped` says why older requests were not tested: limit, time, or empty."""

    since: Time
    examined: int
    changed: list[ReplayedOut]
    rules: list[RuleCountOut]
    stopped: str
    oldest: Time | None
    warnings: list[str]
    unseen: int = Field(description="How many requests people would no longer have seen")
    unseen_refused: int = Field(description="How many of those they rejected or changed")


@table.add("GET", "/policies", PoliciesOut, query=PoliciesQuery, scopes=READ)
def list_policies(call: ApiCall) -> Any:
    """Read the policy in force, and list all versions."""
    policies = call.portal.services.policies
    view = policies.view(call.actor)
    limit = call.query.limit
    found = policies.history(call.actor, limit + 1, call.query.cursor)
    return {
        "in_force": _document(view) if view else None, "waiting": policies.waiting(call.actor),
        "versions": found[:limit],
        "next_cursor": found[limit - 1].version if len(found) > limit else None,
    }  # fmt: skip


@table.add("GET", "/policies/<int:version>", PolicyOut, scopes=READ)
def get_policy(call: ApiCall) -> Any:
    """Read a version of the policy."""
    return _version(call, int(call.path["version"]))


@table.add("POST", "/policies/<int:version>/confirm", PolicyOut, body=Empty, scopes=WRITE)
def confirm_policy(call: ApiCall) -> Any:
    """Confirm a version of the policy as its second person, which puts it into force."""
    number = int(call.path["version"])
    call.portal.services.policies.confirm(call.actor, number)
    return _version(call, number)


@table.add("POST", "/policies/<int:version>/decline", PolicyOut, body=DeclineIn, scopes=WRITE)
def decline_policy(call: ApiCall) -> Any:
    """Decline a version of the policy, so that it does not come into force."""
    number = int(call.path["version"])
    call.portal.services.policies.decline(call.actor, number, call.body.reason)
    return _version(call, number)


@table.add("POST", "/policies/test", ReplayOut, body=PolicyTestIn, scopes=READ)
def test_policy(call: ApiCall) -> Any:
    """Test what a policy would have done with past requests. Changes nothing."""
    since = call.portal.services.clock() - timedelta(days=call.body.days)
    found = call.portal.services.policies.replay(call.actor, call.body.text, since, call.body.limit)
    return vars(found) | {"unseen": len(found.unseen), "unseen_refused": found.unseen_refused}


def _version(call: ApiCall, number: int) -> dict[str, Any]:
    view = call.portal.services.policies.view(call.actor, number)
    assert view is not None  # without a number it may be None
    return _document(view)


def _document(view: PolicyView) -> dict[str, Any]:
    stored: PolicyVersion = view.stored
    same = (
        "version", "digest", "source", "loaded_at", "loaded_by_name", "in_force_at", "widens", "declined",
        "decided_by_name", "decided_at", "text",
    )  # fmt: skip
    head = {name: getattr(stored, name) for name in same}
    risk_rules = [{"rule": rule, "level": part.level, "reason": part.reason} for rule, part in view.risk_rules.items()]
    reading_tools = [{"tool": pattern, "reason": reason} for pattern, reason in view.reading_tools.items()]
    return head | {
        "rules": [asdict(rule) for rule in view.rules], "risk_rules": risk_rules,
        "reading_tools": reading_tools, "warnings": view.warnings, "problem": view.problem,
    }  # fmt: skip
