"""Everything that a request asks for is covered by a step, in its place, or named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel
from assent.toolbox import Registry, Tool
from tests.runtime import shelf_tools
from tests.workflows.test_coordinator_planning import COUNT, ids, planned
from workflows.coordinator.assessing import assessed
from workflows.coordinator.composing import Composition, Wish, compose, draft
from workflows.coordinator.matching import Matcher
from workflows.coordinator.needs import needs_in
from workflows.coordinator.registered import Registered
from workflows.coordinator.words import words
from workflows.database_maintenance import WORKFLOW as MAINTENANCE
from workflows.database_maintenance import tools as maintenance_tools

DATABASE = [
    replace(tool, dependencies=None) for tool in vars(maintenance_tools).values() if isinstance(tool, Tool)
]  # fmt: skip
"""The tools of database maintenance, as if their databases were there."""
EVERYTHING = Registered(Registry([*DATABASE, *shelf_tools.registry()]), {MAINTENANCE.name: MAINTENANCE})
SHOP = {"target": "shop", "shelf": "north", "box": "lamp", "label": "old"}


def for_shop(text: str) -> Composition:
    matcher = Matcher(EVERYTHING)
    return compose(Wish(needs_in(text, matcher.verbs), text, SHOP, ("shop",)), matcher)


def acts(made: Composition) -> list[str]:
    """The steps of a plan that change something."""
    return [step.tool.partition("@")[0] or step.workflow for step in made.steps if step.gated]


@pytest.mark.parametrize("text", [
    "Take a backup of shop", "Back up shop", "Make a full backup of the shop database", "Do a backup of shop",
    "Create a backup of shop", "Run a backup of shop", "Get a backup of shop", "We need a backup of shop",
    "Please perform a database backup of shop", "A backup of shop, please", "I want a new backup of shop",
    "Carry out a backup of shop", "Run backup_database_full", "Mach ein Backup von shop", "Datenbank shop sichern",
    "Bitte erstelle eine vollständige Sicherung von shop", "Ein Backup von shop machen",
    "Ich brauche ein Backup von shop",
])  # fmt: skip
def test_a_noun_names_an_act_as_a_verb_does(text: str) -> None:
    made = for_shop(text)
    assert (acts(made), made.unserved, made.problems) == (["backup_database_full"], [], [])


@pytest.mark.parametrize("text", [
    "Do a statistics refresh of shop", "Run a refresh of the table statistics of shop",
    "Refresh the statistics of shop",
    "Optimize the table statistics of shop", "Perform an optimization of table statistics",
    "Check stale statistics of shop, then refresh them", "Find stale table statistics of shop and refresh them",
    "Aktualisiere die Statistiken von shop", "Bitte die Tabellenstatistiken von shop aktualisieren",
    "Check the health of shop and refresh its statistics",
])  # fmt: skip
def test_what_asks_for_a_change_gets_a_tool_that_changes(text: str) -> None:
    made = for_shop(text)
    assert (acts(made), made.unserved) == (["optimize_table_statistics"], [])


@pytest.mark.parametrize("text", [
    "Check the last backup of shop", "Check the backup status of shop", "Show the latest backups",
    "Get the last backup",
    "List the backups of shop", "Give me the old backup", "Compare the statistics of shop",
    "Is there a backup of shop?",
    "Create a report of slow queries of shop", "Do a health check of shop",
])  # fmt: skip
def test_a_noun_that_names_an_act_is_not_always_a_wish_for_it(text: str) -> None:
    assert not acts(for_shop(text))


@pytest.mark.parametrize(("text", "steps"), [
    ("Refresh the statistics of shop, and take a backup first", ["backup", "optimize"]),
    ("Take a backup of shop before refreshing the statistics", ["backup", "optimize"]),
    ("Before refreshing the statistics of shop, take a backup", ["backup", "optimize"]),
    ("Refresh the statistics of shop after taking a backup", ["backup", "optimize"]),
    ("After refreshing the statistics of shop, take a backup", ["optimize", "backup"]),
    ("First, back up shop. Then refresh its statistics.", ["backup", "optimize"]),
    ("Finally, take a backup of shop. Refresh the statistics.", ["optimize", "backup"]),
    ("Refresh the statistics of shop. After that, take a backup.", ["optimize", "backup"]),
    ("Refresh the statistics of shop. Before that, take a backup.", ["backup", "optimize"]),
    ("Aktualisiere die Statistiken von shop und mach vorher ein Backup", ["backup", "optimize"]),
    ("Zuerst die Datenbank shop sichern, danach die Statistiken aktualisieren", ["backup", "optimize"]),
])  # fmt: skip
def test_steps_stand_in_the_order_that_is_asked_for(text: str, steps: list[str]) -> None:
    made = for_shop(text)
    assert ([act.partition("_")[0] for act in acts(made)], made.unserved) == (steps, [])


@pytest.mark.parametrize("text", [
    "Do not take a backup of shop", "Don't empty the box lamp of the shelf north", "Never empty the box lamp",
    "Please do not refresh the statistics of shop", "Mach kein Backup von shop",
    "Check the health of shop without taking a backup", "Check the health of shop, but do not refresh its statistics",
])  # fmt: skip
def test_what_is_not_wanted_is_not_planned_but_named(text: str) -> None:
    made = for_shop(text)
    assert not acts(made) and "it says what is not to be done" in made.unserved[0]


def test_first_rows_are_no_order() -> None:
    [need] = needs_in("Show the first rows of orders")
    assert need.place == 0 and need.text == "Show the first rows of orders"


def askers(made: Composition) -> set[str]:
    """The tools for which something is missing."""
    return {name for wanted in made.missing.values() for name in wanted.wanted_by}


def test_what_was_asked_for_in_the_trial_is_planned_and_the_rest_is_named() -> None:
    made = for_shop("Check the health of the shop database, refresh stale table statistics, and take a backup first")
    assert ids(made) == [
        "backup_database_full", "check_database_health", "check_table_statistics", "optimize_table_statistics",
        "check_table_statistics_2",
    ]  # fmt: skip
    made = for_shop("Find out why shop is slow and fix it, and write me a poem")
    assert ids(made) == ["analyze_slow_queries", "database_maintenance"]
    assert made.unserved == ["“write me a poem”: nothing that is registered does this."]
    reasons = assessed([], made.steps, made.used, made.unserved).reasons
    assert reasons[0] == "Not planned: “write me a poem”: nothing that is registered does this."


def test_a_part_of_a_clause_that_no_step_does_anything_about_is_named() -> None:
    made = planned("Count the rows of the table orders and customers", COUNT)
    assert made.steps and [line.partition(" in ")[0] for line in made.unserved] == ["“customers”"]
    assert not planned("Count the old and large rows of the table orders", COUNT).unserved


CLAUSES = some.sampled_from([
    "take a backup", "check the health of shop", "refresh the statistics", "fix it", "write me a poem", "sing a song",
    "weigh the boxes", "empty the box", "restart the printer", "do a migration of everything", "find slow queries",
    "create a report", "call my mother", "delete old mails", "mach ein Backup", "put a label on it", "translate them",
    "count sheep", "export the orders", "run a comparison of planets",
])  # fmt: skip
JOINTS = some.sampled_from([" and ", ", ", ". ", ", then ", "\n", " before you ", ", and also ", ", but first "])


@settings(max_examples=150, deadline=None)
@given(some.lists(some.tuples(CLAUSES, JOINTS), min_size=1, max_size=25))
def test_every_clause_is_covered_by_a_step_or_named(pieces: list[tuple[str, str]]) -> None:
    text = "".join(f"{clause}{joint}" for clause, joint in pieces)
    matcher = Matcher(EVERYTHING)
    needs = needs_in(text, matcher.verbs)
    said = {word for need in needs for word in words(need.text)}
    assert all(set(words(clause)) <= said for clause, _ in pieces)
    made = draft(Wish(needs, text, SHOP, ("shop",)), matcher)
    named = [*made.unserved, *made.problems]
    for need in needs:
        if any(f"“{need.text}”" in line for line in named):
            continue
        alone = draft(Wish([need], text, SHOP, ("shop",)), matcher)
        mends = need.verbs == {"fix"} and "database_maintenance" in acts(made)
        asked = bool(alone.missing) and askers(alone) <= askers(made)
        served = {step.tool or step.workflow for step in alone.steps}
        assert mends or asked or (served and served <= {step.tool or step.workflow for step in made.steps})


def test_defaults_that_a_change_would_use_are_in_the_plan_and_in_its_risk() -> None:
    made = for_shop("Refresh the statistics of shop")
    step = next(step for step in made.steps if step.gated)
    assert step.inputs["tables"] == "all"
    gate = {"kind": "tool_call", "title": "t", "tool": "optimize_table_statistics", "args": step.inputs}
    plan = {"kind": "plan", "title": "t", "steps": [step.model_dump(mode="json") for step in made.steps]}
    assert assess_proposal(gate).level == RiskLevel.HIGH == assess_proposal(plan).level
