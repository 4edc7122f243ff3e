"""A proposal as a page shows it, and what a submitted page says about it.

The page shows the whole proposal with everything that may be edited in fields. What comes back is compared with what
was shown: the difference is the reviewer's change, and no difference is an approval of the proposal as it stands.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from app.domain.changes import apply_change
from app.domain.errors import InvalidInputError
from app.domain.risk import Finding
from app.domain.weight import weigh
from app.risk.text import strings_in
from app.risk.tools import language_of
from app.services.reading.pages import RequestView
from app.store.requests import ApprovalRequest
from app.web.forms.drawing import draw
from app.web.forms.fields import MISSING, Field, text_for_field
from app.web.forms.values import is_untouched, read, refill
from app.web.requests.calls import CallShown, calls_change, respond_change, shown_calls
from assent.contracts import Verdict, calls_of
from assent.digests import canonical

EDIT_LIMIT = 200_000
"""Characters that can be edited on the page: all of it comes back with every decision, and forms have a limit."""
SHOWN_LINES = 2_000
_DIFF_LINES = 4_000
_CONTEXT = 3
_MOST_ARGUMENTS = 20
_ITEM_TEXTS = ("id", "title", "statement", "rationale", "benefit", "cost", "rollback")
_TELLING = ("tool", "args", "decision", "data", "question", "value", "message")
Change = dict[str, Any]
Sent = MultiDict[str, str]


@dataclass(frozen=True)
class Line:
    """A line of code, or of a difference. `mark` is empty, ``add``, ``del`` or ``gap``."""

    number: int | None
    text: str
    findings: list[Finding] = field(default_factory=list)
    mark: str = ""


@dataclass(frozen=True)
class Code:
    """A text with line numbers; what comes after `SHOWN_LINES` is one block, so that a page stays a page."""

    lines: list[Line]
    rest: str
    rest_count: int

    @property
    def marks(self) -> list[dict[str, Any]]:
        """The findings at their lines, for the editor."""
        return [
            {"line": line.number, "severity": each.severity, "message": each.message, "rule": each.rule}
            for line in self.lines
            for each in line.findings
        ]


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
    diff: list[Line] = field(default_factory=list)


@dataclass(frozen=True)
class Argument:
    """A text among a tool's arguments that is read line by line. `general` is what concerns all of it."""

    path: str
    language: str
    code: Code
    general: list[Finding]


@dataclass
class Shown:
    """Everything the proposal's part of the page needs.

    Attributes:
        form: the drawn form of tool arguments, of data, or of an answer; None where there is none.
        edited: the text in a script's edit field.
        kept: the page shows what a person sent, which the server does not have.
        changed: what they sent differs from the proposal.
        diff: a reviewer's change against the proposal.
        effect: words for the button, such as ``create 3 indexes``; empty where there is nothing to say.
    """

    kind: str
    payload: dict[str, Any]
    code: Code | None = None
    general: list[Finding] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    arguments: list[Argument] = field(default_factory=list)
    calls: list[CallShown] = field(default_factory=list)
    form: Field | None = None
    edited: str = ""
    content_error: str = ""
    editable: bool = False
    too_long: bool = False
    kept: bool = False
    changed: bool = False
    diff: list[Line] = field(default_factory=list)
    effect: str = ""


def show(view: RequestView, sent: Sent | None = None, problems: Mapping[str, str] | None = None) -> Shown:
    """The proposal of a request, with what a person sent put back into its fields where something was refused."""
    request, problems = view.request, problems or {}
    payload = request.payload if isinstance(request.payload, dict) else {"value": request.payload}
    findings = list(view.assessment.findings)
    shown = Shown(request.kind, payload, editable=Verdict.MODIFY in view.verdicts, kept=sent is not None)
    if request.kind == "script":
        _show_script(shown, findings, sent, problems)
    elif request.kind == "optimizations":
        _show_items(shown, findings, sent, problems)
    elif request.kind == "tool_calls":
        shown.calls = shown_calls(payload, findings, shown.editable, sent, problems, arguments)
        known = {each.id for each in shown.calls}
        shown.general = [each for each in findings if each.item.partition("/")[0] not in known]
    else:
        shown.form = form_of(view)
        shown.arguments = arguments(payload.get("args"), findings) if request.kind == "tool_call" else []
        told = {each.path for each in shown.arguments}
        shown.general = [each for each in findings if each.item not in told]
        if shown.form is not None:
            _name_languages(shown.form, shown.arguments)
        if shown.form is not None and sent is not None:
            refill(shown.form, sent, problems)
    shown.effect = effect_of(request.kind, payload, len(shown.items) or len(shown.calls))
    shown.changed = sent is not None and shown.editable and _differs(view, sent)
    return shown


def _differs(view: RequestView, sent: Sent) -> bool:
    try:
        return change_of(view, sent) is not None
    except InvalidInputError:
        return True


