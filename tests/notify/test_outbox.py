"""What is kept while no mail server or Slack app is set: without links that decide or sign in, but in a demo."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from sqlalchemy import update

from app.domain.choices import DEFAULT, Choices, Way
from app.domain.links import sign
from app.domain.notices import NoticeKind
from app.domain.people import Role, Via
from app.services.notifications.deliveries import Deliveries, DeliveryFilter
from app.services.notifications.messages import bound_of
from app.services.notifications.preferences import NotificationPreferences
from app.store.notify import Delivery
from app.store.requests import ApprovalRequest
from tests.factories import make_person, script
from tests.notify.conftest import SECRET_KEY, PostOffice, make_office

SIGN_IN = f"https://assent.example/sign-in/{'x-_' * 14}y"
LINK = re.compile(r"/decide/[0-9a-f]{32}\.")


def kept(office: PostOffice, channel: str = "mail") -> tuple[ApprovalRequest, Delivery]:
    """A request that names a sign-in link, and the message about it that was kept."""
    person = make_person(office.desk.sessions, "DBA on call")
    if channel == "slack":
        asked = replace(DEFAULT[NoticeKind.ASKED], way=Way.SLACK, below=Way.SLACK)
        chosen = replace(Choices(), kinds=dict(DEFAULT) | {NoticeKind.ASKED: asked})
        NotificationPreferences(office.desk.sessions, office.desk.clock).choose(person.as_actor(Via.PAGE), chosen)
    request = office.desk.open(script(f"select 1 -- {SIGN_IN}", title=f"Look at {SIGN_IN}"))
    office.work()
    [delivery] = [delivery for delivery in office.of(request) if delivery.person_id == person.id]
    assert (delivery.channel, delivery.state) == (channel, "sent") and delivery.kept
    return request, delivery


def test_a_kept_mail_has_no_link_that_decides_or_signs_in(outbox: PostOffice) -> None:
    request, delivery = kept(outbox)
    for part in (delivery.text or "", delivery.html or "", delivery.subject):
        assert not LINK.search(part) and SIGN_IN not in part
    for part in (delivery.text or "", delivery.html or ""):
        assert "No mail server is configured, so this email was not sent." in part
        assert f"https://assent.example/requests/{request.id}" in part, "with sign-in one gets to it"
        assert "/sign-in/link-left-out" in part


def test_a_kept_message_for_slack_has_none_either(outbox: PostOffice) -> None:
    _request, delivery = kept(outbox, "slack")
    said = json.dumps([delivery.text, delivery.html, delivery.subject])
    assert not LINK.search(said) and SIGN_IN not in said


def test_in_a_demo_the_links_work(database_url: str) -> None:
    demo = make_office(database_url, demo=True)
    _request, delivery = kept(demo)
    link = f"https://assent.example/decide/{sign(SECRET_KEY, bound_of(delivery))}"
    assert link in (delivery.text or "") and link in (delivery.html or "")
    assert "was not sent" not in (delivery.text or "")
    assert demo.post.deliveries.blank() == 0


def test_what_an_earlier_version_kept_is_blanked_when_it_is_shown_and_when_a_worker_starts(outbox: PostOffice) -> None:
    request, delivery = kept(outbox)
    token = sign(SECRET_KEY, bound_of(delivery))
    old = f'<a href="https://assent.example/decide/{token}">Decide</a> {SIGN_IN} %2Fdecide%2F{token}'
    with outbox.desk.sessions.begin() as session:
        session.execute(update(Delivery).where(Delivery.id == delivery.id).values(html=old, text=old))
    admin = make_person(outbox.desk.sessions, "Admin", [Role.ADMIN]).as_actor(Via.PAGE)
    deliveries = Deliveries(outbox.desk.sessions, outbox.desk.clock)
    [listed] = deliveries.page(admin, DeliveryFilter(kept=True, request_id=request.id)).rows
    for row in (listed, deliveries.get(admin, delivery.id)):
        assert token not in f"{row.delivery.text}{row.delivery.html}"
    assert outbox.of(request)[0].html == old, "looking changes nothing"
    assert outbox.post.deliveries.blank() == 1
    [stored] = outbox.of(request)
    assert (
        stored.html
        == stored.text
        == (
            '<a href="https://assent.example/decide/link-left-out">Decide</a> '
            "https://assent.example/sign-in/link-left-out %2Fdecide%2Flink-left-out"
        )
    )
    assert outbox.post.deliveries.blank() == 0


def test_a_reason_names_no_link(outbox: PostOffice) -> None:
    """A mail server may repeat the message that it refuses."""
    _request, delivery = kept(outbox)
    outbox.post.deliveries.suppress(delivery, f"550 spam: {SIGN_IN} https://a.example/decide/{'0' * 32}.{'a' * 43}")
    assert outbox.of()[0].reason.endswith("/sign-in/link-left-out https://a.example/decide/link-left-out")
