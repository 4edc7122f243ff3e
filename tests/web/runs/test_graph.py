"""The drawn workflow: where nodes and lines stand, and what is said of a run's nodes, steps, agents and progress."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.events import EventKind
from app.domain.lifecycle import RequestState, RunState
from app.domain.text import size_words
from app.services.bundle import Services
from app.services.reading.pages import NodeView, RunView, StepView
from app.services.record.events import event_row, publish
from app.services.runs.pace import WorkflowPace
from app.store.requests import ApprovalRequest
from app.store.runs import Artifact, Run
from app.web.runs.graph import BOX_WIDTH, MAX_NODES, Box, Drawing, drawing_of
from app.web.runs.story import Story, story_of
from assent.contracts import RiskLevel
from tests.factories import make_request, make_run, make_workflow, script
from tests.web.browsing import Browser, Element

Browse = Callable[[str], Browser]
START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def drawn(names: Iterable[str], *edges: Any) -> Drawing:
    """The drawing of nodes that are called like their ids."""
    drawing = drawing_of(((name, name) for name in names), edges)
    assert drawing is not None
    return drawing


def boxes(drawing: Drawing) -> dict[str, Box]:
    """The boxes by id."""
    return {box.id: box for box in drawing.boxes}


def ends(path: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where a path begins and where it ends."""
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
    last = (numbers[-2], numbers[-1])
    if " H " in path[-9:]:
        last = (numbers[-1], numbers[-2])
    return (numbers[0], numbers[1]), last


# The layout


def test_a_chain_stands_in_one_column_in_its_order() -> None:
    at = boxes(drawn("abcd", "ab", "bc", "cd"))
    assert len({round(box.x) for box in at.values()}) == 1
    assert [box.id for box in sorted(at.values(), key=lambda box: box.y)] == ["a", "b", "c", "d"]


def test_branches_stand_beside_each_other_and_come_together_below_both() -> None:
    at = boxes(drawn("abcd", "ab", "ac", "bd", "cd"))
    assert at["b"].y == at["c"].y > at["a"].y
    assert abs(at["b"].x - at["c"].x) > BOX_WIDTH
    assert at["d"].y > at["b"].y + at["b"].height
    assert at["a"].center == pytest.approx((at["b"].center + at["c"].center) / 2, abs=1)


def test_a_way_past_a_node_does_not_cross_it() -> None:
    drawing = drawn("abc", ("a", "b", ""), ("a", "c", ""), "bc")
    at = boxes(drawing)
    passing = [line for line in drawing.lines if line.edges == {("a", "c")}]
    assert len(passing) == 2 and all(line.conditional for line in passing)
    assert [line.head for line in passing] == [False, True]
    lane = ends(passing[1].path)[0][0]
    assert not at["b"].x < lane < at["b"].x + BOX_WIDTH


def test_ways_to_one_node_share_a_lane() -> None:
    drawing = drawn("abcde", "ab", "bc", "cd", "de", ("a", "e", ""), ("b", "e", ""), ("c", "e", ""))
    last = [line for line in drawing.lines if line.head and ("a", "e") in line.edges]
    assert len(last) == 1 and last[0].edges == {("a", "e"), ("b", "e"), ("c", "e")}
    lane = {ends(line.path)[1][0] for line in drawing.lines if ("a", "e") in line.edges and not line.head}
    assert len(lane) == 1


def test_a_line_that_a_sure_way_shares_is_not_a_perhaps() -> None:
    drawing = drawn("abcd", "ab", "bc", "cd", ("a", "d", ""), "bd")
    last = next(line for line in drawing.lines if line.head and ("b", "d") in line.edges)
    assert ("a", "d") in last.edges and not last.conditional


def test_ways_back_run_at_the_left_edge_and_end_at_the_earlier_node() -> None:
    drawing = drawn("abc", "ab", "bc", ("c", "a", "again"), ("b", "b", ""))
    at = boxes(drawing)
    back = {next(iter(line.edges)): ends(line.path) for line in drawing.lines if next(iter(line.edges)) != ("a", "b")}
    assert back["c", "a"][0] == (at["c"].x, at["c"].middle + 7)
    assert back["c", "a"][1] == (at["a"].x, at["a"].middle - 7)
    assert back["b", "b"][0][1] > back["b", "b"][1][1]
    lanes = {float(found) for line in drawing.lines for found in re.findall(r"Q ([\d.]+)", line.path)}
    assert len(lanes) == 2 and max(lanes) < min(box.x for box in drawing.boxes)


