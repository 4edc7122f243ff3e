"""Calls of language models, recognized by their names and, if it is known, by the object that is called."""

from __future__ import annotations

import ast
import re
from typing import Any

from langchain_core.runnables import Runnable
from langgraph.graph.state import CompiledStateGraph

from app.runtime.checks.sources import dotted, meaning

_ASKING = frozenset({"invoke", "ainvoke", "stream", "astream", "batch", "abatch", "generate", "agenerate", "predict"})
_MODEL = re.compile(
    r"(?:^|_)(?:llm|model|chat|chain|gpt|claude|gemini|openai|anthropic|mistral)\d*(?:_|$)", re.IGNORECASE
)
_ENDINGS = ("completions.create", "messages.create", "responses.create", "models.generate_content")
_OWN = "assent.models.answers"
"""Where `ask` and `aask` are defined."""
_FUNCTIONS = re.compile(
    r"a?completion|generate_content|generate_text|"
    r"(?:a?call|a?ask|query|prompt|invoke)_(?:the_)?(?:llm|model|gpt|claude|gemini)"
)


def asks_model(call: ast.Call, names: dict[str, Any]) -> bool:
    """Return True if a call seems to ask a language model."""
    if getattr(meaning(call.func, names), "__module__", "") == _OWN:
        return True
    name = dotted(call.func)
    owner, _, last = name.rpartition(".")
    if name.endswith(_ENDINGS) or _FUNCTIONS.fullmatch(last):
        return True
    if last not in _ASKING or not isinstance(call.func, ast.Attribute):
        return False
    meant = meaning(call.func.value, names)
    if isinstance(meant, Runnable):
        return not isinstance(meant, CompiledStateGraph)
    return bool(_MODEL.search(owner.rpartition(".")[2]))
