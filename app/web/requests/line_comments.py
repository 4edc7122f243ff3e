"""Comments at lines, at the code that a request's page shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.domain.line_comments import lines_of_text, part_words, texts_of
from app.services.reading.pages import RequestView
from app.services.requests.line_comments import CommentThread
from app.web.code import Code


@dataclass(frozen=True)
class CommentForms:
    """The forms with which people comment on the lines of a text, reply, resolve, and reopen.

    Attributes:
        request_id: where the comments are added.
        part: the part of the proposal that the text is; empty for a script.
        digest: of the payload that the page shows.
        allowed: the viewer may comment.
    """

    request_id: str
    part: str
    digest: str
    allowed: bool


@dataclass(frozen=True)
class Talk:
    """A comment at a line with its replies, as the viewer sees it.

    Attributes:
        where: the line at which it was made, in words.
        can_settle: the viewer may resolve or reopen it.
    """

    thread: CommentThread
    forms: CommentForms
    where: str
    can_settle: bool


def show_comments(view: RequestView, codes: Mapping[str, Code | None]) -> list[Talk]:
    """Put the comments at their lines; returns those that have no place on the page.

    Args:
        codes: the code that the page shows, by the part of the proposal that it is.
    """
    request = view.request
    texts = texts_of(request.payload)
    here = {
        part: code
        for part, code in codes.items()
        if code is not None and part in texts and _is_whole(code, texts[part])
    }
    forms = {part: CommentForms(request.id, part, request.digest, view.acts.comment) for part in here}
    for part, code in here.items():
        code.comments = forms[part]
    without: list[Talk] = []
    for thread in view.threads:
        part, line = thread.place.part, thread.current_line
        own = forms.get(part) or CommentForms(request.id, part, request.digest, view.acts.comment)
        where = f"line {thread.place.line} of {part_words(request.payload, part)}"
        talk = Talk(thread, own, where, thread.root.id in view.settleable)
        if part not in here or line is None:
            without.append(talk)
        elif line <= len(here[part].lines):
            here[part].lines[line - 1].talk.append(talk)
        else:
            here[part].beyond.append(talk)
    return without


def open_count(threads: Iterable[CommentThread]) -> int:
    """How many are open."""
    return sum(thread.is_open for thread in threads)


def _is_whole(code: Code, text: str) -> bool:
    """True if the lines of the page are those of the text: two parts of a proposal may have the same name."""
    lines = lines_of_text(text)
    return [line.text for line in code.lines] == lines[: len(code.lines)]
