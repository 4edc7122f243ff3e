"""A proposal as a page shows it: complete, with fields for everything that the viewer may edit.

`changes` compares a submitted page with what the page showed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.errors import InvalidInputError
from app.domain.risk import Finding
from app.services.reading.pages import RequestView
from app.web.differences import MarkedLine, difference
from app.web.field_text import Submission, text_for_field
from app.web.forms.fields import Field
from app.web.forms.values import refill
from app.web.requests.calls import CallView, shown_calls
from app.web.requests.changes import EDIT_LIMIT, change_of, form_of
from app.web.requests.code import Argument, Code, arguments, code
from assent.contracts import Verdict

_ITEM_TEXTS = ("id", "title", "statement", "rationale", "benefit", "cost", "rollback")


@dataclass
class Item:
    """An optimization item as the page shows it."""

    id: str
    title: str
    statement: str
    rationale: str
    benefit: str
    cost: str
    rollback: str
    code: Code
    general: list[Finding]
    chosen: bool
    edited: str
    error: str = ""
    diff: list[MarkedLine] = field(default_factory=list)


@dataclass
class ProposalView:
    """What the page shows of a proposal.

    Attributes:
        form: the form for tool arguments, data, or an answer; None if there is none.
        edited: the text in a script's editor.
        kept: the page shows submitted values that the server has not stored.
        changed: they differ from the proposal.
        diff: the difference between the proposal and the edited text.
        effect: words for the button, such as ``create 3 indexes``; may be empty.
    """

    kind: str
    payload: dict[str, Any]
    code: Code | None = None
    general: list[Finding] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    arguments: list[Argument] = field(default_factory=list)
    calls: list[CallView] = field(default_factory=list)
    form: Field | None = None
    edited: str = ""
    content_error: str = ""
    editable: bool = False
    too_long: bool = False
    kept: bool = False
    changed: bool = False
    diff: list[MarkedLine] = field(default_factory=list)
    effect: str = ""


def show(view: RequestView, sent: Submission | None = None, problems: Mapping[str, str] | None = None) -> ProposalView:
    """The proposal of a request; after a refusal, with what the person submitted."""
    request, problems = view.request, problems or {}
    payload = request.payload if isinstance(request.payload, dict) else {"value": request.payload}
    findings = list(view.assessment.findings)
    shown = ProposalView(request.kind, payload, editable=Verdict.MODIFY in view.verdicts, kept=sent is not None)
    if request.kind == "script":
        _show_script(shown, findings, sent, problems)
    elif request.kind == "optimizations":
        _show_items(shown, findings, sent, problems)
    elif request.kind == "tool_calls":
        shown.calls = shown_calls(payload, findings, shown.editable, sent, problems)
        known = {call.id for call in shown.calls}
        shown.general = [finding for finding in findings if finding.item.partition("/")[0] not in known]
    else:
        shown.form = form_of(view)
        if request.kind == "tool_call":
            shown.arguments = arguments(str(payload.get("tool", "")), payload.get("args"), findings)
        paths = {argument.path for argument in shown.arguments}
        shown.general = [finding for finding in findings if finding.item not in paths]
        if shown.form is not None:
            _name_languages(shown.form, shown.arguments)
        if shown.form is not None and sent is not None:
            refill(shown.form, sent, problems)
    shown.effect = effect_of(request.kind, payload, len(shown.items) or len(shown.calls))
    shown.changed = sent is not None and shown.editable and _differs(view, sent)
    return shown


def _differs(view: RequestView, sent: Submission) -> bool:
    try:
        return change_of(view, sent) is not None
    except InvalidInputError:
        return True


def labels(shown: ProposalView) -> dict[str, str]:
    """Labels of the decision's fields outside of forms, by their names in errors."""
    statements = {f"items.{item.id}.statement": f"Statement of {item.title}" for item in shown.items}
    return {"comment": "Comment", "content": "The script", "items": "Items"} | statements


def effect_of(kind: str, payload: dict[str, Any], count: int) -> str:
    """What happens on approval: the words after "Approve and"."""
    if kind == "script":
        return "run the script"
    if kind == "tool_call":
        return f"call {payload.get('tool', 'the tool')}"
    if kind == "tool_calls":
        return f"make {count} calls" if count > 1 else "make the call"
    if kind == "optimizations":
        noun = payload.get("noun", "change") if count == 1 else payload.get("noun_plural", "changes")
        return f"{payload.get('verb', 'apply')} {count} {noun}"
    return ""


def _show_script(
    shown: ProposalView, findings: list[Finding], sent: Submission | None, problems: Mapping[str, str]
) -> None:
    content = shown.payload["content"]
    shown.general = [finding for finding in findings if finding.line is None]
    shown.code = code(content, findings)
    shown.too_long = len(content) > EDIT_LIMIT
    shown.edited = content if sent is None else sent.get("content", content)
    shown.content_error = problems.get("content", "")
    if text_for_field(shown.edited) != text_for_field(content):
        shown.diff = difference(content, shown.edited)


def _show_items(
    shown: ProposalView, findings: list[Finding], sent: Submission | None, problems: Mapping[str, str]
) -> None:
    items = shown.payload["items"]
    chosen = {item["id"] for item in items} if sent is None else set(sent.getlist("item"))
    shown.general = [finding for finding in findings if not finding.item]
    shown.too_long = sum(len(item["statement"]) for item in items) > EDIT_LIMIT
    for item in items:
        own = [finding for finding in findings if finding.item == item["id"]]
        statement = item["statement"]
        edited = statement if sent is None else sent.get(f"statement.{item['id']}", statement)
        differs = text_for_field(edited) != text_for_field(statement)
        shown.items.append(
            Item(
                **{name: item.get(name, "") for name in _ITEM_TEXTS},
                code=code(statement, own),
                general=[finding for finding in own if finding.line is None],
                chosen=item["id"] in chosen,
                edited=edited,
                error=problems.get(f"items.{item['id']}.statement", ""),
                diff=difference(statement, edited) if differs else [],
            )
        )


def _name_languages(form: Field, shown: list[Argument]) -> None:
    """Give fields with code their language and the findings at their lines, for the editor."""
    known = {f"{form.name}.{argument.path}": argument for argument in shown}
    for leaf in form.leaves():
        argument = known.get(leaf.path)
        if argument is not None and leaf.kind == "long":
            leaf.language, leaf.marks = argument.language, argument.code.marks