def test_titles_are_broken_and_cut_and_never_lost() -> None:
    titles = {
        "a": "Short",
        "b": "Roll back what did not help",
        "c": "x" * 200,
        "d": "漢" * 60,
        "e": " ",
        "f": "W " * 80,
    }
    drawing = drawing_of(titles.items(), ["ab", "bc", "cd", "de", "ef"])
    assert drawing is not None
    lines = {box.id: box.lines for box in drawing.boxes}
    assert lines["a"] == ("Short",)
    assert " ".join(lines["b"]) == titles["b"]
    assert all(len(line) <= 2 and all(line) for line in lines.values())
    assert lines["c"][1].endswith("…") and lines["d"][1].endswith("…") and lines["f"][1].endswith("…")


@pytest.mark.parametrize(
    ("names", "edges"),
    [("", []), ("a", []), ("ab", []), ("ab", ["ax"]), (map(str, range(MAX_NODES + 1)), [["1", "2"]])],
)  # fmt: skip
def test_what_is_not_drawn(names: Iterable[str], edges: list[Any]) -> None:
    assert drawing_of(((name, name) for name in names), edges) is None


@pytest.mark.parametrize("seed", range(12))
def test_no_box_covers_another_whatever_the_graph(seed: int) -> None:
    chance = random.Random(seed)
    count = chance.choice([2, 7, 20, 60])
    names = [f"n{number}" for number in range(count)]
    edges = [(chance.choice(names), chance.choice(names)) for _ in range(count * 2)]
    drawing = drawing_of(((name, name * chance.randrange(1, 9)) for name in names), edges)
    assert drawing is not None and len(drawing.boxes) == count
    for one, other in itertools.combinations(drawing.boxes, 2):
        apart = abs(one.center - other.center) >= BOX_WIDTH or (
            one.y + one.height <= other.y or other.y + other.height <= one.y
        )
        assert apart, (one, other)
    for box in drawing.boxes:
        assert box.x >= 0 and box.x + box.width <= drawing.width
        assert box.y >= 0 and box.y + box.height <= drawing.height
    assert {edge for line in drawing.lines for edge in line.edges} == set(edges)
    for edge in edges:
        assert sum(line.head for line in drawing.lines if edge in line.edges) == 1


# What is said of a run


NODES = ["plan", "left", "right", "join", "ask", "revise", "write", "report"]
EDGES = [
    ["plan", "left"], ["plan", "right"], ["left", "join"], ["right", "join"], ["join", "ask"],
    ["ask", "revise", ""], ["ask", "write", ""], ["ask", "report", ""], ["revise", "ask"], ["write", "report"],
]  # fmt: skip


def step(node: str, start: float, ms: int | None = 900, state: str = "done") -> StepView:
    """A step that began so many seconds after the start."""
    at = START + timedelta(seconds=start)
    return StepView(f"{node}-{start}", node, node, f"agent of {node}", "", state, at, ms, "")


def story_at(
    *steps: StepView, state: RunState = RunState.RUNNING, requests: Iterable[ApprovalRequest] = (),
    pace: WorkflowPace | None = None, edges: list[Any] | None = None,
) -> Story:  # fmt: skip
    """The story of a run with these steps, half a minute after its start."""
    nodes = [NodeView(name, name.capitalize(), f"agent of {name}", "", "") for name in NODES]
    view = RunView(
        Run(id="r"), state, "Workflow", list(steps), nodes, list(requests), [], EDGES if edges is None else edges
    )
    return story_of(view, pace or WorkflowPace(), START + timedelta(seconds=30))


def states(story: Story) -> dict[str, str]:
    """The state of each node that is not merely to come."""
    return {status.node.id: status.state for status in story.statuses if status.state != "pending"}


FORK = (step("plan", 0), step("left", 1), step("right", 1.001, 5000))


def test_a_step_whose_approval_is_held_waits_for_the_window_and_not_for_people() -> None:
    asking, opens = step("plan", 0, None, "waiting"), START + timedelta(hours=3)
    held = ApprovalRequest(id="h", node="plan", state="approved", opened_at=START, held_until=opens)
    statuses = story_at(asking, state=RunState.SUSPENDED, requests=[held]).statuses
    assert [status.words for status in statuses if status.node.id == "plan"] == ["waits for its change window"]
    other = ApprovalRequest(id="o", node="plan", state="pending", opened_at=START)
    statuses = story_at(asking, state=RunState.SUSPENDED, requests=[held, other]).statuses
    assert [status.words for status in statuses if status.node.id == "plan"] == ["waits for a decision"]


