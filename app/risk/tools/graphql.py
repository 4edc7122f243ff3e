"""Queries and mutations of GraphQL among a call's arguments."""

from __future__ import annotations

import re

from app.risk.reading import Reading
from app.risk.rules import declare
from app.risk.tools import names
from app.risk.tools.call import ToolCall, words_in
from app.risk.tools.wholes import WHOLES
from assent.contracts import RiskLevel

GRAPHQL = declare(
    "tool.graphql", RiskLevel.MEDIUM, "A mutation of GraphQL changes something.",
    '{"tool": "graphql", "args": {"query": "mutation { addStar(id: 5) { id } }"}}',
    '{"tool": "graphql", "args": {"query": "query { star(id: 5) { id } }"}}', language="tool_call", unread=True,
)  # fmt: skip


def read_graphql(call: ToolCall, reading: Reading) -> bool:
    """Read a query or mutation of GraphQL. Returns False if there is none."""
    found = False
    for argument in call.plain_texts:
        text = argument.text.strip()
        named = {"graphql", "gql"} & {*call.all_words, *argument.words}
        if not re.match(r"(?:mutation|query|subscription)\b[^{]*\{|\{\s*\w+", text) or not (
            named or text.startswith("mutation")
        ):
            continue
        found = True
        fields = re.findall(r"(\w+)\s*(?:\(|\{)", text.partition("{")[2])
        if not text.startswith("mutation"):
            if not call.reads:
                reading.add(names.READS, "This GraphQL query only reads.")
        elif hit := next((field for field in fields if set(words_in(field)) & names.DESTROYS), ""):
            whole = set(words_in(hit)) & {"all", "every", "everything"} or words_in(hit)[-1] in WHOLES
            level = RiskLevel.CRITICAL if whole else RiskLevel.HIGH
            reading.add(GRAPHQL, f"The mutation {hit} deletes or stops something, or moves money.", None, level)
        else:
            reading.add(GRAPHQL, "This GraphQL mutation changes something.")
    return found
