"""Pages about being told: one's own choices, and for admins every delivery and the outbox."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.domain.choices import Rhythm, Way
from app.domain.notices import NoticeKind
from app.domain.people import Via
from app.services.bundle import Services
from app.services.record.search import AuditFilter
from app.store.people import Person
from assent.contracts import RiskLevel
from tests.factories import make_delivery, make_request
from tests.web.browsing import Browser

Browse = Callable[[str], Browser]


def test_choices_are_kept(services: Services, browse: Browse, people: dict[str, Person]) -> None:
    visitor = browse("reviewer")
    form = visitor.get("/profile/notifications").one("form", action="/profile/notifications")
    chosen = {"asked.way": "digest", "asked.least": "high", "settled.below": "off", "rhythm": "hourly",
              "quiet_from": "22:00", "quiet_until": "06:30"}  # fmt: skip
    visitor.send(form, **chosen)
    page = visitor.follow()
    assert "Your settings are saved" in page.text
    again = visitor.fields(page.one("form", action="/profile/notifications"))
    assert {name: again[name][0] for name in chosen} == chosen
    stored = services.preferences.of(people["reviewer"].as_actor(Via.PAGE))
    assert stored.rhythm is Rhythm.HOURLY and stored.quiet is not None
    assert stored.kinds[NoticeKind.ASKED].of(RiskLevel.HIGH) is Way.DIGEST
    assert stored.kinds[NoticeKind.SETTLED].of(RiskLevel.LOW) is Way.OFF
    assert services.preferences.of(people["other"].as_actor(Via.PAGE)).quiet is None, "everybody has their own"


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({"asked.way": "pigeon"}, "asked.way"),
        ({"asked.least": None}, "asked.least"),
        ({"rhythm": "never"}, "rhythm"),
        ({"digest_at": ""}, "digest_at"),
        ({"digest_at": "25:00"}, "digest_at"),
        ({"quiet_from": "22:00", "quiet_until": ""}, "quiet_until"),
        ({"quiet_from": "", "quiet_until": "07:00"}, "quiet_from"),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "quiet_until"),
        ({"quiet_from": "x\x00\u202e", "quiet_until": "07:00"}, "quiet_from"),
    ],
)
def test_bad_choices_are_shown_and_nothing_typed_is_lost(browse: Browse, sent: dict[str, str], wrong: str) -> None:
    visitor = browse("viewer")
    form = visitor.get("/profile/notifications").one("form", action="/profile/notifications")
    page = visitor.send(form, status=422, **{"outcome.way": "off"} | sent)
    assert page.all("p", id=f"f-{wrong}-wrong"), wrong
    assert visitor.fields(page.one("form", action="/profile/notifications"))["outcome.way"] == ["off"]


def test_admins_send_all_again_that_match(services: Services, browse: Browse, people) -> None:
    requests = [make_request(services.sessions, title=f"Sent again {number}") for number in range(2)]
    failed = [
        make_delivery(services.sessions, request, people["other"], reason="550 no", html=None, text=None)
        for request in requests
    ]
    visitor = browse("admin")
    page = visitor.get("/deliveries?text=sent+again")
    visitor.send(page.one("form", action="/deliveries/again"))
    assert "2 notifications are being sent again." in visitor.follow().text
    states = {services.deliveries.get(people["admin"].as_actor(Via.PAGE), row.id).delivery.state for row in failed}
    assert states == {"pending"}
    assert not visitor.get("/deliveries?text=sent+again").all("form", action="/deliveries/again")


def test_the_channel_that_comes_first_is_chosen_for_everybody(services: Services, browse: Browse, people) -> None:
    visitor, viewer = browse("admin"), people["other"].as_actor(Via.PAGE)
    form = visitor.get("/deliveries").one("form", action="/deliveries/first-channel")
    assert "Slack" not in form.text, "no Slack app is configured"
    visitor.send(form, way="browser")
    assert "The choice is saved." in visitor.follow().text
    assert services.preferences.of(viewer).kinds[NoticeKind.ASKED].way is Way.BROWSER
    visitor.send(visitor.page.one("form", action="/deliveries/first-channel"), way="mail")
    page = visitor.send(visitor.follow().one("form", action="/deliveries/first-channel"), status=422, way="pigeon")
    assert "This channel cannot come first." in page.text
    assert services.preferences.of(viewer).kinds[NoticeKind.ASKED].way is Way.MAIL


def test_admins_find_a_delivery_and_send_it_again(services: Services, browse: Browse, people) -> None:
    request = make_request(services.sessions)
    failed = make_delivery(
        services.sessions, request, people["other"], reason="The mail server said: 550 <b>no</b>", html=None, text=None
    )  # fmt: skip
    visitor = browse("admin")
    page = visitor.get(f"/deliveries?state=failed&text=other&request_id={request.id}&kind=asked")
    assert "550 <b>no</b>" in page.text and len(page.all("a", href=f"/deliveries/{failed.id}")) == 1
    page = visitor.get(f"/deliveries/{failed.id}")
    visitor.send(page.one("form", action=f"/deliveries/{failed.id}/again"))
    assert "It is being sent." in visitor.follow().text
    data = {"csrf_token": visitor.caller.headers["X-CSRFToken"]}
    assert visitor.caller.client.post(f"/deliveries/{failed.id}/again", data=data).status_code == 409
    wanted = AuditFilter(action="delivery.repeated", request_id=request.id)
    [entry] = services.records.page(people["admin"].as_actor(Via.PAGE), wanted).entries
    assert entry.detail["delivery"] == failed.id


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/deliveries?state=nonsense&kind=nonsense", 200),
        ("/deliveries?text=%25_%5C%00", 200),
        ("/deliveries?before=nonsense", 422),
        ("/deliveries?before=2026-01-01T00:00:00~x'", 422),
        ("/deliveries?before=2026-01-01T00:00:00%2B00:00~abc", 200),
        ("/deliveries?request_id=%00", 200),
        ("/outbox?before=nonsense", 422),
        ("/deliveries/nothing", 404),
        ("/deliveries/nothing/message", 404),
    ],
)
def test_bad_addresses(browse: Browse, path: str, status: int) -> None:
    browse("admin").get(path, status)


def test_the_pages_say_that_no_mail_is_sent_and_that_links_are_left_out(services, browse: Browse, people) -> None:
    link = f"/decide/{'0' * 32}.{'a' * 43}"
    kept = make_delivery(services.sessions, make_request(services.sessions), people["other"], "sent",
                         html=f"<a href='https://a.example{link}'>Decide</a>", text=f"https://a.example{link}",
                         sent_at=services.clock())  # fmt: skip
    visitor = browse("admin")
    for path in ("/outbox", "/deliveries"):
        page = visitor.get(path)
        assert "no email is sent" in page.text and "sign in and decide in the queue" in page.text
        assert link not in visitor.response.text
    page = visitor.get(f"/deliveries/{kept.id}")
    assert "Links for deciding were removed" in page.text and link not in visitor.response.text
    message = visitor.caller.get(f"/deliveries/{kept.id}/message")
    assert link not in message.text and "/decide/link-left-out" in message.text
    assert link not in visitor.caller.get(f"/api/v1/deliveries/{kept.id}").text


def test_a_kept_mail_is_shown_where_it_can_do_nothing(app: Flask, services: Services, browse: Browse, people) -> None:
    html = "<!doctype html><title>A</title><h1>A mail</h1><script>alert(1)</script><img src='https://evil.example/x'>"
    kept = make_delivery(services.sessions, make_request(services.sessions), people["other"], "sent", html=html,
                         sent_at=services.clock(), subject="High risk: \u202eevil")  # fmt: skip
    visitor = browse("admin")
    assert "⟨U+202E⟩evil" in visitor.get("/outbox").text
    page = visitor.get(f"/deliveries/{kept.id}")
    frame = page.one("iframe")
    assert frame.attributes["src"] == f"/deliveries/{kept.id}/message"
    assert "allow-scripts" not in frame.attributes["sandbox"] and "allow-same-origin" not in frame.attributes["sandbox"]
    assert "frame-src 'self'" in visitor.response.headers["Content-Security-Policy"]
    message = visitor.caller.get(f"/deliveries/{kept.id}/message")
    policy = message.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "sandbox" in policy and "allow-scripts" not in policy
    assert "script-src" not in policy and message.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert browse("reviewer").caller.get(f"/deliveries/{kept.id}/message").status_code == 403
