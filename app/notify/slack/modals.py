"""Modal windows in Slack: for giving a reason, requesting changes, and changing a proposal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from app.domain.hidden_characters import plain_text
from app.notify.slack.blocks import Block, Pressed, link_button, plain, shortened
from assent.contracts import Verdict
from assent.json_values import parse

INPUT_LENGTH = 3000
"""Maximum length of the text in a Slack input field, both initially and when submitted."""
TITLE_LENGTH = 24
_TITLES = {
    Verdict.APPROVE: ("Approve", "Approve"),
    Verdict.REJECT: ("Reject", "Reject"),
    Verdict.REQUEST_CHANGES: ("Request changes", "Request changes"),
    Verdict.MODIFY: ("Approve with changes", "Approve"),
}


@dataclass(frozen=True)
class Draft:
    """The request that a window is about, and the state of the person's input.

    Attributes:
        raised: the risk level that the person has been warned their change leads to.
    """

    pressed: Pressed
    verdict: Verdict
    raised: str = ""

    def to_text(self) -> str:
        """The form in which a window carries it."""
        return json.dumps([self.pressed.to_text(), self.verdict.value, self.raised])

    @classmethod
    def from_text(cls, text: str) -> Draft | None:
        """The inverse of `to_text`; None: the text is not ours."""
        try:
            pressed, verdict, raised = json.loads(text)
            found = Pressed.from_text(pressed)
            return cls(found, Verdict(verdict), str(raised)) if found else None
        except (ValueError, TypeError):
            return None


def window_of(
    draft: Draft, about: list[Block], needed: bool, before: str | None = None, comment: str = "", said: str = ""
) -> Any:
    """A window.

    Args:
        about: what the window shows of the request: its title, or all of it.
        needed: whether the policy requires a reason.
        before: the text that can be changed; None: nothing can be changed here.
        comment: the comment so far.
        said: a message that the person has to see before submitting again.
    """
    heading, button = _TITLES[draft.verdict]
    blocks = [*about]
    if said:
        blocks.append({"type": "section", "text": plain(said)})
    if before is not None:
        blocks.append(_field("change", "Proposal", before, needed=True))
    label = "What should change" if draft.verdict is Verdict.REQUEST_CHANGES else "Reason"
    blocks.append(_field("comment", label, comment, needed))
    return {
        "type": "modal", "callback_id": "decide", "private_metadata": draft.to_text(), "blocks": blocks,
        "title": plain(heading, TITLE_LENGTH), "submit": plain("Approve anyway" if said else button, TITLE_LENGTH),
        "close": plain("Cancel", TITLE_LENGTH),
    }  # fmt: skip


def titled(title: str) -> list[Block]:
    """The title of the request alone, for a window that opens from a message about it."""
    return [{"type": "section", "text": plain(title, 500)}]


def message_modal(words: str, page_url: str = "") -> Any:
    """A window with only a message."""
    blocks: list[dict[str, Any]] = [{"type": "section", "text": plain(words)}]
    if page_url:
        blocks.append({"type": "actions", "elements": [link_button("Open the request", page_url)]})
    title, close = plain("Assent", TITLE_LENGTH), plain("Close", TITLE_LENGTH)
    return {"type": "modal", "callback_id": "told", "title": title, "close": close, "blocks": blocks}


def editable_text(kind: str, payload: dict[str, Any]) -> str | None:
    """The part of a proposal that can be changed in a window, as text; None: it is too long or not suitable."""
    match kind:
        case "script":
            text = str(payload.get("content", ""))
        case "tool_call":
            text = _pretty(payload.get("args", {}))
        case "optimizations":
            text = _pretty([{"id": item.get("id"), "statement": item.get("statement")} for item in payload["items"]])
        case "plan":
            text = _pretty([{"id": step.get("id"), "inputs": step.get("inputs")} for step in payload["steps"]])
        case "custom":
            text = _pretty(payload.get("data"))
        case _:
            return None
    # Hidden characters are invisible in a field: such a proposal has to be changed on its page, which shows them.
    fits = len(text.encode("utf-16-le", "replace")) // 2 <= INPUT_LENGTH and text.strip()
    return text if fits and plain_text(text) == text else None


def change_of(kind: str, text: str) -> Any:
    """The change for an edited text, as described in `app.domain.changes`. Raises JsonError if it is not valid JSON."""
    if kind == "script":
        return {"content": text}
    name = {"tool_call": "args", "optimizations": "items", "plan": "steps", "custom": "data"}[kind]
    return {name: parse(text)}


def entered_text(state: dict[str, Any], name: str) -> str:
    """The text that was entered in a field."""
    value = state.get("values", {}).get(name, {}).get(name, {}).get("value")
    return value if isinstance(value, str) else ""


def _field(name: str, label: str, value: str, needed: bool) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "plain_text_input", "action_id": name, "multiline": True, "max_length": INPUT_LENGTH,
    }  # fmt: skip
    if value:
        element["initial_value"] = shortened(value, INPUT_LENGTH)
    return {"type": "input", "block_id": name, "optional": not needed, "label": plain(label, 200), "element": element}


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
