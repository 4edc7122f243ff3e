"""A proposal as a page shows it: complete, with fields for everything that the viewer may edit.

`changes` compares a submitted page with what the page showed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.agent_findings import AgentRemark, carried_over, remarks_of
from app.domain.errors import InvalidInputError
from app.domain.risk import Assessment, Finding
from app.services.reading.pages import RequestView
from app.web.approval_effect import effect_of
from app.web.code import Code, code
from app.web.differences import MarkedLine, difference
from app.web.field_text import Submission, text_for_field
from app.web.forms.fields import Field
from app.web.forms.values import refill
from app.web.requests.argument_list import ArgumentList, argument_list
from app.web.requests.attachments import AttachmentView, attachment_views
from app.web.requests.calls import CallView, shown_calls
from app.web.requests.changes import EDIT_LIMIT, change_of, form_of, shown_payload
from app.web.requests.code import Argument, arguments
from app.web.requests.line_comments import Talk, show_comments
from app.web.requests.places import Part, Spot, spots
from app.web.requests.plans import PlanView, StepView, plan_labels, shown_plan
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
    marks: list[dict[str, Any]]
    error: str = ""
    diff: list[MarkedLine] = field(default_factory=list)


@dataclass
class ProposalView:
    """What the page shows of a proposal.

    Attributes:
        spots: all findings with their places, the worst first.
        reported: findings of the agent with their places, errors first.
        attachments: texts of the agent beside the proposal.
        talk: comments at lines that are not on the page, because they are outdated.
        understood: everything that would run has been read; see `Assessment`.
        marks: the findings in the script's editor, at their lines.
        listing: tool arguments, data, or a value, as a list; None for other kinds.
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
    spots: list[Spot] = field(default_factory=list)
    reported: list[Spot] = field(default_factory=list)
    attachments: list[AttachmentView] = field(default_factory=list)
    talk: list[Talk] = field(default_factory=list)
    understood: bool = True
    marks: list[dict[str, Any]] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    arguments: list[Argument] = field(default_factory=list)
    calls: list[CallView] = field(default_factory=list)
    plan: PlanView | None = None
    listing: ArgumentList | None = None
    form: Field | None = None
    edited: str = ""
    content_error: str = ""
    editable: bool = False
    too_long: bool = False
    kept: bool = False
    changed: bool = False
    diff: list[MarkedLine] = field(default_factory=list)
    effect: str = ""


def show(
    view: RequestView,
    sent: Submission | None = None,
    problems: Mapping[str, str] | None = None,
    found: Assessment | None = None,
) -> ProposalView:
    """The proposal of a request; after a refusal, with what the person submitted.

    Args:
        found: The assessment of what was submitted, if it is known.
    """
    request, problems = view.request, problems or {}
    payload = shown_payload(request)
    payload = payload if isinstance(payload, dict) else {"value": payload}
    findings = list(view.assessment.findings)
    shown = ProposalView(request.kind, payload, editable=Verdict.MODIFY in view.verdicts, kept=sent is not None)
    shown.understood = view.assessment.is_clear(request.kind)
    edited = list(found.findings) if found is not None else None
    remarks = _remarks(view, payload)
    if request.kind == "script":
        _show_script(shown, findings, sent, problems, edited, remarks)
    elif request.kind == "optimizations":
        _show_items(shown, findings, sent, problems, edited, remarks)
    elif request.kind == "tool_calls":
        shown.calls = shown_calls(payload, findings, shown.editable, sent, problems)
    elif request.kind == "plan":
        shown.plan = shown_plan(payload, findings, shown.editable, sent, problems)
    else:
        shown.form = form_of(view)
        if request.kind == "tool_call":
            tool = str(payload.get("tool", ""))
            shown.arguments = arguments(tool, payload.get("args"), findings, remarks=remarks)
        shown.listing = _listing(request.kind, payload, shown.arguments)
        if shown.form is not None:
            _name_languages(shown.form, shown.arguments)
        if shown.form is not None and sent is not None:
            _refill(shown.form, sent, problems)
    parts = _parts(shown)
    shown.spots, shown.reported = spots(findings, parts), spots(remarks, parts)
    shown.talk = show_comments(view, {name: part.code for name, part in parts.items()})
    shown.attachments = attachment_views(payload)
    shown.effect = effect_of(request.kind, payload, _count(shown))
    shown.changed = sent is not None and shown.editable and _differs(view, sent)
    return shown


def _listing(kind: str, payload: dict[str, Any], texts: list[Argument]) -> ArgumentList | None:
    match kind:
        case "tool_call":
            return argument_list(payload.get("args"), payload.get("args_schema"), texts, mails=True)
        case "custom":
            return argument_list(payload.get("data"), payload.get("data_schema"), mails=True)
        case "value" if not isinstance(payload.get("value"), str):
            return argument_list(payload.get("value"), None)
    return None


def _remarks(view: RequestView, payload: dict[str, Any]) -> list[AgentRemark]:
    """What the agent reports, at the lines of the text as reviewers have changed it."""
    remarks, proposed = remarks_of(payload), view.request.proposed
    if not remarks or not isinstance(proposed, dict):
        return remarks
    if payload.get("kind") == "script":
        return carried_over(remarks, proposed["content"], payload["content"])
    if payload.get("kind") == "optimizations":
        return _item_remarks(remarks, _statements(proposed), _statements(payload))
    # No other kind has one text to whose lines the findings could have moved.
    return remarks if proposed == payload else [replace(remark, line=None) for remark in remarks]


