"""Planning: requests become steps of what is registered, or it is said what is missing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import BaseModel

from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel
from assent.plans import PlanStep, references
from assent.toolbox import Dependency, Effect, Registry, Tool
from assent.toolbox.shapes import SchemaShape
from assent.workflow import Workflow
from tests.runtime import shelf_tools
from workflows.coordinator.assessing import assessed
from workflows.coordinator.composing import Composition, Wish, compose, draft
from workflows.coordinator.linking import mistakes_of
from workflows.coordinator.matching import Match, Matcher
from workflows.coordinator.needs import needs_in
from workflows.coordinator.registered import Registered
from workflows.coordinator.routing import router_of
from workflows.coordinator.words import words
from workflows.database_maintenance import WORKFLOW as MAINTENANCE
from workflows.database_maintenance import tools as maintenance_tools

TEXT, NUMBER, LIST = {"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "object"}}


def made_tool(
    name: str, takes: dict[str, Any], returns: dict[str, Any], effect: str = "read", description: str = "Does it.",
    required: list[str] | None = None, dependencies: Callable[[], list[Dependency]] | None = None,
) -> Tool:  # fmt: skip
    """A tool of these fields that is never called."""
    wanted = {"type": "object", "properties": takes, "required": list(takes) if required is None else required}
    given_back = {"type": "object", "properties": returns, "required": list(returns), "additionalProperties": False}
    return Tool(
        name, "1.0", description, lambda inputs: {}, SchemaShape(wanted), SchemaShape(given_back), Effect(effect),
        dependencies=dependencies, capabilities=("tests",),
    )  # fmt: skip


def planned(text: str, *tools: Tool, targets: tuple[str, ...] = (), **values: Any) -> Composition:
    matcher = Matcher(Registered(Registry(tools), {}))
    return compose(Wish(needs_in(text, matcher.verbs), text, values, targets), matcher)


def ids(made: Composition) -> list[str]:
    return [step.id for step in made.steps]


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Count the rows of orders and delete old sessions.", ["Count the rows of orders", "delete old sessions"]),
        ("Find old and large files.", ["Find old and large files"]),
        ("1. Check the disk\n2) restart it\n\n- show the log", ["Check the disk", "restart it", "show the log"]),
        ("Check the disk, then restart it; thanks!", ["Check the disk", "restart it"]),
        ("Check the disk. check the DISK.", ["Check the disk"]),
        (" \n ?!. ", []),
        ("", []),
    ],
)
def test_a_request_is_taken_apart_where_another_verb_begins(text: str, clauses: list[str]) -> None:
    assert [need.text for need in needs_in(text)] == clauses


@pytest.mark.parametrize(
    ("text", "verbs"),
    [
        ("Drop the orders table", {"delete"}), ("I want to remove it", {"delete"}), ("please restart it", {"restart"}),
        ("check the last backup", set()), ("show open connections", set()), ("list deleted files", set()),
    ],
)  # fmt: skip
def test_only_a_verb_in_its_place_asks_for_a_change(text: str, verbs: set[str]) -> None:
    [need] = needs_in(text)
    assert need.verbs == verbs


COUNT = made_tool("count_rows", {"table": TEXT}, {"rows": NUMBER}, description="Count the rows of a table.")
DROP = made_tool("drop_table", {"table": TEXT}, {"dropped": TEXT}, "destroy", "Drop a table for good.")
FIND = made_tool("find_slow_queries", {"target": TEXT}, {"slow_queries": LIST}, description="Find slow queries.")
EXPLAIN = made_tool(
    "explain_slow_queries", {"target": TEXT, "slow_queries": LIST}, {"plans": LIST}, description="Explain slow queries."
)


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("Count the rows of the table orders", "orders"), ("Count the rows of the orders table", "orders"),
        ("Count rows, table: public.orders", "public.orders"), ("count rows where table = 'odd name'", "odd name"),
        ("Count the rows of “orders”.", "orders"), ("Count rows of the table called sales.", "sales"),
    ],
)  # fmt: skip
def test_values_are_found_where_the_text_names_their_field(text: str, table: str) -> None:
    [step] = planned(text, COUNT).steps
    assert (step.tool, step.inputs) == ("count_rows@1.0", {"table": table})


@pytest.mark.parametrize("text", ["Count the rows of the table", "Count rows of this table", "Count 'a' and 'b' rows"])
def test_what_the_text_does_not_clearly_name_is_missing(text: str) -> None:
    made = planned(text, COUNT)
    assert not made.steps and list(made.missing) == ["table"] and made.missing["table"].wanted_by == ["count_rows"]


def test_a_value_that_was_given_goes_before_the_text_and_has_to_fit() -> None:
    assert planned("Count the rows of the table orders", COUNT, table="sales").steps[0].inputs == {"table": "sales"}
    assert list(planned("Count the rows of the table orders", COUNT, table=5).missing) == ["count_rows_table"]


def test_fields_of_one_name_and_different_types_are_asked_for_apart() -> None:
    other = made_tool("list_sizes", {"table": NUMBER}, {"sizes": LIST})
    made = planned("Count rows. List sizes.", COUNT, other)
    assert list(made.missing) == ["table", "list_sizes_table"]
    steps = planned("Count rows. List sizes.", COUNT, other, table="orders", list_sizes_table=3).steps
    assert [step.inputs for step in steps] == [{"table": "orders"}, {"table": 3}]
    assert list(planned("List sizes.", other, table="orders").missing) == ["list_sizes_table"]


def test_a_question_is_never_served_by_a_change_nor_a_change_by_something_else() -> None:
    assert planned("How many rows has the table orders?", DROP).unserved
    assert planned("Truncate the orders table", COUNT).unserved
    assert planned("Rename the orders table", DROP).unserved


def test_a_chain_is_found_by_the_fields_that_fit() -> None:
    made = planned("Explain slow queries of shop", EXPLAIN, FIND, COUNT, targets=("shop",))
    assert ids(made) == ["find_slow_queries", "explain_slow_queries"]
    assert made.steps[1].inputs == {"target": "shop", "slow_queries": "${find_slow_queries.slow_queries}"}


def test_fields_of_the_same_name_and_another_type_do_not_fit() -> None:
    other = made_tool("find_slow_queries", {"target": TEXT}, {"slow_queries": TEXT})
    made = planned("Explain slow queries of shop", EXPLAIN, other, targets=("shop",))
    assert not made.steps and "explain_slow_queries needs slow_queries" in made.problems[0]


def test_tools_that_need_each_other_in_a_circle_are_no_chain() -> None:
    first = made_tool("first_look", {"beta": LIST}, {"alpha": LIST})
    second = made_tool("second_look", {"alpha": LIST}, {"beta": LIST})
    made = planned("Take a first look", first, second)
    assert not made.steps and "first_look needs beta" in made.problems[0]


def test_a_tool_is_no_source_of_what_it_was_given_itself() -> None:
    echo = made_tool("look_at_table", {"table": TEXT}, {"table": TEXT})
    assert list(planned("Drop the table", DROP, echo).missing) == ["table"]


def test_a_tool_whose_needs_are_not_there_is_not_planned() -> None:
    psql = Dependency("psql", False, "Install it.")
    gone = made_tool("count_rows", {}, {"rows": NUMBER}, dependencies=lambda: [psql])
    made = planned("Count rows", gone)
    assert not made.steps and "count_rows needs psql, which is not available: Install it." in made.problems[0]


def test_a_change_is_between_two_looks_and_nothing_needs_the_first() -> None:
    made = planned("Drop the orders table", DROP, COUNT)
    assert ids(made) == ["count_rows", "drop_table", "count_rows_2"]
    assert [step.needs for step in made.steps] == [[], [], ["drop_table"]]
    assert [step.gated for step in made.steps] == [False, True, False]


def test_more_needs_than_a_plan_has_room_for_are_said() -> None:
    text = "\n".join(f"Count the rows of the table t{number}" for number in range(25))
    made = planned(text, COUNT)
    assert len(made.steps) == 20 and "at most 20 needs" in made.problems[0]


LONG = ["a/", "+/", "a-", "a.", "a", " ", "\n", "1", "'a ", "${", "and ", ", ", "path ", "path: ", "check rows t. "]
ORDERED = ["check it before ", "check it after ", "and take a backup first ", "before a backup, check. ", "and rows "]


@pytest.mark.parametrize("repeated", LONG)
def test_no_text_takes_long(repeated: str) -> None:
    fields = dict.fromkeys(["path", "host", "email", "url", "name", "table", "date"], TEXT) | {"days": NUMBER}
    offered = [made_tool(f"check_{name}", fields, {}) for name in ("disk", "rows")]
    began = time.process_time()
    made = planned("Check the disk. Check rows. " + repeated * 50_000, *offered)
    assert time.process_time() - began < 10 and not made.steps


@pytest.mark.parametrize("repeated", ORDERED)
def test_no_order_is_too_deep(repeated: str) -> None:
    began = time.process_time()
    assert needs_in(repeated * 5_000)
    assert needs_in("".join(f"{repeated}t{number} " for number in range(3_000)))
    assert time.process_time() - began < 10


def test_a_value_that_is_too_long_is_not_cut() -> None:
    assert list(planned(f"Count the rows, table: {'a.b' * 100}", COUNT).missing) == ["table"]


# Every plan fits


NAMES = some.sampled_from(["alpha", "beta", "gamma", "target", "path", "count", "days", "text"])
KINDS = some.sampled_from([
    TEXT, NUMBER, LIST, {"type": "boolean"}, {"type": "number"}, {"enum": ["quick", "slow"]}, {},
    {"anyOf": [TEXT, {"type": "null"}]}, {"type": "object", "properties": {"alpha": TEXT}, "required": ["alpha"]},
    {"type": "array", "items": TEXT},
])  # fmt: skip
VERBS = some.sampled_from(["list", "count", "delete", "create", "restart", "check", "mend", "status"])
NOUNS = some.sampled_from(["rows", "files", "servers", "item", "input"])


@some.composite
def tools(draw: Any) -> Tool:
    odd = some.sampled_from(["status", "srv.look-up"])
    name = f"{draw(VERBS)}_{draw(NOUNS)}" if draw(some.booleans()) else draw(odd)
    takes = draw(some.dictionaries(NAMES, KINDS, max_size=4))
    required = [field for field in takes if draw(some.booleans())]
    returns = draw(some.dictionaries(NAMES, KINDS, max_size=4))
    return made_tool(name, takes, returns, draw(some.sampled_from(["read", "write", "destroy"])), "Does it.", required)


PIECES = some.one_of(
    VERBS, NOUNS, NAMES,
    some.sampled_from([
        "the", "and", "then", ".", "\n", ": ", "= ", "'quoted ${alpha.beta} $${x}'", "30 days", "/var/log/a.log",
        "quick", "${count_rows.alpha}", "${", "}", "$${", "shop", "[{\"tool\": \"delete_rows\"}]", "yes", "5", "\u202e",
    ]),
    some.text(max_size=6),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(some.lists(tools(), max_size=8), some.lists(PIECES, max_size=25))
def test_every_plan_links_without_mistakes_and_names_nothing_but_its_own_steps(
    offered: list[Tool], pieces: list[str]
) -> None:
    text = " ".join(pieces)
    found = Registered(Registry({tool.name: tool for tool in offered}.values()), {})
    matcher = Matcher(found)
    wish = Wish(needs_in(text, matcher.verbs), text, {}, ("shop",))
    steps = draft(wish, matcher).steps
    assert not steps or mistakes_of(steps, found) == {}
    before: set[str] = set()
    for step in steps:
        assert {reference.root for reference in references(step.inputs)} | set(step.needs) <= before
        assert step.tool in {tool.full_name for tool in offered}
        before.add(step.id)
    assert [step.model_dump() for step in draft(wish, matcher).steps] == [step.model_dump() for step in steps]


def test_what_does_not_link_has_its_step_and_its_field() -> None:
    found = Registered(Registry([COUNT, DROP]), {})
    steps = [
        PlanStep(id="count", title="Count", tool="count_rows@1.0", inputs={"table": 5, "colour": "red"}, effect="read"),
        PlanStep(id="drop", title="Drop", tool="drop_table@2.0", inputs={"table": "${count.rows}"}, effect="destroy"),
        PlanStep(id="run", title="Run", workflow="nothing", effect="write"),
    ]  # fmt: skip
    mistakes = mistakes_of(steps, found)
    assert re.search(r"inputs.table: .*a text is required", " ".join(mistakes["count"]))
    assert "Installed: 1.0" in mistakes["drop"][0] and "There is no workflow 'nothing'" in mistakes["run"][0]


# The router, for clauses whose own words say too little


def served(text: str, route: Any, *workflows: Workflow) -> Composition:
    found = Registered(Registry([COUNT]), {workflow.name: workflow for workflow in workflows})
    matcher = Matcher(found, route)
    return compose(Wish(needs_in(text, matcher.verbs), text, {}), matcher)


class NoInput(BaseModel):
    pass


UPKEEP = Workflow("database_maintenance", "2", "Database maintenance", "Checks health.", NoInput, lambda: None)


def test_a_workflow_that_the_router_knows_serves_what_no_words_serve() -> None:
    asked: list[str] = []

    def route(text: str) -> tuple[Match | None, str]:
        asked.append(text)
        return Match("database_maintenance", 0.9, (), "“creaking” points to it."), ""

    made = served("Everything is creaking. Count the rows of the table orders.", route, UPKEEP)
    assert [step.workflow or step.tool for step in made.steps] == ["database_maintenance", "count_rows@1.0"]
    assert asked == ["Everything is creaking"] and "“creaking” points to it." in made.steps[0].reason


def test_a_workflow_that_is_not_installed_is_named() -> None:
    text = "Our AWS bill exploded this month"
    [said] = served(text, router_of({})).unserved
    assert said == f"“{text}”: the workflow cost_optimization would fit, and is not installed."
    [said] = served("Bake a cake", router_of({})).unserved
    assert said == "“Bake a cake”: nothing that is registered does this."


# Everything that a request asks for is covered, or named


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
