"""The part of the story that is over: what people decided in the two weeks before, and what the agents did then."""

from __future__ import annotations

from app.demo import databases, machines, others, services
from app.demo.story import Story
from app.demo.telling import Telling
from app.domain.destinations import destination_terms
from app.domain.grants import Limits
from app.notify.addresses import shown_address
from app.services.grants.lifecycle import GrantDraft
from assent.contracts import ReceiptStatus, RiskLevel

VIEWS = ("sales_by_day", "sales_by_country", "stock_by_warehouse", "returns_by_reason")
"""Four requests so alike that the portal suggests a standing grant."""
ANALYZED = ("orders", "order_lines", "articles", "customers")
"""Four more, for which somebody has proposed one."""
BEFORE = ((20588, 21.40), (20591, 15.00), (20597, 33.90), (20603, 19.95), (20611, 42.00))
"""Refunds that were approved in one act."""


def decided_story(story: Story) -> None:
    """Add what was decided before the demo starts."""
    story.add(story.workday(9, "07:40"), _destination)
    _long_ago(story)
    _last_week(story)
    _lately(story)
    _alike(story)
    story.add(story.workday(1, "15:10"), _propose_grant)


def _long_ago(story: Story) -> None:
    story.ask(
        "schema",
        story.workday(9, "08:20"),
        databases.statement(
            "Add a column for the carrier's tracking link", "ALTER TABLE shipments ADD COLUMN tracking_url text;\n"
        ),
    ).approve("dba", "25m", "Nullable and without a default: no rewrite.").done("4m", "The column is there.")
    story.ask(
        "support",
        story.workday(9, "09:30"),
        others.question(
            "May I answer in Dutch?", "Three customers wrote in Dutch. Should I answer in Dutch or in English?"
        ),
    ).answer("platform", "50m", "In Dutch, and add the English text below.").done("1m", "Answered in both languages.")
    story.ask("ops", story.workday(9, "13:05"), machines.rotate_logs()).reject(
        "platform", "40m", "The file in /opt/ops is that of the old shop. Take the one from the operations repository."
    )
    story.ask("reports", story.workday(8, "08:30"), databases.weekly_report(45))
    story.ask(
        "data",
        story.workday(8, "10:10"),
        databases.statement(
            "Remove duplicate newsletter addresses",
            "DELETE FROM newsletter_addresses a\n USING newsletter_addresses b\n"
            " WHERE a.address = b.address\n   AND a.id < b.id;\n",
        ),
        "duplicates",
    ).modify(
        "platform",
        "1h 35m",
        {
            "content": "DELETE FROM newsletter_addresses a\n USING newsletter_addresses b\n"
            " WHERE a.address = b.address\n   AND a.id > b.id;\n"
        },
        "Keep the oldest address of each: it has the proof of consent.",
    )
    story.ask("support", story.workday(8, "14:00"), services.apology(20512)).approve("platform", "12m").done(
        "1m", "Sent."
    )
    story.ask(
        "ops",
        story.workday(8, "15:20"),
        machines.shell("List open ports of shop-web-1", "ss -tlnp\n", "production", "shop-web-1"),
    ).approve("dba", "6m").done("1m", "4 ports.")
    story.ask("windows", story.workday(7, "09:00"), machines.measure_space()).approve("platform", "31m").done(
        "2m", "F: has 41 GB left, the others more than 200."
    )
    story.ask("ops", story.workday(7, "10:45"), services.scale("checkout", 6)).approve(
        "platform", "9m", "Until tonight."
    ).done("3m", "Only 5 of 6 instances started: the quota of the zone is used up.", ReceiptStatus.PARTLY_APPLIED)
    story.ask("tuning", story.workday(7, "13:30"), databases.order_indexes()).modify(
        "dba",
        "55m",
        {"items": [{"id": "ix_orders_status"}, {"id": "ix_lines_article"}]},
        "Not the third: status and day are in the first one already.",
    ).done("14m", "Two indexes, 96 MB together.")


