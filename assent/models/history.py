"""Histories: what of a long conversation is sent, because each earlier message costs tokens in every prompt.

The system's message, the first message of the user, which says what it is about, and the newest messages stay. What
lies between is left out, and a summary takes its place. Long results of tools are shortened first. A call of a tool and
its result stay or go together, because providers refuse one without the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from assent.models.prompts import Message
from assent.models.tokens import count_tokens

Summarize = Callable[[str], str]
"""Returns a summary of a text; an empty one if there is none."""
_SHORTER = (1_000, 500, 250, 120)
"""Tokens to which older results of tools are shortened, one after the other."""
_SHORT = _SHORTER[-1]
_NEWEST = 4
"""Groups of messages at the end whose results are shortened last."""
_EACH = 8
"""Tokens that a message costs beside its text."""
_WORTH_SUMMARIZING = 600
"""Tokens of left-out messages from which on a summary is worth its call."""
_SHARE = 0.1
"""The share of the budget that the summary may have."""
_LONGEST_TO_SUMMARIZE = 24_000
"""Tokens of left-out messages that a model reads to summarize them."""
_MOST_NAMES = 20


def tokens_of(messages: Sequence[Message]) -> int:
    """Return about how many tokens messages have."""
    return sum(count_tokens(_written(message)) + _EACH for message in messages)


def trim(messages: Sequence[Message], budget: int, summarize: Summarize | None = None) -> list[Message]:
    """Return messages that have about `budget` tokens at most.

    The last message is only shortened if nothing else is left to shorten.

    Args:
        summarize: makes the summary of what is left out; None: it only says which tools were called.
    """
    if tokens_of(messages) <= budget:
        return list(messages)
    head, groups = _parts(messages)
    older, newest = groups[:-_NEWEST], groups[-_NEWEST:]
    fixed = tokens_of(head) + sum(map(tokens_of, newest))
    for most in _SHORTER:
        older = [_shortened(group, most) for group in older]
        sizes = [tokens_of(group) for group in older]
        if fixed + sum(sizes) <= budget:
            return [*head, *_flat(older), *_flat(newest)]
    share = max(int(budget * _SHARE), tokens_of([_note(_flat(older), 0, None)]))
    room = budget - fixed - share
    first = len(older)
    while first and sizes[first - 1] <= room:
        first -= 1
        room -= sizes[first]
    left_out = _flat(older[:first])
    note = [_note(left_out, share, summarize)] if left_out else []
    return _squeezed([*head, *note, *_flat(older[first:]), *_flat(newest)], budget, len(head) + len(note))


def _flat(groups: Iterable[list[Message]]) -> list[Message]:
    return [message for group in groups for message in group]


def _parts(messages: Sequence[Message]) -> tuple[list[Message], list[list[Message]]]:
    """Return the messages that always stay, and the others in groups that stay or go together."""
    head: list[Message] = []
    rest = list(messages)
    while rest and rest[0].get("role") == "system":
        head.append(rest.pop(0))
    if len(rest) > 1 and rest[0].get("role") == "user":
        head.append(rest.pop(0))
    groups: list[list[Message]] = []
    for message in rest:
        if message.get("role") == "tool" and groups:
            groups[-1].append(message)
        else:
            groups.append([message])
    return head, groups


def _shortened(group: list[Message], tokens: int) -> list[Message]:
    return [
        message | {"content": _cut(message["content"], tokens)}
        if message.get("role") == "tool" and isinstance(message.get("content"), str)
        else message
        for message in group
    ]


def _squeezed(messages: list[Message], budget: int, fixed: int) -> list[Message]:
    """Return the messages with their longest texts cut, until they fit; those before `fixed` are cut last."""
    sizes = [count_tokens(_content(message)) for message in messages]
    total = tokens_of(messages)
    while total > budget:
        choice = [number for number in range(fixed, len(messages)) if sizes[number] > _SHORT]
        choice = choice or [number for number in range(len(messages)) if sizes[number] > _SHORT]
        if not choice:
            break
        longest = max(choice, key=sizes.__getitem__)
        cut = _cut(_content(messages[longest]), max(_SHORT, sizes[longest] - max(total - budget, 32)))
        size = count_tokens(cut)
        if size >= sizes[longest]:
            break
        messages[longest] = messages[longest] | {"content": cut}
        total -= sizes[longest] - size
        sizes[longest] = size
    return messages


def _cut(text: str, tokens: int) -> str:
    """Return the beginning and the end of a text, which have about so many tokens."""
    size = count_tokens(text)
    if size <= tokens:
        return text
    characters = max(40, len(text) * tokens // size - 40)
    begin = characters * 2 // 3
    end = characters - begin
    return f"{text[:begin]}\n… {len(text) - characters:,} characters left out …\n{text[-end:]}"


def _note(left_out: Sequence[Message], tokens: int, summarize: Summarize | None) -> Message:
    called = [
        str((call.get("function") or {}).get("name") or call.get("name") or "")
        for message in left_out
        for call in message.get("tool_calls") or ()
    ]
    words = f"[{len(left_out)} earlier messages are left out here."
    if called:
        words += f" Tools were called: {', '.join(list(dict.fromkeys(filter(None, called)))[:_MOST_NAMES])}."
    summary = ""
    if summarize is not None and tokens_of(left_out) >= _WORTH_SUMMARIZING:
        text = "\n\n".join(f"{message.get('role')}: {_written(message)}" for message in left_out)
        summary = summarize(_cut(text, _LONGEST_TO_SUMMARIZE))
    if summary:
        words += f" In short: {_cut(summary, tokens - count_tokens(words) - _EACH)}"
    return {"role": "user", "content": f"{words}]"}


def _content(message: Message) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else ""


def _written(message: Message) -> str:
    content: Any = message.get("content")
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=str)
    calls = message.get("tool_calls")
    return f"{text} {json.dumps(calls, ensure_ascii=False, default=str)}" if calls else text
