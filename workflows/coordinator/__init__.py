"""The coordinator: plans a request out of what is registered, and carries out what people approve of the plan."""

from assent import Workflow
from workflows.coordinator.graph import build
from workflows.coordinator.inputs import CoordinatorInput
from workflows.coordinator.registered import NAME

WORKFLOW = Workflow(
    name=NAME,
    version="1",
    title="Coordinator",
    description="Takes a request in plain words, assesses it, and composes a plan of the tools and workflows that are "
    "registered. People approve the plan, or change it; each step that changes something asks for its own approval. "
    "At the end, it reports what was done and what was not.",
    input_model=CoordinatorInput,
    build=build,
    examples=({"request": "Check the health of the database shop, and find tables with stale statistics."},),
)
