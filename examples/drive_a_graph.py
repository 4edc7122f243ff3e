"""A LangGraph graph of one's own, whose gate is decided at the portal. The argument names the thread.

Needs ASSENT_URL and ASSENT_TOKEN, an agent's token. With a checkpointer that keeps threads in a database it may be
killed while it waits, and started again.
"""

import sys
from typing import TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from assent import Script, drive, request_approval


class State(TypedDict, total=False):
    days: int
    script: str


def ask(state: State) -> State:
    """Propose to delete, and keep what people made of it."""
    script = f"find exports -mtime +{state['days']} -delete"
    outcome = request_approval(Script(title="Delete old exports", language="bash", content=script))
    return {"script": outcome.payload["content"] if outcome.approved else ""}


def carry_out(state: State) -> State:
    """Do it; here it only says so."""
    print(f"Running {state['script']}" if state["script"] else "Not approved.")
    return {}


builder = StateGraph(State).add_node("ask", ask).add_node("carry_out", carry_out)
builder.add_edge(START, "ask").add_edge("ask", "carry_out").add_edge("carry_out", END)
graph = builder.compile(checkpointer=InMemorySaver())

drive(
    graph, {"days": 90}, {"configurable": {"thread_id": sys.argv[1]}},
    on_request=lambda request: print(f"Waiting for people at {request.url}", flush=True),
)  # fmt: skip
