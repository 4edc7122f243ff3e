"""The workflows that the router knows: those that come with Assent, whether they are installed or not."""

from __future__ import annotations

from typing import NamedTuple


class KnownWorkflow(NamedTuple):
    """A workflow by name, with a title, and what it is for in a few words."""

    name: str
    title: str
    purpose: str


COORDINATOR = "coordinator"
"""Carries out several workflows by a plan; the router turns to it when no single workflow fits."""

WORKFLOWS = {
    workflow.name: workflow
    for workflow in (
        KnownWorkflow("asset_discovery", "Asset discovery", "import, clean, and connect inventories"),
        KnownWorkflow("code_inspection", "Code inspection", "review source code, and propose patches"),
        KnownWorkflow("cost_optimization", "Cost optimization", "find waste in cloud bills"),
        KnownWorkflow("database_blocking", "Database blocking", "resolve locks and sessions that wait for each other"),
        KnownWorkflow("database_capacity", "Database capacity", "forecast growth, space, and limits of databases"),
        KnownWorkflow("database_maintenance", "Database maintenance", "planned upkeep: indexes, statistics, backups"),
        KnownWorkflow("database_performance", "Database performance", "find out why a database is slow"),
        KnownWorkflow("error_analysis", "Error analysis", "group and explain errors of an application"),
        KnownWorkflow("infrastructure_health", "Infrastructure health", "the condition of many machines and networks"),
        KnownWorkflow("instance_troubleshooting", "Instance troubleshooting", "what is wrong with one machine"),
        KnownWorkflow("log_anomalies", "Log anomalies", "find what is unusual in logs"),
        KnownWorkflow("log_investigation", "Log investigation", "reconstruct an incident from logs"),
        KnownWorkflow("package_deployment", "Package deployment", "package Windows installers for deployment"),
        KnownWorkflow("security_posture", "Security posture", "assess how securely systems are configured"),
        KnownWorkflow(COORDINATOR, "Coordinator", "plan and carry out several workflows together"),
    )
}


def title_of(name: str) -> str:
    """Return the title of a workflow, made from its name if the router does not know it."""
    known = WORKFLOWS.get(name)
    return known.title if known else name.replace("_", " ").capitalize()
