"""A gate in a graph that runs on a LangGraph server: start it with `langgraph dev` in this folder.

Its requests appear in the portal once `assent langgraph-server` watches the server.
"""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph

from assent import Script, report_receipt, request_approval


class State(TypedDict, total=False):
    days: int
    done: str


def delete(state: State) -> State:
    """Propose the deletion, and do what was approved; this example only reports it."""
    script = f"find exports -mtime +{state['days']} -delete"
    outcome = request_approval(Script(title="Delete exports on a server", language="bash", content=script))
    if not outcome.approved:
        return {"done": f"nothing: {outcome.comment}"}
    report_receipt(outcome, "applied", "Deleted.")
    return {"done": str(outcome.payload["content"])}


graph = StateGraph(State).add_node("delete", delete).add_edge(START, "delete").add_edge("delete", END).compile()
