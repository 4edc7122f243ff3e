"""Comments at lines on the page of a request, without JavaScript."""

from __future__ import annotations

import pytest

from app.domain.people import Role, Via
from app.domain.policy.terms import Terms
from app.services.approvals.decisions.remarks import CommentPlace
from app.services.bundle import Services
from tests.factories import make_person, make_request, optimizations, script, tool_call
from tests.web.browsing import Browser, Element
from tests.web.requests.test_link import Browse

CODE = "select 1;\ndelete from orders;\nselect 2;"
RULE = Terms(name="Resolved first", deadline_seconds=4 * 3600, comments_resolved=True)


def commented(reviewer: Browser, key: str, line: str, words: str, status: int = 303) -> Element:
    """Comment on a line by the form below the code; returns the page after it."""
    form = reviewer.page.one("details", id=f"comment-at-{key}").one("form")
    page = reviewer.send(form, status=status, line=line, body=words)
    return reviewer.follow() if status == 303 else page


def test_a_comment_is_added_answered_and_resolved(services: Services, reviewer: Browser, browse: Browse) -> None:
    request = make_request(services.sessions, payload=script(CODE), terms=RULE)
    reviewer.get(f"/requests/{request.id}")
    commented(reviewer, "script", "2", "Not without a where.\r\n<b>")
    line = reviewer.page.one("div", id="line-script-2").parent
    assert line is not None and "Not without a where. <b>" in line.text and line.attributes["class"] == "noted talk"
    assert "said at line 2 of the script" in reviewer.page.one("section", id="timeline").text
    thread = line.one("div", class_="thread")
    reviewer.send(thread.one("details", class_="reply").one("form"), body="I will.")
    assert "I will." in reviewer.follow().one("div", class_="thread").text
    assert "1 comment at a line is open" in reviewer.page.one("div", id="decision").text
    refused = reviewer.send(reviewer.form("decide"), reviewer.button("Approve"), status=409)
    assert "requires that all of them are resolved" in refused.text
    viewer = browse("viewer").get(f"/requests/{request.id}")
    assert "Not without a where." in viewer.text and not viewer.all("details", class_="new-comment")
    reviewer.get(f"/requests/{request.id}")
    thread = reviewer.page.one("div", class_="thread")
    reviewer.send(thread.all("form")[0], thread.one("button", value="resolve"))
    page = reviewer.follow()
    assert "resolved by" in page.one("details", class_="thread resolved").all("summary")[0].text
    assert "is open" not in page.one("div", id="decision").text
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve"))
    assert "Approved" in reviewer.follow().text


@pytest.mark.parametrize(("line", "words"), [("9", "This text has 3 lines"), ("two", "Enter the number of a line")])
def test_a_line_that_is_not_there_loses_no_text(services: Services, reviewer: Browser, line: str, words: str) -> None:
    reviewer.get(f"/requests/{make_request(services.sessions, payload=script(CODE)).id}")
    page = commented(reviewer, "script", line, "A long thought.", status=422)
    assert words in page.text and "A long thought." in page.one("textarea", id="comment-body").text


def test_statements_and_arguments_have_lines_and_outdated_comments_are_listed(
    services: Services, reviewer: Browser
) -> None:
    request = make_request(services.sessions, payload=optimizations(2))
    reviewer.get(f"/requests/{request.id}")
    commented(reviewer, "item-1", "1", "Why this index?")
    assert "Why this index?" in reviewer.page.one("div", id="part-item-1").text
    call = tool_call({"query": "select 1;\ndelete from orders", "limit": 3}, "run_sql")
    first = make_request(services.sessions, payload=call)
    actor = make_person(services.sessions, "Author", [Role.REVIEWER]).as_actor(Via.PAGE)
    services.checkpoints.comment(first.id, actor, "All of them?", place=CommentPlace(part="query", line=2))
    other = tool_call({"query": "select 1;", "limit": 3}, "run_sql")
    second = make_request(services.sessions, payload=other, previous_id=first.id, revision=2)
    assert "All of them?" in reviewer.get(f"/requests/{first.id}").one("div", id="line-argument-1-2").parent.text  # type: ignore[union-attr]
    section = reviewer.get(f"/requests/{second.id}").one("section", aria_labelledby="talk-elsewhere")
    assert "Outdated: line 2 of query, as it was in revision 1" in section.text and "delete from orders" in section.text
