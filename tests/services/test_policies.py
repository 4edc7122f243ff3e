"""Policies in the database: what is loaded is in force."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, text
from structlog.testing import capture_logs

from app.domain.errors import ForbiddenError, InvalidInputError, TooLargeError
from app.domain.lifecycle import RunState
from app.domain.people import SYSTEM, Role
from app.domain.policy.parser import PolicyFileError
from app.domain.policy.terms import OnExpiry, Terms
from app.domain.policy.yaml_tree import MAX_BYTES
from app.services.approvals.manager import CheckpointManager
from app.services.policies.versions import Policies
from app.store.record import AuditEntry
from tests.factories import make_person, make_run, script
from tests.services.desk import Desk, asked, assess_words
from tests.services.loaded import ONE_OF_ANYONE, OPERATOR, load, rule


@pytest.fixture
def desk(policy_desk: Any) -> Any:
    """A desk on which loaded policies hold."""
    return policy_desk


def loaded_entries(desk: Desk) -> list[AuditEntry]:
    """The lines of the record about loading."""
    with desk.sessions() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.action == "policy.loaded")))


def test_requests_are_opened_under_the_policy_in_force_and_keep_it(desk: Any) -> None:
    before = desk.open()
    first = load(desk, rule("ask: {teams: dba, quorum: 2}\ndeadline: 1 hour", name="Two of the DBAs"))
    under_first = desk.open()
    second = load(desk, ONE_OF_ANYONE)
    under_second = desk.open()

    assert Terms.from_json(before.terms).name == "one reviewer"
    assert before.policy_version is None
    assert (under_first.policy_version, under_second.policy_version) == (first.version, second.version)
    kept = Terms.from_json(desk.fresh(under_first).terms)
    assert (kept.name, kept.quorum, kept.deadline_seconds) == ("Two of the DBAs", 2, 3600)
    assert under_first.addressed_to == ["team:dba"]
    assert Terms.from_json(under_second.terms).quorum == 1
    assert desk.policies.version(first.version).terms is not desk.policies.current().terms


def test_a_policy_loaded_by_one_process_holds_in_another_at_once(desk: Any) -> None:
    elsewhere = Policies(desk.sessions, desk.clock, assess_words)
    assert elsewhere.current().version is None
    for quorum in (2, 3):
        stored = load(desk, rule(f"ask: {{quorum: {quorum}}}"))
        assert elsewhere.current().version == stored.version
        manager = CheckpointManager(desk.sessions, desk.clock, assess_words, policy_of=elsewhere.version)
        opened = Desk.open(SimpleNamespaceDesk(desk, manager))
        assert (opened.quorum, opened.policy_version) == (quorum, stored.version)


class SimpleNamespaceDesk(SimpleNamespace):
    """A desk with another CheckpointManager."""

    def __init__(self, desk: Desk, manager: CheckpointManager) -> None:
        super().__init__(**vars(desk) | {"checkpoints": manager})

    run = Desk.run
    run_state = Desk.run_state
    suspend = Desk.suspend


def test_the_same_file_again_makes_no_version(desk: Any, at_once: Callable[..., list[Any]]) -> None:
    results = at_once([lambda: desk.policies.load(OPERATOR, ONE_OF_ANYONE, "policies.yaml") for _ in range(4)])
    assert sorted(result.new for result in results) == [False, False, False, True]
    assert len({result.stored.version for result in results}) == 1
    [entry] = loaded_entries(desk)
    assert entry.actor_name == OPERATOR.name
    stored = results[0].stored
    assert entry.detail == {"version": stored.version, "digest": stored.digest, "source": "policies.yaml"}
    assert stored.text == ONE_OF_ANYONE

    load(desk, ONE_OF_ANYONE + "# a remark\n")
    back = load(desk, ONE_OF_ANYONE)
    assert [version.version for version in desk.policies.history(SYSTEM)] == [
        back.version,
        back.version - 1,
        stored.version,
    ]
    assert len(loaded_entries(desk)) == 3


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_only_those_who_manage_policies_may_load(desk: Any, role: Role) -> None:
    with pytest.raises(ForbiddenError):
        desk.policies.load(desk.person(roles=[role]), ONE_OF_ANYONE, "policies.yaml")
    assert desk.policies.history(SYSTEM) == []
    admin = desk.person("Admin", roles=[Role.ADMIN])
    stored = desk.policies.load(admin, ONE_OF_ANYONE, "policies.yaml").stored
    assert (stored.loaded_by_id, stored.loaded_by_name) == (admin.id, "Admin")


def test_what_cannot_be_used_is_not_loaded(desk: Any) -> None:
    with pytest.raises(PolicyFileError) as refused:
        load(desk, "version: 1\nrules:\n  - name: x\n    when: nonsense ==\n    deadline: soon\n", "mine.yaml")
    assert [(problem.file, problem.line) for problem in refused.value.problems] == [("mine.yaml", 4), ("mine.yaml", 5)]
    with pytest.raises(TooLargeError):
        load(desk, ONE_OF_ANYONE + "#" * MAX_BYTES)
    with pytest.raises(InvalidInputError):
        load(desk, ONE_OF_ANYONE + "# \x00")
    assert desk.policies.newest() is None
    assert loaded_entries(desk) == []


def test_a_version_that_cannot_be_read_falls_to_the_strict_default_and_is_logged(desk: Any) -> None:
    load(desk, rule("ask: {quorum: 1}\non_expiry: approve", when='risk.level == "low"'))
    with desk.sessions.begin() as session:
        session.execute(
            text(
                "insert into policy_versions (text, digest, source, loaded_at, loaded_by_name, in_force_at) "
                "values ('version: 7', 'x', 'newer.yaml', now(), 'A later release', now())"
            )
        )
    with capture_logs() as logs:
        opened = desk.open(script("drop table orders"))
    assert [(log["log_level"], log["version"]) for log in logs if "policy" in log["event"]] == [
        ("error", desk.policies.newest())
    ]
    assert (opened.quorum, Terms.from_json(opened.terms).on_expiry) == (2, OnExpiry.REJECT)
    shown = desk.policies.view(SYSTEM)
    assert "newer.yaml:1" in shown.problem
    assert [rule.name for rule in shown.rules] == ["strict default"]


def test_names_that_nobody_has_are_told_and_keep_nothing_from_being_loaded(desk: Any) -> None:
    known = make_person(desk.sessions, "DBA on call", teams=["dba"])
    make_person(desk.sessions, "Gone", teams=["dba"], active=False)
    content = rule(
        f"""
