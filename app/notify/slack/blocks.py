"""A notice as a Slack message: Block Kit, within its limits.

Texts by agents and people are plain or preformatted, which Slack does not interpret. Texts with markup contain only our
own words, and names in which markup is escaped.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.hidden_characters import plain_text
from app.domain.notices import Heart, Line, Notice
from app.domain.policy.words import expiry_words
from app.domain.risk import NOT_UNDERSTOOD, Finding, mark_unread
from app.domain.text import beginning
from assent.contracts import RiskLevel, Verdict
from assent.masking import mask_text

Block = dict[str, Any]

MOST_BLOCKS = 50
TEXT_LENGTH = 3000
HEADER_LENGTH = 150
BUTTON_LENGTH = 75
CODE_LENGTH = 2500
"""Limits of Block Kit; for code, slightly less than the limit of a text."""
ROUNDUP_LINES = 40
DOTS = {
    RiskLevel.CRITICAL: "◆◆", RiskLevel.HIGH: "◆", RiskLevel.MEDIUM: "▲", RiskLevel.LOW: "●", RiskLevel.SAFE: "○",
}  # fmt: skip
_LIKE = {"*": "∗", "_": "＿", "~": "∼", "`": "ˋ"}
_MARKS = re.compile(r"[*~`]|(?<!\w)_|_(?!\w)")
"""What Slack interprets as markup; an underscore within a word is not."""
BUTTONS: dict[Verdict, tuple[str, str]] = {
    Verdict.APPROVE: ("Approve", "primary"),
    Verdict.REJECT: ("Reject", "danger"),
    Verdict.REQUEST_CHANGES: ("Request changes…", ""),
    Verdict.MODIFY: ("Change…", ""),
}
"""The decisions that can be made in Slack, with the label and style of their buttons. Questions are answered on the
page."""


@dataclass(frozen=True)
class Pressed:
    """What a button or modal refers to."""

    delivery_id: str
    request_id: str
    digest: str

    def to_text(self) -> str:
        """The form in which a button carries it."""
        return json.dumps([self.delivery_id, self.request_id, self.digest], separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Pressed | None:
        """The inverse of `to_text`; None: the text is not ours."""
        try:
            parts = json.loads(text)
        except ValueError:
            return None
        if not (isinstance(parts, list) and len(parts) == 3 and all(isinstance(part, str) for part in parts)):
            return None
        return cls(*parts)


def message_of(notice: Notice) -> tuple[str, list[Block]]:
    """The fallback text for notifications and lists, and the blocks."""
    words = f"{notice.headline}: {title_of(notice)}" if notice.heart else notice.headline
    summary = escaped(shortened(words, 500))
    return summary, [*_told(notice)][:MOST_BLOCKS]


def title_of(notice: Notice) -> str:
    """What the message is about, in one line."""
    if notice.heart is None:
        return notice.headline
    return f"{notice.heart.risk.capitalize()} risk: {' '.join(plain_text(notice.heart.title).split())}"


def escaped(text: str) -> str:
    """A text by others, for use in markup: it mentions nobody, contains no links, and looks unchanged."""
    text = plain_text(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Slack has no escapes for these; each is replaced by a similar character without a meaning.
    return _MARKS.sub(lambda found: _LIKE[found.group()], text)


def shortened(text: str, length: int) -> str:
    """The text, or its beginning and `…`; at most `length` UTF-16 units, because Slack may count these."""
    if _units(text) <= length:
        return text
    kept, used = 0, 1
    for char in text:
        used += 2 if ord(char) > 0xFFFF else 1
        if used > length:
            break
        kept += 1
    return f"{beginning(text, kept).rstrip()}…"


def plain(text: str, length: int = TEXT_LENGTH) -> Block:
    """A text object that Slack does not interpret."""
    return {"type": "plain_text", "text": shortened(plain_text(mask_text(text)), length) or "—", "emoji": False}


def marked(text: str) -> Block:
    """A section of our own words, in which names are already escaped."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": shortened(text, TEXT_LENGTH), "verbatim": True}}


def _units(text: str) -> int:
    return sum(2 if ord(char) > 0xFFFF else 1 for char in text)


def _told(notice: Notice) -> list[Block]:
    blocks: list[Block] = [{"type": "header", "text": plain(title_of(notice), HEADER_LENGTH)}]
    if notice.heart is None:
        said = [{"type": "section", "text": plain(notice.said)}] if notice.said else []
        return [*blocks, *said, *_roundup(notice)]
    blocks.append(marked(f"*{escaped(notice.headline)}.*"))
    if notice.said:
        blocks.append({"type": "section", "text": plain(notice.said)})
    blocks += _heart(notice.heart)
    if notice.kind.asks:
        blocks += _deadline(notice.heart)
    return [*blocks, *_actions(notice)]


def _heart(heart: Heart) -> list[Block]:
    blocks: list[Block] = []
    if heart.summary:
        blocks.append({"type": "section", "text": plain(heart.summary)})
    if heart.excerpt:
        blocks.append(code("\n".join(heart.excerpt)))
    if heart.more:
        blocks.append(_context(f"and {heart.more:,} more {'line' if heart.more == 1 else 'lines'}"))
    if not heart.understood:
        blocks.append(not_understood())
    blocks += [finding_of(finding) for finding in heart.findings]
    if heart.findings_more:
        blocks.append(_context(f"and {heart.findings_more:,} more findings"))
    facts = {
        "Risk": mark_unread(f"{heart.risk} ({heart.score:.1f} of 10)", heart.understood),
        "Environment": heart.environment, "Target": heart.target,
        "From": heart.source, "Started by": heart.requester, "Asked": heart.asked,
    }  # fmt: skip
    blocks.append(_context(*(f"{name}: {value}" for name, value in facts.items() if value)))
    return blocks