def test_branches_that_run_at_the_same_time() -> None:
    story = story_at(step("plan", 0), step("left", 1), step("right", 1.001, None, "running"))
    assert states(story) == {"plan": "done", "left": "done", "right": "running"}
    assert [status.node.id for status in story.statuses if status.current] == ["right"]
    assert story.walked == {("plan", "left"), ("plan", "right")}


def test_what_comes_after_a_branch_that_is_done_is_still_to_come() -> None:
    """The other branch, which runs, does not lead there."""
    edges = [["plan", "left"], ["plan", "right"], ["left", "join"], ["right", "report"]]
    story = story_at(step("plan", 0), step("left", 1), step("right", 1.001, None, "running"), edges=edges)
    assert "join" not in states(story) and "report" not in states(story)


def test_what_was_passed_by_is_skipped_at_once_and_what_can_come_again_is_not() -> None:
    story = story_at(*FORK, step("join", 7), step("ask", 8), step("write", 9, None, "running"))
    assert states(story)["revise"] == "skipped" and "report" not in states(story)
    back = story_at(*FORK, step("join", 7), step("ask", 8), step("revise", 9, None, "running"))
    assert "write" not in states(back)


def test_the_ways_that_a_run_took() -> None:
    story = story_at(*FORK, step("join", 7), step("ask", 8), step("revise", 9), step("ask", 10), step("report", 11))
    assert story.walked == {
        ("plan", "left"), ("plan", "right"), ("left", "join"), ("right", "join"), ("join", "ask"), ("ask", "revise"),
        ("revise", "ask"), ("ask", "report"),
    }  # fmt: skip
    assert next(status.words for status in story.statuses if status.node.id == "ask") == "done, 900 ms, 2 times"


def test_ends() -> None:
    waits = (*FORK, step("join", 7), step("ask", 8, 20, "waiting"))
    assert states(story_at(*waits, state=RunState.SUSPENDED))["ask"] == "waiting"
    cancelled = story_at(*waits, state=RunState.CANCELLED)
    assert states(cancelled)["ask"] == "stopped" and not any(status.current for status in cancelled.statuses)
    assert {status.words for status in cancelled.statuses if status.state == "pending"} == {"not reached"}
    done = story_at(*FORK, step("join", 7), step("ask", 8), step("report", 9), state=RunState.COMPLETED)
    assert {node for node, state in states(done).items() if state == "skipped"} == {"revise", "write"}
    assert done.progress.words == "All 6 steps done, 2 skipped"


def test_a_step_that_failed_and_was_passed_over(services: Services) -> None:
    failed = step("join", 7, 10, "failed")

    def asked(state: RequestState) -> ApprovalRequest:
        after = START + timedelta(seconds=8)
        return make_request(
            services.sessions, node="join", dialect="error", state=state, opened_at=after,
            resolved_at=None if state is RequestState.PENDING else after + timedelta(seconds=1),
        )  # fmt: skip

    waits = story_at(*FORK, failed, state=RunState.SUSPENDED, requests=[asked(RequestState.PENDING)])
    assert states(waits)["join"] == "failed" and waits.statuses[3].current
    gone_on = story_at(*FORK, failed, step("ask", 12, None, "running"), requests=[asked(RequestState.ANSWERED)])
    assert states(gone_on)["join"] == "skipped"
    tried_again = story_at(*FORK, step("join", 12, None, "running"), requests=[asked(RequestState.ANSWERED)])
    assert states(tried_again)["join"] == "running"
    assert [request.dialect for request in tried_again.steps[3].asked] == ["error"]


def test_progress_claims_no_more_than_can_be_known() -> None:
    assert story_at(*FORK).progress.words == "3 of up to 8 steps done"
    assert story_at(*FORK, step("join", 7), step("ask", 8), step("write", 9)).progress.words == "6 of 7 steps done"
    assert story_at(state=RunState.QUEUED).progress.words == "0 of up to 8 steps done"
    assert story_at(*FORK).progress.about == ""
    pace = WorkflowPace(
        3,
        {"join": 2000, "ask": 1000, "revise": 60_000, "report": 500},
        {"join": 1, "ask": 1, "revise": 0.3, "report": 1},
    )
    assert story_at(*FORK, pace=pace).progress.about == "about 3.5 s of work to go, based on the last 3 runs"
    begun = story_at(*FORK, step("join", 29, None, "running"), pace=pace)
    assert begun.progress.about == "about 2.5 s of work to go, based on the last 3 runs"
    late = story_at(*FORK, step("join", 7, None, "running"), pace=WorkflowPace(1, {"join": 2000}, {"join": 1}))
    assert late.progress.about == ""
    waits = story_at(*FORK, step("join", 7), step("ask", 8, 1, "waiting"), state=RunState.SUSPENDED, pace=pace)
    assert waits.progress.about == "about 500 ms of work after the decision, based on the last 3 runs"
    assert story_at(*FORK, state=RunState.FAILED, pace=pace).progress.about == ""