stages:
  - {{teams: dba, quorum: 2}}
  - {{teams: securty, people: [{known.email}, nobody@example.org]}}
escalation: [{{after: 1 hour, teams: leeds}}]
deadline: 8 hours
"""
    )
    loaded = desk.policies.load(OPERATOR, content, "policies.yaml")
    assert loaded.warnings == (
        "There is no team leeds.",
        "There is no team securty.",
        "Nobody with an active account has the address nobody@example.org.",
        "The rule: needs 2 of team dba, where 1 may decide.",
        "The rule: the escalation after 1 hour adds nobody, because nobody of team leeds may decide.",
    )
    assert desk.policies.view(SYSTEM).warnings == loaded.warnings


def test_what_no_rule_matches_is_opened_under_the_version_all_the_same(desk: Any) -> None:
    stored = load(desk, rule("ask: {quorum: 3}", when='risk.level == "critical"'))
    opened = desk.open(script("select 1"))
    assert (Terms.from_json(opened.terms).name, opened.policy_version) == ("one reviewer", stored.version)
    changed = desk.checkpoints.preview(opened.id, desk.person(), {"content": "drop table orders"})
    assert changed.terms.quorum == 3


def test_conditions_see_who_started_the_run(desk: Any) -> None:
    load(desk, rule("ask: {quorum: 3}", when='"platform" in requester.teams && "admin" in requester.roles'))
    platform = make_person(desk.sessions, "Lead", [Role.ADMIN], ["platform", "zeta"])
    other = make_person(desk.sessions, "Other", [Role.ADMIN], ["zeta"])

    def quorum(starter: Any) -> int:
        run = make_run(desk.sessions, starter, RunState.RUNNING, attempt=1)
        return desk.suspend(run, asked(script("select 1")))[0].quorum

    assert [quorum(scope) for scope in (platform, other, None)] == [3, 1, 1]


def test_stages_are_judged_together_and_so_are_rejections_and_escalations(desk: Any) -> None:
    make_person(desk.sessions, "Both", teams=["dba", "security"])
    make_person(desk.sessions, "Observer", [Role.VIEWER], teams=["leads"])
    content = rule(
        """
stages: [{teams: dba}, {teams: security}]
deny_threshold: 2
escalation: [{after: 1 hour, teams: leads}]
deadline: 8 hours
""",
        when='size >= 0 && !("platfrm" in requester.teams)',
    )
    assert desk.policies.check(content, "policies.yaml").warnings == (
        "There is no team platfrm, which the condition of “The rule” names.",
        "The rule: needs 2 rejections to be rejected, and of team dba only 1 may decide.",
        "The rule: needs 2 rejections to be rejected, and of team security only 1 may decide.",
        "The rule: needs 2 approvals from team dba and team security together, where only one person may decide, "
        "and everybody counts once.",
        "The rule: the escalation after 1 hour adds nobody, because nobody of team leads may decide.",
    )
    make_person(desk.sessions, "Second", teams=["dba", "security", "leads"])
    assert len(desk.policies.check(content, "policies.yaml").warnings) == 1


def test_a_policy_of_the_documented_size_is_loaded_and_its_doubts_are_shown(desk: Any) -> None:
    content = rule("ask: {quorum: true}")
    loaded = desk.policies.load(OPERATOR, content + "#" * (MAX_BYTES - len(content)), "policies.yaml")
    make_person(desk.sessions)
    doubt = "The rule: quorum is true, which counts as 1; write the number."
    assert doubt in loaded.warnings and desk.policies.view(SYSTEM).warnings == (doubt,)
    assert MAX_BYTES == 1_000_000
