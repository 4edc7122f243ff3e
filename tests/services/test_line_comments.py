"""Comments at lines: where they stand after edits and in revisions, who may resolve them, and what they hold back."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import pytest

from app.domain.errors import (
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
    OpenCommentsError,
    OwnRequestError,
    StaleDigestError,
)
from app.domain.line_comments import CurrentLines, LinePlace, texts_of
from app.domain.people import Sight
from app.services.approvals.bulk import BulkDecisions, SelectedRequest
from app.services.approvals.decisions.remarks import CommentPlace
from app.services.requests.line_comments import CommentThread
from app.store.requests import ApprovalRequest, Comment
from assent.contracts import Outcome, Verdict
from tests.factories import optimizations, plan, script, tool_call
from tests.services.desk import AtOnce, Desk
from tests.services.ruled import member, ruled, seen, terms
from tests.web.requests.test_calls import calls

CODE = "select 1;\ndelete from orders;\nselect 2;"


def say(
    desk: Desk, request: ApprovalRequest, actor: Any, line: int | None, words: str = "Why?", **place: Any
) -> Comment:
    """Comment at a line."""
    return desk.checkpoints.comment(request.id, actor, words, place=CommentPlace(line=line, **place))


def threads(desk: Desk, request: ApprovalRequest, viewer: Any) -> list[CommentThread]:
    """The comments at lines as the page gets them."""
    return seen(desk, request, viewer).threads


def test_a_comment_stands_at_its_line_with_its_replies(desk: Desk) -> None:
    request, one, two = desk.open(script(CODE)), member(desk, "One"), member(desk, "Two")
    root = say(desk, request, one, 2, "Not without a where.")
    desk.checkpoints.comment(request.id, two, "Right.", place=CommentPlace(reply_to=root.id))
    [thread] = threads(desk, request, two)
    assert (thread.current_line, thread.root.line_text) == (2, "delete from orders;")
    assert thread.root.digest == request.digest
    assert [reply.body for reply in thread.replies] == ["Right."] and thread.is_open
    what = [line.what for line in seen(desk, request, one).timeline if line.comment]
    assert what == ["said at line 2 of the script", "replied"]
    assert desk.audit(request)[-2].detail["place"] == "line 2 of the script"
    assert desk.events(request)[-2:] == ["request.comment", "request.comment"]


def test_only_lines_that_exist_of_the_text_that_was_seen(desk: Desk) -> None:
    request, one = desk.open(script(CODE)), member(desk, "One")
    for place in ({"line": 4}, {"line": 1, "part": "nothing"}, {"line": None, "reply_to": "nobody"}):
        with pytest.raises(InvalidInputError):
            say(desk, request, one, **place)  # type: ignore[arg-type]
    with pytest.raises(StaleDigestError):
        say(desk, request, one, 1, digest="0" * 64)
    general = desk.checkpoints.comment(request.id, one, "A general one.")
    for comment_id in (general.id, "nothing", "\x00"):
        with pytest.raises(NotFoundError):
            desk.checkpoints.settle_comment(request.id, comment_id, one, resolve=True)


def test_who_may_resolve(desk: Desk) -> None:
    requester, one, two = member(desk, "Requester"), member(desk, "One"), member(desk, "Two")
    request = desk.open(script(CODE), requester)
    root = say(desk, request, one, 2)
    agent = dataclasses.replace(requester, kind="agent", name="bot", sight=Sight.ALL)
    for actor, refusal in ((requester, OwnRequestError), (agent, ForbiddenError)):
        with pytest.raises(refusal):
            desk.checkpoints.settle_comment(request.id, root.id, actor, resolve=True)
    done = desk.checkpoints.settle_comment(request.id, root.id, two, resolve=True)
    assert (done.resolved_by_name, threads(desk, request, one)[0].is_open) == ("Two", False)
    with pytest.raises(IllegalTransitionError, match="already resolved"):
        desk.checkpoints.settle_comment(request.id, root.id, one, resolve=True)
    assert desk.checkpoints.settle_comment(request.id, root.id, one, resolve=False).resolved_at is None
    assert [entry.action for entry in desk.audit(request)][-2:] == [
        "request.comment_resolved", "request.comment_reopened",
    ]  # fmt: skip
    assert seen(desk, request, one).timeline[-1].what == "reopened a comment of One at line 2 of the script"
    own = say(desk, request, requester, 1)
    assert desk.checkpoints.settle_comment(request.id, own.id, requester, resolve=True).resolved_at


def test_the_agent_gets_open_comments_with_their_lines(desk: Desk) -> None:
    """And the words of the person who requests changes may then be empty."""
    request, one = desk.open(script(CODE)), member(desk, "One")
    with pytest.raises(InvalidInputError):
        desk.decide(request, one, Verdict.REQUEST_CHANGES)
    say(desk, request, one, 2, "Not without a where.")
    gone = say(desk, request, one, 1, "Never mind.")
    desk.checkpoints.settle_comment(request.id, gone.id, one, resolve=True)
    desk.decide(request, one, Verdict.REQUEST_CHANGES)
    row = desk.outcome(request)
    assert row is not None
    [remark] = Outcome.model_validate(row.body).remarks
    assert remark.comment == "Line 2 of the script: delete from orders;\nOne: Not without a where."


def revise(desk: Desk, request: ApprovalRequest, content: str, viewer: Any) -> ApprovalRequest:
    """Request changes, and have the run propose this instead."""
    desk.decide(request, viewer, Verdict.REQUEST_CHANGES, comment="Again.")
    revised = desk.open(script(content))
    with desk.sessions.begin() as session:
        stored = session.get_one(ApprovalRequest, revised.id)
        stored.previous_id, stored.revision = request.id, request.revision + 1
    return desk.fresh(revised)


def test_in_a_revision_comments_stand_at_the_same_text_or_are_outdated(desk: Desk) -> None:
    request, one = desk.open(script(CODE)), member(desk, "One")
    kept, gone = say(desk, request, one, 3, "Keep this."), say(desk, request, one, 2, "Not this.")
    second = revise(desk, request, "-- first\nselect 1;\nselect 2;", one)
    third = revise(desk, second, "select 2;\nselect 1;", one)
    found = {thread.root.id: thread for thread in threads(desk, third, one)}
    assert (found[kept.id].current_line, found[kept.id].revision) == (1, 1)
    assert found[gone.id].outdated and found[gone.id].is_open
    done = desk.checkpoints.settle_comment(third.id, gone.id, one, resolve=True)
    assert done.request_id == request.id, "it belongs to the revision at which it was made"
    with pytest.raises(NotFoundError):
        other = desk.open(script(CODE))
        desk.checkpoints.settle_comment(other.id, kept.id, one, resolve=True)


def test_a_rule_refuses_approvals_until_all_are_resolved(desk: Desk) -> None:
    desk = ruled(desk, terms(comments_resolved=True))
    request, one, two = desk.open(script(CODE)), member(desk, "One"), member(desk, "Two")
    root = say(desk, request, one, 2)
    with pytest.raises(OpenCommentsError, match="1 comment at lines is open") as refusal:
        desk.decide(request, two)
    assert refusal.value.extra == {"open_comments": 1}
    changed = {"content": "select 3"}
    with pytest.raises(OpenCommentsError):
        desk.decide(request, two, Verdict.MODIFY, change=changed)
    [together] = BulkDecisions(desk.sessions, desk.checkpoints).decide(
        two, [SelectedRequest(request.id, request.digest)], Verdict.APPROVE, confirmed=[request.id]
    )
    assert isinstance(together.error, OpenCommentsError) and "resolved before an approval" in together.words
    desk.checkpoints.settle_comment(request.id, root.id, two, resolve=True)
    assert desk.decide(request, two).resolved

    rejected = desk.open(script(CODE))
    say(desk, rejected, one, 1)
    assert desk.decide(rejected, two, Verdict.REJECT, comment="No.").resolved  # always possible
    revised = revise(desk, desk.open(script(CODE)), CODE, one)
    with desk.sessions.begin() as session:
        first = session.get_one(ApprovalRequest, revised.previous_id)
    say(desk, first, one, 2, "Left open before.")
    with pytest.raises(OpenCommentsError):
        desk.decide(revised, two)


def test_a_comment_at_an_earlier_revision_changes_the_version_of_the_current_one(desk: Desk) -> None:
    """So an approval that is being written at the same moment sees it."""
    desk = ruled(desk, terms(comments_resolved=True))
    first, one = desk.open(script(CODE)), member(desk, "One")
    root = say(desk, first, one, 2)
    revised = revise(desk, first, CODE, one)
    desk.checkpoints.settle_comment(first.id, root.id, one, resolve=True)
    before = desk.fresh(revised).version
    desk.checkpoints.settle_comment(first.id, root.id, one, resolve=False)
    assert desk.fresh(revised).version == before + 1
    say(desk, desk.fresh(first), one, 1)
    assert desk.fresh(revised).version == before + 2
    with pytest.raises(OpenCommentsError):
        desk.decide(desk.fresh(revised), one)


def test_a_comment_and_an_approval_at_the_same_moment_exclude_each_other(wide_desk: Desk, at_once: AtOnce) -> None:
    desk = ruled(wide_desk, terms(comments_resolved=True))
    for _ in range(4):
        request, one, two = desk.open(script(CODE)), member(desk, "One"), member(desk, "Two")
        results = at_once([partial(desk.decide, request, two), partial(say, desk, request, one, 2)])
        approved = desk.fresh(request).state == "approved"
        assert approved != isinstance(results[0], OpenCommentsError)


def test_every_kind_of_code_has_lines() -> None:
    assert texts_of(optimizations(2)).keys() == {"a", "b"}
    nested = tool_call({"jobs": [{"sql": "select 1"}], "note": "x", "n": 3})
    assert texts_of(nested) == {"jobs.0.sql": "select 1", "note": "x"}
    assert texts_of(calls())["2/path"] == "a"
    assert any(part.startswith("drop/") for part in texts_of(plan()))
    assert texts_of({"kind": "question", "question": "Why?"}) == {}
    lines = CurrentLines(script("a\nb\na\r\nc\na"))
    assert lines.line(LinePlace("", 4, "a")) == 3, "the nearest of several"
    assert lines.line(LinePlace("", 1, "d")) is None