def test_agents() -> None:
    story = story_at(*FORK, step("join", 7), step("ask", 8), step("write", 9, None, "running"))
    said = {agent.name.removeprefix("agent of "): (agent.state, agent.done, agent.total) for agent in story.agents}
    assert said["left"] == ("done", 1, 1) and said["write"] == ("running", 0, 1)
    assert said["revise"] == ("skipped", 0, 0) and said["report"] == ("pending", 0, 1)
    assert story.agents[2].ms == 5000


# On the page


def make_story(services: Services, state: RunState, *steps: tuple[str, float, int | None, str], **values: Any) -> Run:
    """A run of a workflow with these nodes and edges, with its events."""
    nodes = [
        {"id": n, "title": f"Do {n}", "agent": f"{n} agent", "tool": f"{n}_tool", "skippable": False} for n in NODES
    ]
    make_workflow(services.sessions, "drawn", nodes=nodes, edges=EDGES)
    run = make_run(services.sessions, state=state, workflow="drawn", **values)
    with services.sessions.begin() as session:
        for number, (node, start, ms, how) in enumerate(steps):
            at = datetime.now(UTC) - timedelta(seconds=60 - start)
            facts = {"task": f"t{number}", "node": node, "title": f"Do {node}", "agent": f"{node} agent", "tool": ""}
            publish(session, event_row(EventKind.STEP_STARTED, at, run_id=run.id, **facts))
            if ms is not None:
                kind = EventKind.STEP_FAILED if how == "failed" else EventKind.STEP_ENDED
                end = at + timedelta(milliseconds=ms)
                rest = {"ms": ms, "suspended": how == "waiting", "error": "no disk" if how == "failed" else ""}
                publish(session, event_row(kind, end, run_id=run.id, **facts, **rest))
    return run


WAITING = (
    ("plan", 0, 900, ""),
    ("left", 1, 100, ""),
    ("right", 1, 100, ""),
    ("join", 2, 50, ""),
    ("ask", 3, 5, "waiting"),
)


def shapes(page: Element) -> dict[str, str]:
    """The classes of each node of the drawing, by its title."""
    return {
        node.one("title").text.split(":")[0]: node.attributes["class"]
        for node in page.all("g") if node.attributes.get("class", "").startswith("node ")
    }  # fmt: skip


def test_the_page_draws_the_graph_and_lists_the_same(services: Services, reviewer: Browser) -> None:
    run = make_story(services, RunState.SUSPENDED, *WAITING)
    make_request(services.sessions, run, script(title="Delete <b>orders</b>"), risk=RiskLevel.HIGH, node="ask")
    page = reviewer.get(f"/runs/{run.id}")
    assert shapes(page)["Do ask"] == "node waiting now" and shapes(page)["Do plan"] == "node done"
    drawing = page.one("svg", class_="graph")
    assert drawing.attributes["aria-hidden"] == "true"
    assert "agent ask agent, tool ask_tool" in drawing.text
    listed = page.one("ol", aria_label="Steps of the workflow").all("li")
    assert [item.attributes["class"] for item in listed if "aria-current" in item.attributes] == ["waiting"]
    assert len(listed) == len(NODES) and "waits for a decision" in listed[4].text
    assert page.one("progress").attributes["value"] == "4"
    assert "4 of up to 8 steps done" in page.one(id="run-head").text
    asking = [item for item in page.one(id="run-steps").all("li") if "Do ask" in item.text]
    assert "High risk Delete <b>orders</b> waiting for a decision" in asking[0].text
    live = {element.attributes["id"] for element in page.all(data_live=f"run:{run.id}")}
    assert live >= {"run-head", "run-steps", "run-facts", "run-artifacts"}


