"""Drawings of graphs for documents and other tools."""

from __future__ import annotations

from typing import Any

from langgraph.graph import StateGraph

from assent.nodes import node_facts
from assent.workflow import Workflow


def mermaid(workflow: Workflow) -> str:
    """Return a workflow's graph as a Mermaid diagram, with the titles of its nodes. Raises what its `build` raises."""
    built = workflow.build()
    graph = built.compile() if isinstance(built, StateGraph) else built
    drawn = graph.get_graph()
    for name, node in drawn.nodes.items():
        spec = graph.builder.nodes.get(name)
        if spec is not None:
            about: dict[str, Any] = node_facts(name, spec.metadata)
            words = {key: about[key] for key in ("agent", "tool") if about[key]}
            title = about["title"].replace('"', "”").replace(": ", " – ").replace(":", "∶")  # a colon starts the name
            drawn.nodes[name] = node._replace(name=title, metadata=words or None)
    return str(drawn.draw_mermaid())
