"""Tokens of prompts with selected tools and trimmed histories, against all tools and whole histories.

    python -m bench.tokens [--words]

Twenty recorded tasks (`tasks.jsonl`), ten more (`more_tasks.jsonl`), and ten that were held back while the selection
was made (`held_back.jsonl`). Each has a goal, a history of calls with long results, a last request, and the tool that
is needed next, out of the 62 in `tools.txt`. Tokens are counted with the tokenizer that comes with `wordllama`.

--words selects by words alone, as where embeddings are not installed.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assent import meaning
from assent.models.history import tokens_of, trim
from assent.models.prompts import ToolCard
from assent.models.selection import choose
from assent.models.tasks import Task
from assent.models.tokens import count_tokens
from assent.toolbox.shapes import SchemaShape
from bench.tokens.histories import history_of

HERE = Path(__file__).parent
USUAL = Task("plan")


@dataclass(frozen=True)
class Measured:
    """Tokens of a prompt with everything, and with what was chosen, and whether the needed tool is in it."""

    task: str
    whole: int
    chosen: int
    has_tool: bool

    @property
    def saved(self) -> float:
        """The share of tokens that is saved."""
        return 1 - self.chosen / self.whole


def registry() -> list[ToolCard]:
    """Return the tools."""
    return [_card(line) for line in (HERE / "tools.txt").read_text().splitlines() if not line.startswith("#")]


def _card(line: str) -> ToolCard:
    name, capabilities, description, inputs = (part.strip() for part in line.split("|"))
    fields = (field.strip().split(":", 2) for field in inputs.split(";"))
    properties = {field: {"type": kind, "description": words} for field, kind, words in fields}
    schema = {"type": "object", "properties": properties, "required": list(properties)[:1]}
    return ToolCard(name, name, description, SchemaShape(schema), tuple(capabilities.split()))


def tasks(name: str) -> list[dict[str, Any]]:
    """Return the tasks of a file."""
    return [json.loads(line) for line in (HERE / f"{name}.jsonl").read_text().splitlines()]


def measure(task: dict[str, Any], cards: list[ToolCard]) -> Measured:
    """Return what a task's prompt needs."""
    messages = history_of(task)
    chosen = choose(cards, messages, USUAL.most_tools)
    trimmed = trim(messages, USUAL.history)
    assert trimmed[-1] == messages[-1]
    return Measured(
        task["id"], tokens_of(messages) + _tokens(cards), tokens_of(trimmed) + _tokens(chosen),
        task["needs"] in {card.tool for card in chosen},
    )  # fmt: skip


def _tokens(cards: list[ToolCard]) -> int:
    return sum(count_tokens(json.dumps(card.document)) for card in cards)


def main() -> None:
    """Measure all tasks, and print the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--words", action="store_true", help="select by words alone")
    if parser.parse_args().words:

        def missing(texts: object) -> Any:
            raise meaning.MeaningUnavailableError("not used")

        vars(meaning)["embed"] = missing
    cards = registry()
    print(f"{len(cards)} tools, {_tokens(cards):,} tokens")
    for name in ("tasks", "more_tasks", "held_back"):
        found = [measure(task, cards) for task in tasks(name)]
        print(f"\n{name:<16} {'whole':>8} {'chosen':>8} {'fewer':>6}  tool is among those given")
        for one in found:
            given = "yes" if one.has_tool else "NO"
            print(f"{one.task:<16} {one.whole:>8,} {one.chosen:>8,} {one.saved:>6.0%}  {given}")
        whole, chosen = sum(one.whole for one in found), sum(one.chosen for one in found)
        given = f"{sum(one.has_tool for one in found)} of {len(found)}"
        print(f"{'all':<16} {whole:>8,} {chosen:>8,} {1 - chosen / whole:>6.0%}  {given}")
        saved = [one.saved for one in found]
        print(f"fewer tokens: at least {min(saved):.0%}, median {statistics.median(saved):.0%}")


if __name__ == "__main__":
    main()
