"""Your own LangGraph graph, whose gate is decided in the portal. The argument is the thread's id.

Needs ASSENT_URL and ASSENT_TOKEN (an agent's token). With a checkpointer that stores threads in a database, it can be
killed while it waits, and restarted.
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
    """Propose the deletion, and keep the approved script."""
    script = f"find exports -mtime +{state['days']} -delete"
    outcome = request_approval(Script(title="Delete old exports", language="bash", content=script))
    return {"script": outcome.payload["content"] if outcome.approved else ""}


def carry_out(state: State) -> State:
    """Run the script; this example only prints it."""
    print(f"Running {state['script']}" if state["script"] else "Not approved.")
    return {}


builder = StateGraph(State).add_node("ask", ask).add_node("carry_out", carry_out)
builder.add_edge(START, "ask").add_edge("ask", "carry_out").add_edge("carry_out", END)
graph = builder.compile(checkpointer=InMemorySaver())

drive(
    graph, {"days": 90}, {"configurable": {"thread_id": sys.argv[1]}},
    on_request=lambda request: print(f"Waiting for people at {request.url}", flush=True),
)  # fmt: skip
