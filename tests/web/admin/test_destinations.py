"""Pages about destinations: added, changed, switched off, tested and told again by admins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from app.domain.people import Via
from app.services.bundle import Services
from app.store.people import Person
from tests.factories import make_destination
from tests.web.browsing import Browser

Browse = Callable[[str], Browser]


def test_a_webhook_is_added_and_its_secret_shown_once(services: Services, browse: Browse) -> None:
    admin = browse("admin")
    form = admin.get("/destinations/new?channel=webhook").one("form", action="/destinations")
    given = {"name": "Chat <bot>", "address": "https://hooks.example.com/a?key=k", "topics": ["request.opened"]}
    page = admin.send(form, status=200, **given)
    secret = page.one("pre").text.strip()
    Webhook(secret)
    listed = admin.get("/destinations")
    assert "Chat <bot>" in listed.text and "request.opened" in listed.text and secret not in listed.text
    assert "key=k" not in listed.text
    address = next(link.attributes["href"] for link in listed.all("a") if link.text == "Chat <bot>")
    again = admin.get(address)
    assert secret not in again.text
    changed = admin.send(again.one("form", action=address), name="Chat")
    assert changed is not None
    page = admin.send(admin.get(address).one("form", action=f"{address}/secret"), status=200)
    assert page.one("pre").text.strip() != secret and "Both secrets sign until" in page.text


@pytest.mark.parametrize(
    ("channel", "sent", "wrong"),
    [
        ("webhook", {"address": "https://127.0.0.1/x"}, "address"),
        ("webhook", {"address": "gopher://x"}, "address"),
        ("webhook", {"address": "https://hooks.example.com/", "name": " "}, "name"),
        ("webhook", {"address": "https://hooks.example.com/", "secret": "short"}, "secret"),
        ("webhook", {"address": "https://hooks.example.com/", "topics": ["nonsense"]}, "topics"),
        ("slack", {"address": "#general"}, "address"),
        ("slack", {"address": "C024BE91L", "team_slug": "nobody"}, "team_slug"),
        ("slack", {"address": "C024BE91L", "least_risk": "purple"}, "least_risk"),
        ("apprise", {"address": "nonsense"}, "address"),
        ("apprise", {"address": "json://169.254.169.254/"}, "address"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_typed_is_lost(
    browse: Browse, channel: str, sent: dict[str, Any], wrong: str
) -> None:
    admin = browse("admin")
    form = admin.get(f"/destinations/new?channel={channel}").one("form", action="/destinations")
    page = admin.send(form, status=422, **{"name": "A place"} | sent)
    assert page.all("p", id=f"f-{wrong}-wrong"), wrong
    assert admin.fields(page.one("form", action="/destinations"))["address"] == [sent["address"]]


def test_it_is_tested_switched_off_told_again_and_removed(
    services: Services, browse: Browse, people: dict[str, Person]
) -> None:
    admin, row = browse("admin"), make_destination(services)
    address = f"/destinations/{row.id}"
    admin.send(admin.get(address).one("form", action=f"{address}/test"))
    page = admin.follow()
    assert "A test is being sent" in page.text and "A test" in page.text
    admin.send(admin.get(address).one("form", action=f"{address}/switch"))
    page = admin.follow()
    assert "Disabled since" in page.text and not page.all("form", action=f"{address}/test")
    admin.send(page.one("form", action=f"{address}/switch"))
    admin.send(admin.follow().one("form", action=f"{address}/replay"), hours="24")
    page = admin.follow()
    actor = people["admin"].as_actor(Via.PAGE)
    assert services.destinations.get(actor, row.id).row.disabled_at is None
    page = admin.send(page.one("form", action=f"{address}/replay"), status=422, hours="7")
    assert "Choose one of these" in page.text
    admin.send(admin.get(address).one("form", action=f"{address}/remove"))
    assert "The destination is removed" in admin.follow().text
    admin.get(address, 404)


def test_only_admins_see_them(services: Services, browse: Browse) -> None:
    row = make_destination(services)
    for path in ("/destinations", "/destinations/new", f"/destinations/{row.id}"):
        browse("reviewer").get(path, 403)