def _last_week(story: Story) -> None:
    story.ask(
        "support",
        story.workday(6, "09:10"),
        others.discount("BLACK", 40, "2026-11-30", ["everything"]),
    ).reject("platform", "2h 5m", "Not for everything: articles of partners cannot be discounted.")
    story.ask(
        "support",
        story.workday(6, "12:40"),
        others.discount("NOVEMBER", 25, "2026-11-30", ["lamps"]),
    ).modify(
        "dba",
        "45m",
        {"data": {"code": "NOVEMBER", "percent": 15, "categories": ["lamps"], "ends": "2026-11-30", "combines": False}},
        "15 %, as planned with the supplier.",
    ).done("2m", "The code works.")
    story.ask(
        "deploy",
        story.workday(6, "14:20"),
        others.question(
            "Deploy on Friday?",
            "Release 214 is ready. Its change of the database is small. Deploy on Friday or on Monday?",
        ),
    ).answer("dba", "20m", "On Monday.").done("1m", "Planned for Monday, 9 o'clock.")
    story.ask("support", story.workday(6, "15:00"), services.apology(20533)).approve("platform", "17m").done(
        "1m", "Sent."
    )
    story.ask("ops", story.workday(5, "08:15"), services.purge_cache("/campaigns/autumn")).approve("dba", "7m").done(
        "1m", "Cleared."
    )
    story.ask(
        "ops",
        story.workday(5, "09:40"),
        machines.shell(
            "Renew the certificate of the mail server",
            "certbot renew --cert-name mail.shop.example --deploy-hook 'systemctl reload postfix'\n",
            "production",
            "mail-1",
        ),
    ).approve("platform", "22m").done("2m", "Valid until February.")
    story.ask("ops", story.workday(5, "11:00"), others.retention()).approve("dba", "1h 15m").done(
        "3m", "Applied to 3 folders."
    )
    story.ask(
        "data",
        story.workday(5, "13:15"),
        databases.statement(
            "Unlock 3 accounts after the false alarm",
            "UPDATE customers\n   SET locked_at = NULL\n WHERE id IN (88120, 88121, 90417);\n",
        ),
    ).approve("platform", "15m", "Confirmed by telephone.").done("1m", "3 rows.")
    story.ask(
        "schema",
        story.workday(4, "08:40"),
        databases.statement(
            "Drop an index that nothing uses",
            "DROP INDEX CONCURRENTLY ix_orders_old_status;\n",
        ),
    ).approve("dba", "35m", "Not used since the statistics were reset in August.").done("2m", "318 MB are free.")
    story.ask("support", story.workday(4, "10:00"), services.refund(20570, 890.00, "wrong article, returned")).reject(
        "platform", "1h 10m", "The parcel with the returned article has not arrived yet. Ask again when it has."
    )
    story.ask("windows", story.workday(4, "13:00"), machines.restart_spooler()).approve("platform", "10m").done(
        "1m", "The access was refused: the account may not control services there.", ReceiptStatus.FAILED
    )


def _lately(story: Story) -> None:
    story.ask("schema", story.workday(3, "09:05"), databases.drop_log()).approve(
        "dba", "40m", "Nothing has written to it since the tracer was removed."
    ).approve("platform", "1h 20m", "Agreed: tonight.")
    story.ask("deploy", story.workday(3, "13:30"), services.restart("checkout", "production")).approve(
        "platform", "8m"
    ).done("2m", "Restarted one after the other.")
    story.ask("support", story.workday(3, "14:15"), services.apology(20560)).cancel("30m", "The parcel has arrived.")
    story.ask("reports", story.workday(2, "08:30"), databases.weekly_report(46)).approve("platform", "20m").done(
        "1m", "11 rows."
    )
    story.ask("windows", story.workday(2, "09:20"), machines.remove_vpn_pilot()).approve("platform", "33m").done(
        "9m", "Removed from one of two. The other is switched off.", ReceiptStatus.PARTLY_APPLIED
    )
    story.ask(
        "data",
        story.workday(2, "11:10"),
        databases.statement(
            "Merge customer 90233 into 77120",
            "UPDATE orders SET customer_id = 77120 WHERE customer_id = 90233;\n",
        ),
    ).comment("dba", "15m", "Do both have the same address?").comment(
        "agent", "3m", "Yes, and the same telephone number."
    ).approve("dba", "6m").done("1m", "4 rows.")
    story.ask("ops", story.workday(2, "14:00"), services.purge_cache("/")).reject(
        "dba", "12m", "Not the whole cache during the day. Clear the pages that changed."
    )
    for number, (order, amount) in enumerate(BEFORE):
        story.ask(
            "support",
            story.workday(1, f"10:{10 + 4 * number}"),
            services.refund(order, amount, "parcel lost"),
            f"refund {order}",
        )
    story.together(
        "platform",
        story.workday(1, "10:50"),
        [f"refund {order}" for order, _ in BEFORE],
        "All five are on the carrier's list.",
    )
    story.ask("ops", story.workday(1, "13:40"), services.restart("search", "staging")).approve("platform", "5m").done(
        "1m", "Restarted."
    )


def _alike(story: Story) -> None:
    for back, view in enumerate(reversed(VIEWS), 2):
        story.ask("reports", story.workday(back, "05:10"), databases.refresh_view(view)).approve(
            "platform", "2h 30m"
        ).done("3m", "Refreshed.")
    for back, table in enumerate(reversed(ANALYZED), 2):
        story.ask("tuning", story.workday(back, "05:40"), databases.analyze(table), f"analyze {table}").approve(
            "dba", "2h 20m"
        ).done("2m", "Analyzed.")


def _destination(telling: Telling) -> None:
    """A chat that is notified of requests, and that no longer exists: its first call fails."""
    address = "https://chat.shop.example/hooks/approvals"
    terms = destination_terms("webhook", "Chat of the warehouse", address, ["request.opened"])
    telling.past.services.destinations.add(telling.person("platform"), terms, shown_address(terms, ()))


def _propose_grant(telling: Telling) -> None:
    """The platform lead proposes a standing grant, which needs a second person."""
    grants, actor = telling.past.services.grants, telling.person("platform")
    for suggestion in grants.suggestions(actor):
        if suggestion.title.startswith("Analyze"):
            draft = GrantDraft(
                suggestion.scope,
                suggestion.pattern,
                Limits(RiskLevel.LOW, 50, 30),
                "Analyze tables of the staging database",
                [past.id for past in suggestion.evidence],
            )
            grants.propose(actor, draft, "The same four every morning, and never anything to see.")
