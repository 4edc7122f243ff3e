"""The workflows that the router knows, whether they are installed or not, and the stages that may lead to an answer."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Stage(StrEnum):
    """What led to an answer."""

    NAME = "name"
    PATTERN = "pattern"
    LESSON = "lesson"
    CLASSIFIER = "classifier"
    MODEL = "model"
    QUESTION = "question"


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
        KnownWorkflow("asset_discovery", "Asset discovery", "imports, cleans, and connects inventories"),
        KnownWorkflow("code_inspection", "Code inspection", "reviews source code and proposes patches"),
        KnownWorkflow("cost_optimization", "Cost optimization", "finds waste in cloud bills"),
        KnownWorkflow("database_blocking", "Database blocking", "resolves locks between sessions"),
        KnownWorkflow("database_capacity", "Database capacity", "forecasts growth, space, and limits of databases"),
        KnownWorkflow("database_maintenance", "Database maintenance", "maintains indexes, statistics, and backups"),
        KnownWorkflow("database_performance", "Database performance", "finds out why a database is slow"),
        KnownWorkflow("error_analysis", "Error analysis", "groups and explains errors of applications"),
        KnownWorkflow("infrastructure_health", "Infrastructure health", "checks many machines and networks"),
        KnownWorkflow("instance_troubleshooting", "Instance troubleshooting", "finds what is wrong with one machine"),
        KnownWorkflow("log_anomalies", "Log anomalies", "finds what is unusual in logs"),
        KnownWorkflow("log_investigation", "Log investigation", "reconstructs incidents from logs"),
        KnownWorkflow("package_deployment", "Package deployment", "packages Windows installers for deployment"),
        KnownWorkflow("security_posture", "Security posture", "assesses how securely systems are configured"),
        KnownWorkflow(COORDINATOR, "Coordinator", "plans and carries out several workflows together"),
    )
}


def title_of(name: str) -> str:
    """Return the title of a workflow, made from its name if the router does not know it."""
    known = WORKFLOWS.get(name)
    return known.title if known else name.replace("_", " ").capitalize()
