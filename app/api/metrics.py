"""`/metrics` in the Prometheus format.

All numbers come from the database, so it does not matter which of several web processes on one port answers.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from app.api.auth import authenticate
from app.domain.tokens import Scope
from app.http.runtime import services
from app.services.reading.numbers import Number

METRICS = {
    "pending": ("assent_requests_pending", "Pending requests", "risk"),
    "oldest_pending": ("assent_requests_oldest_pending_seconds", "Age of the oldest pending request", ""),
    "overdue": ("assent_requests_overdue_seconds", "How late due steps of requests are", ""),
    "runs": ("assent_runs", "Runs that have not ended", "state"),
    "jobs": ("assent_jobs_waiting", "Jobs that wait for a worker", "queue"),
    "deliveries": ("assent_deliveries", "Notifications that are pending or failed", "state"),
    "worker": ("assent_worker_heartbeat_age_seconds", "Time since the last heartbeat of a worker", ""),
    "audit": ("assent_audit_last_entry", "Number of the last audit entry", ""),
}
"""For each number: the metric's name, its description, and the name of its label."""


def register(app: Flask) -> None:
    """Register the route."""

    def metrics() -> Response:
        client = authenticate((Scope.METRICS_READ,))
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(services().numbers.all(client.actor)))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    app.add_url_rule("/metrics", "metrics", metrics)


class _Collector:
    def __init__(self, numbers: list[Number]) -> None:
        self._numbers = numbers

    def describe(self) -> list[Number]:
        """No metrics in advance: the numbers have been read already."""
        return []

    def collect(self) -> Iterator[Metric]:
        """A family for each metric, even if there is nothing to count."""
        for name, (metric, words, label) in METRICS.items():
            family = GaugeMetricFamily(metric, words, labels=[label] if label else [])
            for number in self._numbers:
                if number.name == name and number.value is not None:
                    family.add_metric([number.label] if label else [], number.value)
            yield family