def labels(shown: Shown) -> dict[str, str]:
    """What the fields of the decision that are not of a form are called, by the names that errors have for them."""
    statements = {f"items.{item.id}.statement": f"Statement of {item.title}" for item in shown.items}
    return {"comment": "Comment", "content": "The script", "items": "Items"} | statements


def form_of(view: RequestView) -> Field | None:
    """The form that goes with the proposal, filled from it; None if it has none, or the viewer may not send it."""
    request, payload = view.request, view.request.payload
    if Verdict.ANSWER in view.verdicts:
        return draw(answer_schema(request), "answer", label="Your answer")
    if Verdict.MODIFY not in view.verdicts:
        return None
    if request.kind == "tool_call" and len(json.dumps(payload["args"])) <= EDIT_LIMIT:
        return draw(_object_schema(payload.get("args_schema"), payload["args"]), "args", payload["args"], "Arguments")
    if request.kind == "custom" and len(json.dumps(payload["data"])) <= EDIT_LIMIT:
        return draw(payload.get("data_schema"), "data", payload["data"], "Data")
    return None


def answer_schema(request: ApprovalRequest) -> dict[str, Any]:
    """The schema of the answer; a question without one is answered in words."""
    if isinstance(request.response_schema, dict):
        return request.response_schema
    own = request.payload.get("answer_schema") if isinstance(request.payload, dict) else None
    return own if isinstance(own, dict) else {"type": "string", "maxLength": 20_000}


def _object_schema(schema: Any, args: dict[str, Any]) -> dict[str, Any] | None:
    return schema if isinstance(schema, dict) and args is not None else None


def effect_of(kind: str, payload: dict[str, Any], count: int) -> str:
    """What approval sets off, as the words after "Approve and"."""
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


# What was sent


def change_of(view: RequestView, sent: Sent) -> Change | None:
    """How what was sent differs from the proposal; None if it does not.

    Raises:
        InvalidInputError: a field cannot be read; `fields` says which.
    """
    payload = view.request.payload
    match view.request.kind:
        case "script":
            text = _edited(payload["content"], sent.get("content"))
            return None if text is None else {"content": text}
        case "optimizations":
            return _items_change(payload, sent)
        case "tool_calls":
            return calls_change(payload, sent)
        case "tool_call" if answered := respond_change(payload, sent):
            return answered
        case "tool_call" | "custom":
            name = "args" if view.request.kind == "tool_call" else "data"
            drawn = form_of(view)
            if drawn is None or "fields" not in sent:
                return None
            return _form_change(drawn, sent, name, payload[name])
    return None


def _form_change(drawn: Field, sent: Sent, name: str, proposed: Any) -> Change | None:
    if is_untouched(drawn, sent):
        return None  # even where the proposal lacks what its own schema demands: that is the reviewer's to judge
    value = read(drawn, sent)
    try:
        # As values: a form names its fields in another order than the proposal does.
        return None if canonical(value) == canonical(proposed) else {name: value}
    except ValueError as error:
        raise InvalidInputError("Some fields cannot be stored.", {name: str(error)}) from error


def answer_of(view: RequestView, sent: Sent) -> Any:
    """The answer that was sent. Raises InvalidInputError."""
    value = read(draw(answer_schema(view.request), "answer"), sent)
    if value is MISSING:
        raise InvalidInputError("An answer is needed.", {"answer": "This is needed."})
    return value


def _items_change(payload: dict[str, Any], sent: Sent) -> Change | None:
    if "items_shown" not in sent:
        return None
    chosen = set(sent.getlist("item"))
    kept: list[dict[str, str]] = []
    for item in payload["items"]:
        if item["id"] in chosen:
            text = _edited(item["statement"], sent.get(f"statement.{item['id']}"))
            kept.append({"id": item["id"]} if text is None else {"id": item["id"], "statement": text})
    unknown = chosen - {item["id"] for item in payload["items"]}
    kept.extend({"id": each} for each in sorted(unknown))
    same = len(kept) == len(payload["items"]) and not any("statement" in each for each in kept)
    return None if same else {"items": kept}


def _edited(original: str, sent: str | None) -> str | None:
    """The new text if it is one."""
    if sent is None:
        return None
    text = text_for_field(sent)
    if text == text_for_field(original):
        return None
    # What cannot be stored has to reach the check that says so.
    text = sent.replace("\r\n", "\n") if "\x00" in sent else text
    crlf = "\r\n" in original and original.count("\n") == original.count("\r\n")
    return text.replace("\n", "\r\n") if crlf else text


# What is shown


