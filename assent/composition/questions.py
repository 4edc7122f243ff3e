"""Questions to people about a step that failed, or that may or may not have been carried out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from assent.composition.document import Step
from assent.contracts import Outcome, Question, ReceiptStatus, ToolCall, ToolCalls
from assent.gate import report_receipt
from assent.masking import mask
from assent.toolbox.model import Tool


@dataclass(frozen=True)
class Failure:
    """Why a step has not ended.

    Attributes:
        kind: ``failed``; ``denied``, if the account may not make the call; ``unknown``, if a call that must not be
            repeated may or may not have been made; or ``changed``, if what the call rests on has changed several times
            before it was made.
        phase: ``propose``, ``apply``, or ``look``; that of a step without a gate is ``propose``.
        row: the row of `for_each`, from 0; None: the step as a whole.
        answer: what people answered; empty: they have not been asked.
    """

    kind: str
    message: str
    phase: str
    row: int | None = None
    answer: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """The failure as JSON."""
        return asdict(self)

    @staticmethod
    def of(document: dict[str, Any]) -> Failure:
        """Return the failure of its JSON."""
        return Failure(**document)

    def answered(self, action: str) -> Failure:
        """Return the failure with the answer."""
        return replace(self, answer=action)


_LONGEST_WORDS = 15_000
_LONGEST_ARGS = 4_000
_ACTIONS = {
    "failed": {"retry": "Retry", "skip": "Skip the step", "stop": "Stop the run"},
    "denied": {"retry": "Retry", "skip": "Skip the step", "stop": "Stop the run"},
    "unknown": {"done": "It was done", "not_done": "It was not done: ask for approval again", "stop": "Stop the run"},
    "changed": {"again": "Look again, and ask for approval", "stop": "Stop the run"},
}


def failure_question(failure: Failure, step: Step, tool: Tool, approved: Any = None) -> Question:
    """Return the question about a failure. Its answer has the field `action`.

    Args:
        approved: the outcome of the request in which the call was approved; None: it was not, or not yet.
    """
    row = "" if failure.row is None else f", row {failure.row + 1}"
    about = f"“{step.title}”{row}"[:150]
    again = (
        "the call is made again."
        if tool.may_repeat or failure.phase == "propose"
        else "the run asks for approval of the call again, because it may have changed something."
    )
    if failure.kind == "unknown":
        title = f"Was it done? {about}"
        words = (
            f"{failure.message}\n\nWhether `{tool.name}` was carried out is not known, and it is not repeated by "
            "itself. Check the system on which it acts.\n\n"
            "- **done**: it was carried out; the run goes on without its output.\n"
            "- **not_done**: it was not; the run asks for approval of the call again.\n"
            "- **stop**: the run ends."
        )
    elif failure.kind == "changed":
        title = f"{about} was approved several times, and never made: what now?"
        words = (
            f"{failure.message}\n\n- **again**: the run looks again, and asks for approval of the call.\n"
            "- **stop**: the run ends."
        )
    elif failure.kind == "denied":
        title = f"Need elevated permissions for {about}"
        words = (
            f"{failure.message}\n\nThe account may not do this, so the call is not repeated by itself.\n\n"
            f"- **retry**: the permission has been granted; {again}\n"
            "- **skip**: the run goes on without the output of this step.\n- **stop**: the run ends."
        )
    else:
        title = f"{about} failed: what now?"
        words = (
            f"{failure.message}\n\n- **retry**: {again}\n- **skip**: the run goes on without the output of this step.\n"
            "- **stop**: the run ends."
        )
    if approved is not None and (args := _approved_args(approved, failure)) is not None:
        words = f"{words[:_LONGEST_WORDS]}\n\nThe approved call of `{tool.name}`:\n\n{_fenced(args)}"
    actions = list(_ACTIONS[failure.kind])
    schema = {
        "type": "object",
        "properties": {"action": {"title": "What now?", "enum": actions}},
        "required": ["action"],
        "additionalProperties": False,
    }
    return Question(title=title[:200], question=words[:20_000], agent=step.agent, answer_schema=schema)


def _approved_args(approved: Any, failure: Failure) -> Any:
    """Return the arguments of the call that has failed; None: it is not one of that request."""
    proposal = Outcome.model_validate(approved).proposal
    if isinstance(proposal, ToolCalls) and failure.row is not None:
        return next((made.args for made in proposal.calls if made.id == str(failure.row + 1)), None)
    return proposal.args if isinstance(proposal, ToolCall) else None


def _fenced(args: Any) -> str:
    """Return arguments as a block of Markdown, without secrets."""
    text = json.dumps(mask(args)[0], ensure_ascii=False, indent=2)
    text = text if len(text) <= _LONGEST_ARGS else f"{text[:_LONGEST_ARGS]}…"
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}json\n{text}\n{fence}"


def receipt_of_answer(outcome: Any, failure: Failure, action: str) -> None:
    """Report what people answered about a call that may or may not have been carried out."""
    if failure.kind != "unknown":
        return  # the call has reported its own failure
    status, words = {
        "done": (ReceiptStatus.APPLIED, "People confirmed that the call was carried out."),
        "not_done": (ReceiptStatus.NOT_APPLIED, "People confirmed that the call was not carried out."),
    }.get(action, (ReceiptStatus.FAILED, "Whether the call was carried out is not known."))
    report_receipt(outcome, status, words)
