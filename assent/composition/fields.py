"""The fields of a workflow file, with their types and limits. The schema for editors is made of them."""

from __future__ import annotations

from dataclasses import dataclass

from assent.composition import cel

MAX_STEPS = 500
"""Most steps of one file."""
MAX_ATTEMPTS = 20
LONGEST_TIMEOUT = 86_400.0
LONGEST_BACKOFF = 3_600.0
GATES = ("auto", "always")
URGENCIES = ("low", "normal", "high", "urgent")
ON_ERROR = ("fail", "skip", "ask")
ON_REJECT = ("stop", "skip")
RESERVED_IDS = cel.RESERVED | {
    "bool", "done", "double", "has", "index", "input", "int", "item", "size", "status", "string", "type",
}  # fmt: skip
"""Names that references, conditions, and the nodes of the graph need for something else."""


@dataclass(frozen=True)
class Field:
    """A field of the format.

    Attributes:
        kind: its type in Python.
        meaning: for the documentation and the schema for editors.
    """

    kind: type
    meaning: str
    required: bool = False
    choices: tuple[str, ...] = ()


WORKFLOW_FIELDS = {
    "name": Field(str, "Identifier in snake_case, unique among the workflows of a portal.", required=True),
    "version": Field(
        str, "Change it when runs of the older steps could not continue in the newer ones.", required=True
    ),
    "title": Field(str, "The name for people.", required=True),
    "description": Field(str, "What it does, in one or two sentences."),
    "input": Field(dict, "A JSON Schema of the input, or the dotted name of a pydantic model. Without it: no input."),
    "examples": Field(list, "Inputs that are offered on the start page."),
    "steps": Field(list, "The steps, in order. Each needs the one before it, unless it says otherwise.", required=True),
}
STEP_FIELDS = {
    "id": Field(str, "Identifier in snake_case; references name it.", required=True),
    "title": Field(str, "The step's title on pages. Default: the id in words."),
    "agent": Field(str, "The display name of the agent that runs it."),
    "tool": Field(str, "The tool to call, with or without a condition on its version, such as count_rows@>=1.2."),
    "workflow": Field(str, "The workflow to run as a part of this one, by its name."),
    "inputs": Field(dict, "The inputs of the tool or workflow. Texts may refer to others: ${find.tables[0].name}."),
    "when": Field(str, "A condition in CEL. The step is skipped unless it is true."),
    "needs": Field(list, "The ids of the steps that have to come before it. Default: the one written before it."),
    "for_each": Field(str, "A reference to a list. The tool is called for each entry, which inputs name as ${item}."),
    "rests_on": Field(
        dict, "What the call is proposed because of: paths in the outputs of steps that only read, each with how much "
        "the value may change until the call is made: exact, magnitude, or a share such as 0.1.",
    ),
    "retry": Field(dict, "How often a failed call is repeated. Only for tools that may be repeated."),
    "recover": Field(dict, "What is done about failures of a known kind, before on_error."),
    "timeout": Field(str, "How long one call may take, such as 30s or 5m. Default: the tool's own."),
    "gate": Field(str, "auto: approval is required unless the tool only reads. always: in any case.", choices=GATES),
    "urgency": Field(
        str, "How soon the approval is needed. Above normal, it counts only if the policy's rule says agent_urgency.",
        choices=URGENCIES,
    ),
    "on_error": Field(
        str, "fail: the run stops at the step, and people may retry it. skip: it goes on without a result. ask: people "
        "are asked whether to retry, skip, or stop.", choices=ON_ERROR,
    ),
    "on_reject": Field(
        str, "stop: the run ends when the step is rejected. skip: it goes on without the step.", choices=ON_REJECT
    ),
}  # fmt: skip
RETRY_FIELDS = {
    "attempts": Field(int, f"At most so many attempts, from 1 to {MAX_ATTEMPTS}.", required=True),
    "backoff": Field(str, "Pause after the first failure, such as 2s; it doubles each time. Default: 0.5s."),
}
RECOVER_FIELDS = {
    "timeout": Field(
        str, "After a timeout or a lost connection. retry (default): the call is repeated as retry says, if the tool "
        "may be repeated. on_error: it is not.", choices=("retry", "on_error"),
    ),
    "sql_syntax": Field(
        str, "If the database does not understand the statement. heal (default): it is corrected if that is clear; a "
        "tool that only reads is called once more, and any other call is proposed again. on_error: it is not.",
        choices=("heal", "on_error"),
    ),
    "permission_denied": Field(
        str, "ask: a person is asked for the permission, and whether to retry, skip, or stop; the default of steps "
        "that require approval, unless they have on_error: skip. on_error: nobody is asked.",
        choices=("ask", "on_error"),
    ),
}  # fmt: skip
GROUP_FIELDS = {
    "parallel": Field(list, "Steps that run at the same time. The next step needs all of them.", required=True),
}
