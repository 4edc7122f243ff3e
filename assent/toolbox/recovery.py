"""Recovery from failures of tools, for nodes of workflows: corrected SQL, and questions about permissions.

A statement that its database does not understand is corrected. A tool that only reads is called once more with it. The
corrected call of a tool that changes something is a new proposal, and nothing runs until people have approved it. ::

    def look(state):
        return {"rows": call_healing(run_query, {"sql": state["sql"]}).document}

    def act(state):
        try:
            return {"result": apply(run_change, state["outcome"]).document}
        except ToolFailedError as error:
            corrected = propose_correction(run_change, state["outcome"], error)
            if corrected is None:
                raise
            return {"proposal": corrected.model_dump(mode="json"), "outcome": None}  # back to the gate
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, JsonValue

from assent.contracts import CORRECTS_LABEL, Outcome, Question, ToolCall
from assent.masking import mask_text
from assent.toolbox.calls import USUAL, Limits, ToolResult, call
from assent.toolbox.errors import ToolError, ToolFailedError
from assent.toolbox.failures import FailureKind, failure_of
from assent.toolbox.model import Tool
from assent.toolbox.sql_correction import MissingParserError, SqlCorrection, corrected_sql, only_reads

SQL_MEDIA_TYPE = "application/sql"
"""`contentMediaType` of an input field that holds a SQL statement."""
_SQL_NAMES = ("sql", "query", "statement")


@dataclass(frozen=True)
class CallCorrection:
    """The corrected inputs of a call.

    Attributes:
        field: the input that holds the statement.
        dialect: of the database, by its name in sqlglot.
    """

    field: str
    dialect: str
    inputs: dict[str, JsonValue]
    statement: SqlCorrection

    @property
    def words(self) -> str:
        """What was corrected, with both statements, for people."""
        return mask_text(f"{self.statement.reason}\n{self.statement.difference}")


def sql_field(tool: Tool) -> str:
    """Return the input of a tool that holds a SQL statement; empty: none, or more than one.

    It is the text whose schema has the `contentMediaType` ``application/sql``, or else is named ``sql``, ``query``, or
    ``statement``.
    """
    properties = tool.takes.schema.get("properties")
    texts = {
        name: field
        for name, field in (properties.items() if isinstance(properties, dict) else ())
        if isinstance(field, dict) and field.get("type") == "string"
    }
    marked = [name for name, field in texts.items() if field.get("contentMediaType") == SQL_MEDIA_TYPE]
    found = marked or [name for name in texts if name in _SQL_NAMES]
    return found[0] if len(found) == 1 else ""


def call_healing(tool: Tool, inputs: Mapping[str, Any] | BaseModel, *, limits: Limits = USUAL) -> ToolResult:
    """Call a tool that only reads; if its database does not understand the statement, once more with a corrected one.

    The second call is recorded with the difference. Corrected statements are queries, whatever the first one was.

    Raises:
        MissingParserError: the statement was not understood, and sqlglot is not installed.
        ApprovalRequiredError, ToolError: as `call`.
    """
    try:
        return call(tool, inputs, limits=limits)
    except ToolFailedError as error:
        found = correction_of(tool, inputs, error)
        if found is None or not only_reads(found.statement.after, found.dialect):
            raise
        note = f"Called again with a corrected statement. {found.words}"
        return call(tool, found.inputs, limits=limits, notes=(note,))


def correction_of(tool: Tool, inputs: Any, error: BaseException) -> CallCorrection | None:
    """Return the corrected inputs of a call that failed; None: it failed otherwise, or there is no clear correction.

    Raises:
        MissingParserError: sqlglot is not installed.
    """
    failure = failure_of(error)
    field = sql_field(tool) if failure.kind is FailureKind.SQL_SYNTAX else ""
    if not field:
        return None
    document = tool.takes.document(tool.takes.read(inputs))
    try:
        statement = corrected_sql(str(document[field]), failure.dialect)
    except MissingParserError as missing:
        raise MissingParserError(f"{error} {missing}") from error
    if statement is None:
        return None
    return CallCorrection(field, failure.dialect, document | {field: statement.after}, statement)


def propose_correction(tool: Tool, outcome: Outcome | Mapping[str, Any], error: BaseException) -> ToolCall | None:
    """Return the proposal of a corrected call after an approved one has failed. Nothing is called.

    The request that is made of it is a revision of the one whose call failed, and people decide on it again.

    Returns:
        None: it failed otherwise, or there is no clear correction.

    Raises:
        MissingParserError: sqlglot is not installed.
    """
    approved = outcome if isinstance(outcome, Outcome) else Outcome.model_validate(outcome)
    proposal = approved.proposal
    if not isinstance(proposal, ToolCall):
        return None
    found = correction_of(tool, proposal.args, error)
    if found is None:
        return None
    return corrected_proposal(proposal, found.inputs, summary_of_correction(found, error), approved.request_id)


def summary_of_correction(found: CallCorrection, error: BaseException) -> str:
    """Return the summary of a corrected proposal, in Markdown: why it failed, and the difference."""
    fence = "```"
    while fence in found.statement.difference:
        fence += "`"
    return (
        f"The approved call failed: {error}\n\n{found.statement.reason} The difference in `{found.field}`:\n\n"
        f"{fence}diff\n{found.statement.difference}\n{fence}\n\nNothing runs until this is approved."
    )[:18_000]


def corrected_proposal(before: ToolCall, inputs: Mapping[str, Any], summary: str, request_id: str) -> ToolCall:
    """Return a proposal with other arguments, as the revision of a request."""
    labels = before.labels | {CORRECTS_LABEL: request_id}
    return before.model_copy(update={"args": dict(inputs), "summary": summary, "labels": labels})


def is_denied(error: BaseException) -> bool:
    """Return whether a call failed because the account may not do it."""
    return failure_of(error).kind is FailureKind.PERMISSION_DENIED


def permission_question(tool: Tool, error: ToolError, *, action: str = "", again: str = "") -> Question:
    """Return the question about a call that was denied: retry it after the permission was granted, skip it, or stop.

    Args:
        action: what was to be done, in words; empty: the tool's name in words.
        again: what ``retry`` does, in words.

    Returns:
        A question; its answer has the field ``action``: ``retry``, ``skip``, or ``stop``.
    """
    return Question(
        title=f"Need elevated permissions for {action or tool.label}"[:200],
        question=(
            f"{error}\n\nThe call is not repeated by itself.\n\n"
            f"- **retry**: the permission has been granted; {again or 'the call is made again.'}\n"
            "- **skip**: the run goes on without the output of this step.\n- **stop**: the run ends."
        )[:20_000],
        answer_schema={
            "type": "object",
            "properties": {"action": {"title": "What now?", "enum": ["retry", "skip", "stop"]}},
            "required": ["action"],
            "additionalProperties": False,
        },
    )
