"""Queues and streams: Kafka, Redpanda, RabbitMQ, NATS, Pulsar, and their like."""

from __future__ import annotations

from app.risk.commands.lines import Row, known_by_lines
from app.risk.rules import declare
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

GONE = declare(
    "queue.gone",
    CRITICAL,
    "Deletes a queue or topic, or the messages in it.",
    "kafka-topics.sh --bootstrap-server k1:9092 --delete --topic orders",
    "kafka-topics.sh --bootstrap-server k1:9092 --describe --topic orders",
    language="shell",
)
CHANGES = declare(
    "queue.changes",
    HIGH,
    "Changes how long messages are kept, who may read them, or which ones are read next.",
    "kafka-consumer-groups.sh --bootstrap-server k1:9092 --group g --topic t --reset-offsets --to-latest --execute",
    "kafka-consumer-groups.sh --bootstrap-server k1:9092 --group g --describe",
    language="shell",
)
SENDS = declare(
    "queue.sends",
    MEDIUM,
    "Puts messages into a queue or topic, or takes them out.",
    "nats pub orders hello",
    "nats stream ls",
    language="shell",
)
READS = declare(
    "queue.reads",
    LOW,
    "Looks at the messages in a queue or topic.",
    "kafka-console-consumer.sh --bootstrap-server k1:9092 --topic orders --max-messages 5",
    "kafka-topics.sh --bootstrap-server k1:9092 --list",
    language="shell",
)


def _both(names: str) -> str:
    """Return Kafka's tools under both of their names: with and without the ending."""
    return " ".join(f"{name} {name}.sh" for name in names.split())


_SHORT = r"retention\.(?:ms|bytes)=(?:\d{1,6}|-?\d{1,3})(?!\d)"
"""Less than about a quarter of an hour, or a megabyte, of messages."""

known_by_lines(
    _both("kafka-topics"),
    Row(r"--delete\b", GONE, "deletes topics with all their messages"),
    Row(r"--alter\b", CHANGES, "changes a topic"),
    Row(r"--create\b", SENDS, "creates a topic"),
    Row(r"--(?:list|describe)\b"),
)
known_by_lines(
    _both("kafka-configs"),
    Row(rf"--alter\b.*(?:{_SHORT}|cleanup\.policy=\S*delete)", CHANGES, "makes the brokers delete messages"),
    Row(r"--alter\b", CHANGES, "changes settings of the brokers, topics, or users"),
    Row(r"--describe\b"),
)
known_by_lines(
    _both("kafka-consumer-groups kafka-streams-application-reset kafka-share-groups"),
    Row(r"--reset-offsets(?!.*--execute)|--export\b"),
    Row(r"--delete-offsets|--delete\b", CHANGES, "deletes what consumers have read up to"),
    Row(r"--(?:list|describe|state|members|offsets|verbose)\b(?!.*--execute)"),
    Row(r"", CHANGES, "sets consumers to other messages, which are then skipped or handled again"),
)
known_by_lines(_both("kafka-delete-records"), Row(r"", GONE, "deletes messages for good"))
known_by_lines(
    _both("kafka-acls kafka-delegation-tokens"),
    Row(r"--(?:list|describe)\b"),
    Row(r"", CHANGES, "changes who may read and write messages"),
)
known_by_lines(
    _both(
        "kafka-reassign-partitions kafka-leader-election kafka-preferred-replica-election kafka-replica-verification"
    ),
    Row(r"--(?:verify|generate|list)\b(?!.*--execute)"),
    Row(r"", CHANGES, "moves data between brokers"),
)
known_by_lines(
    _both("kafka-storage kafka-features kafka-metadata-quorum kafka-metadata-shell kafka-cluster"),
    Row(r"^format\b", GONE, "makes a new, empty store of a broker"),
    Row(r"\b(?:describe|info|random-uuid|cluster-id|list-endpoints|version-mapping)\b"),
    Row(r"", CHANGES, "changes the cluster of brokers"),
)
known_by_lines(
    _both(
        "kafka-server-start kafka-server-stop zookeeper-server-start zookeeper-server-stop connect-distributed "
        "connect-standalone kafka-mirror-maker connect-mirror-maker kafka-run-class"
    ),
    Row(r"", CHANGES, "starts or stops a server", unread=True),
)
known_by_lines(
    _both("kafka-console-producer kafka-verifiable-producer kafka-producer-perf-test kafka-avro-console-producer"),
    Row(r"", SENDS, "sends messages"),
)
known_by_lines(
    _both(
        "kafka-console-consumer kafka-get-offsets kafka-log-dirs kafka-broker-api-versions kafka-dump-log "
        "kafka-verifiable-consumer kafka-avro-console-consumer kafka-consumer-perf-test kafka-transactions"
    ),
    Row(r"\b(?:abort|force-terminate)\b", CHANGES, "ends transactions of others"),
    Row(r"", READS, "reads messages or their positions"),
)
known_by_lines(
    "kcat kafkacat",
    Row(r"(?:^| )-[a-z]*p\b", SENDS, "sends messages"),
    Row(r"", READS, "reads messages or settings"),
)
_DELETES = r"\b(?:delete|rm|remove|del|purge|destroy|truncate|trim-prefix|trim|clear|clear-backlog|reset|drop|expire)\b"
_LOOKS = (
    r"\b(?:list|ls|describe|get|show|info|status|health|stats|report|view|version|config get|lookup|peek|find|"
    r"tail|subscribe|sub|consume|stats-internal|examine|check|ping|rtt|schema get|validate|lag)\b"
)
known_by_lines(
    "rpk kafkactl kaf zoe kfk pulsar-admin pulsarctl nats nsc artemis activemq rabtap stan",
    Row(
        rf"\b(?:topics?|streams?|queues?|buckets?|kv|objects?|namespaces?|tenants?|persistent|cluster|address)\b.*?{_DELETES}",
        GONE,
        "deletes queues, topics, or their messages",
    ),
    Row(
        rf"{_DELETES} (?:topics?|streams?|queues?|namespaces?|tenants?|records|addresses)\b",
        GONE,
        "deletes queues, topics, or their messages",
    ),
    Row(_DELETES, CHANGES, "deletes consumers, users, or settings of the brokers"),
    Row(rf"^(?:--?\S+ (?:(?!-)\S+ )?)*?(?:\S+ ){{0,3}}?{_LOOKS}"),
    Row(
        r"\b(?:pub|publish|produce|request|req|send|put|create|add|reply|import|new|mk)\b",
        SENDS,
        "sends messages, or creates a topic",
    ),
    Row(r"", CHANGES, "changes the brokers or what they keep"),
)
known_by_lines(
    "rabbitmq-plugins rabbitmq-diagnostics rabbitmq-queues rabbitmq-streams rabbitmq-upgrade",
    Row(
        r"\b(?:list|status|directories|is_|check_|ping|server_version|memory_breakdown|observer|log_tail|environment"
        r"|cipher_suites|listeners|peek|quorum_status)"
    ),
    Row(r"", CHANGES, "changes the message broker"),
)