def finding_of(finding: Finding) -> Block:
    """A risk finding with its location."""
    where = f", line {finding.line}" if finding.line else f", {finding.item}" if finding.item else ""
    unread = ", not understood" if finding.unread else ""
    level = f"{DOTS[finding.severity]} {finding.severity.value.capitalize()}"
    words = f"{level}{where}{unread}: {finding.message} ({finding.rule})"
    return {"type": "section", "text": plain(words)}


def not_understood() -> Block:
    """What a message says if not everything that would run has been read."""
    return {"type": "section", "text": plain(f"Not understood: {NOT_UNDERSTOOD}")}


def code(text: str) -> Block:
    """Preformatted text, in which Slack interprets nothing."""
    shown = {"type": "text", "text": shortened(plain_text(mask_text(text)), CODE_LENGTH) or " "}
    return {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [shown]}]}


def _context(*texts: str) -> Block:
    return {"type": "context", "elements": [plain(text, 300) for text in texts[:10]]}


def _deadline(heart: Heart) -> list[Block]:
    if not heart.consequence:
        return []
    at = date(heart.expires_at)
    return [marked(f"If nobody decides, this {escaped(heart.consequence)} {at}.")]


def date(at: datetime) -> str:
    """An instant that Slack shows in the reader's time zone."""
    fallback = at.strftime("%d %b %Y, %H:%M UTC")
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{fallback}>"


def _actions(notice: Notice) -> list[Block]:
    pressed = Pressed(notice.id, notice.heart.request_id if notice.heart else "", notice.digest).to_text()
    elements: list[Block] = []
    for verdict, (words, style) in BUTTONS.items():
        if verdict not in notice.verdicts:
            continue
        # If the message shows only part of the proposal, approving opens a window with all of it.
        cut = verdict is Verdict.APPROVE and notice.heart is not None and not notice.heart.whole
        asks = (cut or verdict in notice.reason_for) and not words.endswith("…")
        button: Block = {
            "type": "button", "action_id": verdict.value, "value": pressed,
            "text": plain(f"{words}…" if asks else words, BUTTON_LENGTH),
        }  # fmt: skip
        elements.append(button | ({"style": style} if style else {}))
    words = "Sign in and approve" if notice.sign_in_first else notice.page_words
    elements.append(link_button(words, notice.page_url))
    return [{"type": "actions", "block_id": "decide", "elements": elements}]


def _roundup(notice: Notice) -> list[Block]:
    shown = list(notice.lines)[:ROUNDUP_LINES]
    blocks = [_line(finding) for finding in shown]
    more = len(notice.lines) - len(shown) + notice.lines_more
    if more > 0:
        blocks.append(_context(f"and {more:,} more, in the queue"))
    return [*blocks, *_actions(notice)] if notice.page_url else blocks


def _line(line: Line) -> Block:
    title = escaped(shortened(" ".join(line.title.split()), 300))
    text = f"*{escaped(line.headline)}*, {mark_unread(f'{line.risk} risk', line.understood)}\n{title}"
    return marked(text) | {"accessory": link_button("Open", line.url)}


def link_button(words: str, url: str) -> Block:
    """A button that opens a page."""
    return {"type": "button", "action_id": "open", "text": plain(words, BUTTON_LENGTH), "url": url}


def request_list(
    words: str, lines: list[tuple[str, str, bool, str, datetime, str]], more: bool, queue_url: str
) -> list[Block]:
    """The list of requests that wait for somebody's decision.

    Args:
        words: how many there are.
        lines: the title, risk, consequence, deadline, and URL of each request, and after the risk whether the request
            is understood.
    """
    blocks: list[Block] = [marked(words)]
    for title, risk, understood, consequence, expires_at, url in lines:
        shown = escaped(shortened(" ".join(mask_text(title).split()), 300))
        level = mark_unread(f"*{risk.capitalize()} risk*", understood)
        line = f"{level}  {shown}\n{expiry_words(escaped(consequence), date(expires_at))}".strip()
        blocks.append(marked(line) | {"accessory": link_button("Open", url)})
    if more:
        blocks.append(marked(f"More in <{queue_url}|the queue>."))
    return blocks


def readable(blocks: list[Block]) -> list[tuple[str, str]]:
    """The texts of the blocks, for the outbox, with kinds: ``header``, ``text``, ``code``, ``note``, or ``button``."""
    lines: list[tuple[str, str]] = []
    for block in blocks:
        match block["type"]:
            case "header":
                lines.append(("header", block["text"]["text"]))
            case "rich_text":
                lines.append(("code", block["elements"][0]["elements"][0]["text"]))
            case "context":
                lines += [("note", element["text"]) for element in block["elements"]]
            case "actions":
                lines += [("button", element["text"]["text"]) for element in block["elements"]]
            case _:
                lines.append(("text", _unmarked(block["text"])))
    return lines


def _unmarked(text: Block) -> str:
    if text["type"] == "plain_text":
        return str(text["text"])
    words = str(text["text"]).replace("*", "")
    while "<!date^" in words:
        before, _, rest = words.partition("<!date^")
        words = before + rest.partition("|")[2].replace(">", "", 1)
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
