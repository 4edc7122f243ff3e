"""The part of the story that is not over: the requests that wait for a decision."""

from __future__ import annotations

from datetime import timedelta

from app.demo import databases, machines, others, services
from app.demo.story import Story, span
from app.demo.telling import Telling
from assent.contracts import Urgency

REFUNDS = (
    (20644, 18.90, "parcel two weeks late", "2h 5m"),
    (20651, 24.50, "wrong color", "1h 52m"),
    (20660, 31.00, "parcel two weeks late", "1h 31m"),
    (20672, 12.75, "one of two cups missing", "1h 10m"),
    (20679, 49.90, "wrong size", "52m"),
    (20690, 27.30, "parcel two weeks late", "38m"),
)
"""Six refunds that differ only in their values."""


def waiting_story(story: Story) -> None:
    """Add the requests that are pending when the demo starts."""
    _databases(story)
    _money_and_mail(story)
    _machines(story)
    _without_hurry(story)
    story.add(story.ago("1d 2h"), _absence)


def _databases(story: Story) -> None:
    story.ask("schema", story.ago("52m"), databases.drop_archive()).approve(
        "dba", "21m", "The export is complete: I restored both tables from it and compared the row counts."
    )
    story.ask("data", story.ago("1h 41m"), databases.forget_customers())
    story.ask("schema", story.ago("2h 12m"), databases.widen_order_numbers()).comment(
        "agent", "40m", "On the copy of last night the statement took 11 minutes, and writers waited for all of them."
    )
    story.ask("schema", story.ago("58m"), databases.add_constraint())
    story.ask("data", story.ago("19h 30m"), databases.correct_prices()).assign("platform", "1h 5m", "dba")
    story.ask("tuning", story.workday(2, "13:20"), databases.dashboard_indexes()).comment(
        "platform", "1h 10m", "It gains little. Is it worth its place on every write?", 1, "ix_articles_supplier"
    ).reply("agent", "2m", "It is the smallest of the four, and articles are written once a day.").resolve(
        "platform", "25m"
    )
    story.ask("reports", story.ago("34m"), databases.weekly_report(47))
    story.ask("data", story.ago("1d 3h"), databases.sample_orders())


def _money_and_mail(story: Story) -> None:
    for order, amount, reason, ago in REFUNDS:
        story.ask("support", story.ago(ago), services.refund(order, amount, reason), f"refund {order}")
    story.ask("support", story.ago("47m"), services.refund(20685, 1240.00, "espresso machine arrived broken"))
    story.ask("support", story.ago("1h 20m"), services.close_complaint())
    story.ask("support", story.ago("2h 31m"), services.newsletter())


def _machines(story: Story) -> None:
    story.ask("ops", story.workday(1, "09:12"), services.move_address(86_400), "dns").request_changes(
        "dba", "1h 25m", "With a lifetime of a day we could not go back before tomorrow. Please use five minutes."
    )
    story.ask("ops", story.ago("1h 12m"), services.move_address(300), revises="dns")
    story.ask("ops", story.ago("11m"), services.scale("checkout", 8, Urgency.URGENT))
    story.ask("ops", story.ago("3h 45m"), machines.clean_disk()).comment(
        "platform", "35m", "Keep five: in October we went back to the fourth.", 6
    )
    story.ask("windows", story.ago("2h 55m"), machines.remove_vpn())
    story.ask("windows", story.ago("2h 20m"), machines.package_editor())
    story.ask("ops", story.ago("4h 35m"), services.restart("search", "staging")).claim("platform", "3h 30m")


def _without_hurry(story: Story) -> None:
    story.ask("deploy", story.workday(3, "10:05"), others.who_first())
    story.ask("ops", story.workday(4, "14:40"), others.move_export(), "export")
    story.add(
        story.ago("1h 50m"),
        lambda telling: telling.snooze(
            "export", "platform", span("6h"), "The new storage is being set up this evening."
        ),
    )
    story.ask(
        "support",
        story.workday(4, "11:15"),
        others.discount("WINTER-LIGHT", 20, "2027-01-31", ["lamps", "candles"]),
    )
    story.ask("ops", story.workday(2, "08:50"), others.thresholds())


def _absence(telling: Telling) -> None:
    """The support lead is away, and the DBA on call decides for them."""
    now = telling.past.clock()
    telling.past.services.absences.add(
        telling.person("support"),
        telling.person_id("support"),
        telling.person_id("dba"),
        now,
        now + timedelta(days=5),
        "Training",
    )