def test_the_pace_of_earlier_runs(services: Services, reviewer: Browser) -> None:
    ended = [(node, number, 10_000, "") for number, node in enumerate(NODES)]
    make_story(services, RunState.COMPLETED, *ended, ("ask", 9, 99_000, "waiting"), workflow_version="paced")
    make_story(services, RunState.FAILED, ("report", 0, 500_000, ""), workflow_version="paced")
    run = make_story(services, RunState.RUNNING, *WAITING[:4], ("ask", 59, None, ""), workflow_version="paced")
    page = reviewer.get(f"/runs/{run.id}")
    assert re.search(r"about 3\d\.\d s of work to go, based on the last run$", page.one(id="run-head").text)
    assert "usually 10.0 s" in page.one(id="run-steps").text
    other = make_story(services, RunState.RUNNING, *WAITING[:4], ("ask", 59, None, ""), workflow_version="another")
    assert "about" not in reviewer.get(f"/runs/{other.id}").one(id="run-head").text


def test_cancelling_is_confirmed_without_javascript(services: Services, reviewer: Browser) -> None:
    run = make_story(services, RunState.SUSPENDED, *WAITING)
    make_request(services.sessions, run, node="ask")
    page = reviewer.get(f"/runs/{run.id}")
    confirm = page.one("details", id="cancel-run")
    assert "open" not in confirm.attributes
    assert "its 1 pending request is canceled" in confirm.text and "cannot be resumed" in confirm.text
    reviewer.send(confirm.one("form"), reason="Wrong target")
    assert "Canceled" in reviewer.follow().one(id="run-head").text


def test_a_failed_run_says_what_can_be_done(services: Services, browse: Browse) -> None:
    steps = (("plan", 0, 900, ""), ("left", 1, 100, "failed"), ("right", 1, 100, ""))
    run = make_story(
        services, RunState.FAILED, *steps, error={"message": "No disk"}, input={"target": "shop", "limit": 7}
    )
    page = browse("reviewer").get(f"/runs/{run.id}")
    said = page.one(id="run-said").text
    assert "Reason: No disk" in said and "use Retry from the failed step" in said
    again = next(link for link in page.all("a") if link.text == "Start again with this input")
    form = browse("reviewer").get(again.attributes["href"])
    assert form.one(name="input.limit").attributes["value"] == "7"
    watched = browse("viewer").get(f"/runs/{run.id}")
    assert "Somebody who may control runs can retry it" in watched.one(id="run-said").text
    assert not [link for link in watched.all("a") if link.text.startswith("Start again")]


def test_an_earlier_run_of_another_workflow_fills_in_nothing(services: Services, reviewer: Browser) -> None:
    run = make_run(services.sessions, state=RunState.COMPLETED, input={"target": "elsewhere"})
    make_workflow(services.sessions, "drawn")
    assert "elsewhere" not in reviewer.get(f"/runs/new/drawn?run={run.id}").text
    reviewer.get("/runs/new/drawn?run=nothing", 404)


def test_many_steps_are_folded(services: Services, reviewer: Browser) -> None:
    run = make_story(services, RunState.RUNNING, *[("plan", number / 10, 10, "") for number in range(45)])
    page = reviewer.get(f"/runs/{run.id}")
    assert page.one("details", id="earlier-steps").one("summary").text == "15 earlier steps"
    assert len(page.one(id="run-steps").all("li")) == 45


def test_downloads_are_files_of_a_safe_kind(services: Services, reviewer: Browser) -> None:
    run = make_run(services.sessions)
    names = {'out/ä "x".svg': "image/svg+xml", "/tmp/../a\r\nb//data.json": "application/json"}
    with services.sessions.begin() as session:
        for name, kind in names.items():
            session.add(Artifact(run_id=run.id, name=name, media_type=kind, content="<svg onload='alert(1)'/>" * 60))
    page = reviewer.get(f"/runs/{run.id}")
    assert page.one(id="run-artifacts").text.count("1.4 kB") == 2
    for link in page.one(id="run-artifacts").all("a"):
        answer = reviewer.caller.get(link.attributes["href"])
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''")
        assert answer.mimetype in ("application/octet-stream", "application/json")


def test_sizes() -> None:
    assert [size_words(number) for number in (0, 1, 999, 1000, 99_600, 999_400, 999_600, 5_000_000)] == [
        "0 bytes", "1 byte", "999 bytes", "1.0 kB", "100 kB", "999 kB", "1.0 MB", "5.0 MB"
    ]  # fmt: skip
