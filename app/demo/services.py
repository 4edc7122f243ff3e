"""Proposals that call tools: money, mail, servers, names on the internet."""

from __future__ import annotations

from typing import Any

from assent.contracts import Call, ToolCall, ToolCalls, Urgency

REFUND = {
    "type": "object",
    "properties": {
        "order": {"type": "string", "title": "Order"},
        "amount": {"type": "number", "minimum": 0, "title": "Amount"},
        "currency": {"type": "string", "enum": ["EUR", "USD"], "title": "Currency"},
        "reason": {"type": "string", "title": "Reason"},
    },
    "required": ["order", "amount", "currency"],
}
MAIL = {
    "type": "object",
    "properties": {
        "to": {"type": "array", "items": {"type": "string", "format": "email"}, "title": "Recipients"},
        "subject": {"type": "string", "title": "Subject"},
        "text": {"type": "string", "title": "Text"},
    },
    "required": ["to", "subject", "text"],
}
LATE = (
    "Hello,\n\nyour parcel is held up in the sorting center. It will reach you two days later than we told you, and we "
    "are sorry for that. You do not have to do anything.\n\nYour support team\n"
)


def refund(order: int, amount: float, reason: str) -> ToolCall:
    """A refund: several of them differ only in their values."""
    return ToolCall(
        title=f"Refund {amount:.2f} EUR, A-{order}",
        tool="refund_payment",
        environment="production",
        args={"order": f"A-{order}", "amount": amount, "currency": "EUR", "reason": reason},
        args_schema=REFUND,
    )


def newsletter() -> ToolCall:
    """A mail to many."""
    recipients = [f"customer{number}@mail.example" for number in range(1, 41)]
    return ToolCall(
        title="Mail 40 customers: closed store",
        tool="send_mail",
        environment="production",
        summary="All who have collected a parcel there in the last four weeks.",
        args_schema=MAIL,
        args={
            "to": recipients,
            "subject": "Our store on Harbor Street is closed on Saturday",
            "text": "Hello,\n\nour store on Harbor Street is closed this Saturday because of construction work. "
            "Parcels wait for you until the following Friday.\n\nYour support team\n",
        },
    )


def apology(order: int) -> ToolCall:
    """A mail to one customer."""
    return ToolCall(
        title=f"Apologize for the late A-{order}",
        tool="send_mail",
        environment="production",
        args={"to": [f"order-{order}@mail.example"], "subject": f"Your order A-{order}", "text": LATE},
        args_schema=MAIL,
    )


def close_complaint() -> ToolCalls:
    """Several calls at once, each decided by itself."""
    address = "order-20871@mail.example"
    return ToolCalls(
        title="Settle complaint A-20871",
        environment="production",
        summary="The customer received the lamp broken, and sent a picture of it.",
        calls=[
            Call(
                id="refund",
                tool="refund_payment",
                args_schema=REFUND,
                summary="The price of the lamp, without shipping.",
                args={"order": "A-20871", "amount": 64.9, "currency": "EUR", "reason": "arrived broken"},
            ),
            Call(
                id="mail",
                tool="send_mail",
                args_schema=MAIL,
                summary="So that the customer knows.",
                args={
                    "to": [address],
                    "subject": "Your complaint",
                    "text": "Hello,\n\nwe are sorry that the lamp arrived broken. We return its price today; "
                    "you can keep or discard it.\n\nYour support team\n",
                },
            ),
            Call(
                id="ticket",
                tool="update_ticket",
                summary="Closed unless the customer writes again.",
                args={"ticket": 5530, "status": "solved", "tags": ["broken on arrival"]},
            ),
        ],
    )


def restart(service: str, environment: str) -> ToolCall:
    """A restart."""
    return ToolCall(
        title=f"Restart {service}",
        tool="restart_service",
        environment=environment,
        summary="Its memory has grown by 80 MB an hour since the last release.",
        args={"service": service, "strategy": "rolling", "wait_seconds": 30},
    )


def scale(service: str, replicas: int, urgency: Urgency = Urgency.NORMAL) -> ToolCall:
    """More instances of a service."""
    return ToolCall(
        title=f"Scale {service} to {replicas}",
        tool="scale_service",
        environment="production",
        summary="Requests wait 900 ms on average, and the wait grows.",
        urgency=urgency,
        args={"service": service, "replicas": replicas},
    )


def move_address(ttl: int) -> ToolCall:
    """A change of a name on the internet, and its revision with a shorter lifetime."""
    args: dict[str, Any] = {
        "zone": "shop.example",
        "name": "api",
        "type": "A",
        "value": "203.0.113.40",
        "previous": "203.0.113.12",
        "ttl_seconds": ttl,
    }
    return ToolCall(
        title="Move api.shop.example",
        tool="update_dns_record",
        environment="production",
        summary="To the new load balancer: the old one is switched off at the end of the month.",
        args=args,
    )


def purge_cache(path: str) -> ToolCall:
    """Something that many would approve without a second look."""
    return ToolCall(
        title=f"Clear the cache of {path}",
        tool="purge_cache",
        environment="production",
        args={"path": path, "recursive": False},
    )