def _statements(payload: dict[str, Any]) -> dict[str, str]:
    return {item["id"]: item["statement"] for item in payload["items"]}


def _item_remarks(remarks: list[AgentRemark], old: dict[str, str], new: dict[str, str]) -> list[AgentRemark]:
    """The findings of items that are left, at the lines of their changed statements."""
    moved: list[AgentRemark] = []
    for remark in remarks:
        if remark.item in old and remark.item in new:
            moved += carried_over([remark], old[remark.item], new[remark.item])
        elif remark.item not in old:
            moved.append(remark)
    return moved


def _count(shown: ProposalView) -> int:
    """The number of its parts that are decided one by one."""
    return len(shown.plan.steps) if shown.plan is not None else len(shown.items) or len(shown.calls)


def _parts(shown: ProposalView) -> dict[str, Part]:
    """The parts of the proposal on the page, by what findings call them."""
    parts = {item.id: Part(item.title, f"part-{item.code.key}", item.code) for item in shown.items}
    several: list[tuple[CallView | StepView, str]] = [(call, call.tool) for call in shown.calls]
    several += [(step, f"step {step.number}") for step in (shown.plan.steps if shown.plan is not None else ())]
    for part, words in several:
        parts[part.id] = Part(words, f"f-{part.name}")
        for argument in part.arguments:
            anchor = f"part-{argument.code.key}"
            parts[f"{part.id}/{argument.path}"] = Part(f"{words}, {argument.path}", anchor, argument.code)
    for argument in shown.arguments:
        parts[argument.path] = Part(argument.path, f"part-{argument.code.key}", argument.code)
    if shown.code is not None:
        parts[""] = Part(code=shown.code)
    return parts


def _differs(view: RequestView, sent: Submission) -> bool:
    try:
        return change_of(view, sent) is not None
    except InvalidInputError:
        return True


def labels(shown: ProposalView) -> dict[str, str]:
    """Labels of the decision's fields outside of forms, by their names in errors."""
    statements = {f"items.{item.id}.statement": f"Statement of {item.title}" for item in shown.items}
    steps = {"steps": "Steps"} | plan_labels(shown.plan) if shown.plan is not None else {}
    return {"comment": "Comment", "content": "The script", "items": "Items"} | statements | steps


def _show_script(
    shown: ProposalView, findings: list[Finding], sent: Submission | None, problems: Mapping[str, str],
    edited: list[Finding] | None, remarks: list[AgentRemark],
) -> None:  # fmt: skip
    content, language = shown.payload["content"], str(shown.payload.get("language") or "")
    dialect = str(shown.payload.get("dialect") or "")
    shown.code = code(content, findings, "script", language, dialect, remarks)
    shown.too_long = len(content) > EDIT_LIMIT
    shown.edited = content if sent is None else sent.get("content", content)
    shown.content_error = problems.get("content", "")
    differs = text_for_field(shown.edited) != text_for_field(content)
    shown.marks = _marks(shown.code, shown.edited, edited, differs, content, remarks)
    if differs:
        shown.diff = difference(content, shown.edited)


def _marks(
    shown: Code, edited: str, found: list[Finding] | None, differs: bool, text: str, remarks: list[AgentRemark]
) -> list[dict[str, Any]]:
    """The findings at the lines of a text in its editor, as far as they are known for this text."""
    if not differs:
        return shown.marks
    return code(edited, found or [], remarks=carried_over(remarks, text, edited)).marks


def _show_items(
    shown: ProposalView, findings: list[Finding], sent: Submission | None, problems: Mapping[str, str],
    changed: list[Finding] | None, remarks: list[AgentRemark],
) -> None:  # fmt: skip
    items, language = shown.payload["items"], str(shown.payload.get("language") or "sql")
    dialect = str(shown.payload.get("dialect") or "")
    chosen = {item["id"] for item in items} if sent is None else set(sent.getlist("item"))
    shown.too_long = sum(len(item["statement"]) for item in items) > EDIT_LIMIT
    for number, item in enumerate(items, 1):
        own = [finding for finding in findings if finding.item == item["id"]]
        statement = item["statement"]
        edited = statement if sent is None else sent.get(f"statement.{item['id']}", statement)
        differs = text_for_field(edited) != text_for_field(statement)
        said = [remark for remark in remarks if remark.item == item["id"]]
        lines = code(statement, own, f"item-{number}", language, dialect, said)
        found = None if changed is None else [finding for finding in changed if finding.item == item["id"]]
        shown.items.append(
            Item(
                **{name: item.get(name, "") for name in _ITEM_TEXTS},
                code=lines,
                marks=_marks(lines, edited, found, differs, statement, said),
                general=[finding for finding in own if finding.line is None],
                chosen=item["id"] in chosen,
                edited=edited,
                error=problems.get(f"items.{item['id']}.statement", ""),
                diff=difference(statement, edited) if differs else [],
            )
        )


def _refill(form: Field, sent: Submission, problems: Mapping[str, str]) -> None:
    """Put what was submitted into the form. What differs is not what the findings are about."""
    before = {leaf.path: leaf.value for leaf in form.leaves()}
    refill(form, sent, problems)
    for leaf in form.leaves():
        if leaf.value != before.get(leaf.path):
            leaf.marks = []


def _name_languages(form: Field, shown: list[Argument]) -> None:
    """Give fields with code their language and the findings at their lines, for the editor."""
    known = {f"{form.name}.{argument.path}": argument for argument in shown}
    for leaf in form.leaves():
        argument = known.get(leaf.path)
        if argument is not None and leaf.kind == "long":
            leaf.language, leaf.marks = argument.language, argument.code.marks