def _show_script(shown: Shown, findings: list[Finding], sent: Sent | None, problems: Mapping[str, str]) -> None:
    content = shown.payload["content"]
    shown.general = [each for each in findings if each.line is None]
    shown.code = code(content, findings)
    shown.too_long = len(content) > EDIT_LIMIT
    shown.edited = content if sent is None else sent.get("content", content)
    shown.content_error = problems.get("content", "")
    if text_for_field(shown.edited) != text_for_field(content):
        shown.diff = difference(content, shown.edited)


def _show_items(shown: Shown, findings: list[Finding], sent: Sent | None, problems: Mapping[str, str]) -> None:
    items = shown.payload["items"]
    chosen = {item["id"] for item in items} if sent is None else set(sent.getlist("item"))
    shown.general = [each for each in findings if not each.item]
    shown.too_long = sum(len(item["statement"]) for item in items) > EDIT_LIMIT
    for item in items:
        own = [each for each in findings if each.item == item["id"]]
        statement = item["statement"]
        edited = statement if sent is None else sent.get(f"statement.{item['id']}", statement)
        differs = text_for_field(edited) != text_for_field(statement)
        shown.items.append(
            Item(
                **{name: item.get(name, "") for name in _ITEM_TEXTS},
                code=code(statement, own),
                general=[each for each in own if each.line is None],
                chosen=item["id"] in chosen,
                edited=edited,
                error=problems.get(f"items.{item['id']}.statement", ""),
                diff=difference(statement, edited) if differs else [],
            )
        )


def arguments(args: Any, findings: list[Finding]) -> list[Argument]:
    """The texts among the arguments that are code, or have more than one line."""
    found: list[Argument] = []
    for path, text in strings_in(args):
        language = language_of(path, text)
        own = [each for each in findings if each.item == path]
        if path and (language or "\n" in text) and all(each.path != path for each in found):
            general = [each for each in own if each.line is None]
            found.append(Argument(path, language, code(text, own), general))
            if len(found) == _MOST_ARGUMENTS:
                break
    return found


def _name_languages(form: Field, shown: list[Argument]) -> None:
    """Have fields for code be edited as such, with what was found at its lines."""
    known = {f"{form.name}.{each.path}": each for each in shown}
    for leaf in form.leaves():
        each = known.get(leaf.path)
        if each is not None and leaf.kind == "long":
            leaf.language, leaf.marks = each.language, each.code.marks


def code(text: str, findings: list[Finding]) -> Code:
    """The text as numbered lines, each finding under its line."""
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    at: dict[int, list[Finding]] = {}
    for each in findings:
        if each.line is not None:
            at.setdefault(min(max(each.line, 1), len(lines), SHOWN_LINES), []).append(each)
    numbered = [Line(number, line, at.get(number, [])) for number, line in enumerate(lines[:SHOWN_LINES], 1)]
    rest = lines[SHOWN_LINES:]
    return Code(numbered, "\n".join(rest), len(rest))


def difference(old: str, new: str) -> list[Line]:
    """Two texts compared line by line, with a little around each change."""
    before, after = (text_for_field(each).split("\n") for each in (old, new))
    if len(before) + len(after) > _DIFF_LINES:
        words = f"The texts have {len(before):,} and {len(after):,} lines, too many to compare here."
        return [Line(None, words, mark="gap")]
    # Lines that are alike take time by the product of their numbers.
    weigh(len(before) * len(after) * 0.05)
    lines: list[Line] = []
    for group in difflib.SequenceMatcher(None, before, after).get_grouped_opcodes(_CONTEXT):
        if lines:
            lines.append(Line(None, "…", mark="gap"))
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                lines += [Line(j1 + at + 1, each) for at, each in enumerate(after[j1:j2])]
                continue
            lines += [Line(i1 + at + 1, each, mark="del") for at, each in enumerate(before[i1:i2])]
            lines += [Line(j1 + at + 1, each, mark="add") for at, each in enumerate(after[j1:j2])]
    return lines


def readable(payload: Any) -> str:
    """What a proposal would do, as text to compare with another revision."""
    if not isinstance(payload, dict):
        return json.dumps(payload, indent=2, ensure_ascii=False)
    if payload.get("kind") == "script":
        return str(payload["content"])
    if payload.get("kind") == "tool_calls":
        told = ("tool", "args", "decision", "message")
        calls = [{name: call[name] for name in told if call.get(name)} for call in calls_of(payload)]
        return "\n".join(json.dumps(each, indent=2, ensure_ascii=False) for each in calls)
    if payload.get("kind") == "optimizations":
        return "\n".join(f"-- {item['title']}\n{item['statement']}" for item in payload["items"])
    shown = {key: value for key, value in payload.items() if key in _TELLING}
    return json.dumps(shown or payload, indent=2, ensure_ascii=False)


def changed_text(payload: dict[str, Any], change: Change) -> str:
    """What the proposal would do with a change applied. Raises InvalidInputError."""
    return readable(apply_change(payload, change))
