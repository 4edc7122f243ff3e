"""Clients of services: what a client, and each part of it, is for."""

from __future__ import annotations

from app.risk.python.values import Value
from app.risk.rules import word_set

TRACKED = word_set(
    "boto3 aioboto3 azure google googleapiclient kubernetes docker pymongo motor redis elasticsearch opensearchpy "
    "github gitlab openstack digitalocean stripe hvac consul etcd3 kazoo kafka confluent_kafka pika ldap3 twilio "
    "slack_sdk sendgrid telegram discord jira neo4j cassandra peewee tortoise mongoengine crontab pulumi"
)
"""Libraries of which it matters how a client's part was reached: ``client.indices.delete`` is not ``client.delete``."""
_LONGEST = 160


def part(base: Value, name: str) -> Value | None:
    """Return an attribute or element of a client; None if it is no client's."""
    if base.kind.split(".")[0] not in TRACKED or len(base.kind) > _LONGEST:
        return None
    return Value(kind=f"{base.kind}.{name}", marks=base.marks)
