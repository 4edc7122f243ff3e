"""Processor time of a workflow in YAML, compared with the same graph by hand: 1,000 steps in this process.

usage: .venv/bin/python -m bench.composition [--rounds N] [--steps N]

Both call the same tool with inputs from earlier steps, through the toolbox, and store each step with LangGraph's saver
in memory. Rounds alternate, so that whatever else the machine does affects both; each pair of rounds gives a ratio.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from assent.composition.document import parse_document
from assent.composition.graph import build_graph
from assent.composition.linking import link
from assent.toolbox import Registry, call, tool

GOAL = 1.05
"""Most of the processor time of the graph by hand that a step may take."""
ALL_STEPS = 1_000


class Row(BaseModel):
    name: str
    size: int


class Search(BaseModel):
    text: str
    limit: int
    seen: list[Row]


class Found(BaseModel):
    rows: list[Row]
    count: int


@tool(effect="read")
def find_more(inputs: Search) -> Found:
    """Find rows whose names begin with a text."""
    rows = [Row(name=f"{inputs.text}{number}", size=number) for number in range(inputs.limit)]
    return Found(rows=rows, count=len(rows) + len(inputs.seen))


def by_hand(steps: int) -> Any:
    """The graph as somebody would write it in Python."""

    def step(number: int) -> Any:
        def run(state: dict[str, Any]) -> dict[str, Any]:
            given = state["input"]
            if number == 0:
                inputs = {"text": given["text"], "limit": given["limit"], "seen": []}
            else:
                before = state[f"s{number - 1}_found"]
                inputs = {
                    "text": f"{given['text']} {before['count']}",
                    "limit": given["limit"],
                    "seen": before["rows"],
                }
            return {f"s{number}_found": call(find_more, inputs).document}

        return run

    channels: dict[str, Any] = {"input": Any} | {f"s{number}_found": Any for number in range(steps)}
    schema: Any = TypedDict("HandState", channels, total=False)  # type: ignore[misc]
    graph = StateGraph(schema)
    for number in range(steps):
        graph.add_node(f"s{number}", step(number), metadata={"title": f"S{number}", "tool": "find_more"})
        graph.add_edge(f"s{number - 1}" if number else START, f"s{number}")
    graph.add_edge(f"s{steps - 1}", END)
    return graph.compile(checkpointer=InMemorySaver())


def in_yaml(steps: int) -> Any:
    """The same graph of a workflow file."""
    text = "name: bench\nversion: '1'\ntitle: Bench\ninput:\n  type: object\n  properties:\n"
    text += "    text: {type: string}\n    limit: {type: integer}\nsteps:\n"
    for number in range(steps):
        before = f"s{number - 1}"
        said = f"${{input.text}} ${{{before}.count}}" if number else "${input.text}"
        seen = f"'${{{before}.rows}}'" if number else "[]"
        text += f"  - id: s{number}\n    tool: find_more\n"
        text += f"    inputs: {{text: '{said}', limit: '${{input.limit}}', seen: {seen}}}\n"

    def nothing(name: str, trail: tuple[str, ...]) -> Any:
        raise AssertionError(name)

    return build_graph(link(parse_document(text), Registry([find_more]), nothing)).compile(checkpointer=InMemorySaver())


def seconds(graph: Any, runs: int) -> float:
    """Processor time of so many runs."""
    gc.collect()
    began = time.process_time()
    for number in range(runs):
        graph.invoke({"input": {"text": "row", "limit": 5}}, {"configurable": {"thread_id": str(number)}})
    return time.process_time() - began


def main() -> None:
    """Measure, and print both times per step and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=20, help="steps of the workflow")
    options = parser.parse_args()
    runs = max(1, ALL_STEPS // options.steps)
    ways = {"by hand": by_hand, "in YAML": in_yaml}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(-1, options.rounds):
        for name in list(ways) if turn % 2 == 0 else list(ways)[::-1]:
            graph = ways[name](options.steps)  # a new one, so that no saver grows
            took = seconds(graph, runs) / (runs * options.steps)
            if turn >= 0:  # the first round warms up
                times[name].append(took)
    for name, measured in times.items():
        print(f"{name}: {statistics.median(measured) * 1e6:.0f} µs of processor time per step")
    ratios = [yaml / hand for yaml, hand in zip(times["in YAML"], times["by hand"], strict=True)]
    print(f"ratio: {statistics.median(ratios):.3f} (goal: at most {GOAL}); {min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main()
