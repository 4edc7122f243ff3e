"""A gate in a graph that runs on a LangGraph server: start it with `langgraph dev` in this folder.

What it asks is decided at the portal as soon as `assent langgraph-server` looks after the server.
"""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph

from assent import Script, report_receipt, request_approval


class State(TypedDict, total=False):
    days: int
    done: str


def delete(state: State) -> State:
    """Propose to delete, and do what was approved; here it only says so."""
    script = f"find exports -mtime +{state['days']} -delete"
    outcome = request_approval(Script(title="Delete exports on a server", language="bash", content=script))
    if not outcome.approved:
        return {"done": f"nothing: {outcome.comment}"}
    report_receipt(outcome, "applied", "Deleted.")
    return {"done": str(outcome.payload["content"])}


graph = StateGraph(State).add_node("delete", delete).add_edge(START, "delete").add_edge("delete", END).compile()
