"""Programs for data: dbt, Airflow, Prefect, Dagster, DVC, MLflow, Spark, and their like."""

from __future__ import annotations

from app.risk.commands.lines import Row, known_by_lines
from app.risk.rules import declare
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

GONE = declare(
    "data.gone",
    CRITICAL,
    "Deletes the records of a pipeline, or the data that it has made.",
    "airflow db reset --yes",
    "airflow dags list",
    language="shell",
)
REBUILDS = declare(
    "data.rebuilds",
    HIGH,
    "Makes tables again, or does again what has been done, by code that has not been read.",
    "dbt run --full-refresh",
    "dbt ls",
    language="shell",
    unread=True,
)
LOOKS = declare(
    "data.checks",
    LOW,
    "Checks or shows a pipeline; its code runs.",
    "dbt compile",
    "dbt ls",
    language="shell",
    unread=True,
)

known_by_lines(
    "dbt dbtf sqlmesh dataform",
    Row(r"^(?:ls|list|debug|--version|show|docs serve|parse|info)\b"),
    Row(r"--full-refresh|\binvalidate\b|--empty\b", REBUILDS, "drops tables and makes them again"),
    Row(
        r"^(?:compile|docs|test|source|deps|lint|format|plan|diff|audit|render|init|clean)\b",
        LOOKS,
        "checks or renders models",
    ),
    Row(r"--target[ =](?:prod|production|live)\b|-t (?:prod|production)\b", REBUILDS, "changes tables of production"),
    Row(r"", REBUILDS, "changes tables by models that have not been read", MEDIUM),
)
known_by_lines(
    "airflow",
    Row(
        r"\bdb (?:reset|clean|downgrade)|\bdags? delete\b|\bdeployment delete\b|\bworkspace delete\b",
        GONE,
        "deletes what a scheduler knows",
    ),
    Row(
        r"\b(?:tasks clear|dags backfill|backfill create|tasks run|dags test|dags trigger|tasks test)\b",
        REBUILDS,
        "does again what has been done, or starts it",
    ),
    Row(
        r"\b(?:variables get|connections get|connections export|variables export|config get-value)\b",
        REBUILDS,
        "shows variables or connections, secrets included",
    ),
    Row(r"\b(?:list|show|info|state|details|next-execution|report|version|cheat-sheet|check|plugins|list-\w+)\b"),
    Row(r"\b(?:pause|unpause)\b", REBUILDS, "starts or stops a schedule", MEDIUM),
    Row(r"", REBUILDS, "changes what a scheduler runs"),
)
known_by_lines(
    "prefect dagster kedro meltano luigi kestra temporal tctl flink zeebe argo-workflows",
    Row(
        r"\b(?:delete|wipe|drop|reset|purge|terminate|cancel-all|clear|remove)\b",
        GONE,
        "deletes runs, schedules, or data",
    ),
    Row(r"\b(?:ls|list|inspect|info|version|show|describe|status|config view|count|get)\b"),
    Row(r"", REBUILDS, "runs or changes a pipeline"),
)
known_by_lines(
    "dvc",
    Row(
        r"^(?:status|diff|list|ls|dag|data status|metrics|params|plots|doctor|version|root|remote list|exp "
        r"(?:show|list|diff))\b"
    ),
    Row(r"^gc\b.*(?:-c\b|--cloud)|^(?:destroy|purge)\b", GONE, "deletes data from the shared store"),
    Row(
        r"^(?:gc|remove|checkout|exp (?:remove|gc|apply))\b", REBUILDS, "deletes or replaces data of the working folder"
    ),
    Row(
        r"^(?:add|commit|push|pull|fetch|get|import|import-url|init|config|freeze|move|stage|unprotect)\b",
        LOOKS,
        "copies or notes data",
        MEDIUM,
    ),
    Row(r"", REBUILDS, "runs the steps of the project"),
)
known_by_lines(
    "mlflow wandb clearml comet",
    Row(r"\b(?:gc|delete|permanently-delete|purge)\b", GONE, "deletes experiments or models for good"),
    Row(r"\b(?:search|list|csv|doctor|describe|status|get-deployment)\b"),
    Row(r"", REBUILDS, "runs code, or changes models that others use"),
)
known_by_lines(
    "spark-submit spark-shell pyspark spark-class flink-run beam samza storm hadoop-streaming papermill nbconvert",
    Row(r"", REBUILDS, "runs code on a cluster"),
)
known_by_lines(
    "hdfs hadoop",
    Row(
        r"-rm\b.*(?:-r\b|-skiptrash)|-rmr\b|-expunge\b|namenode -format|-deletesnapshot|-delete\b", GONE, "deletes data"
    ),
    Row(r"-(?:ls|cat|du|df|stat|tail|text|count|test|find|getfacl|checksum|head|report|getmerge|copytolocal|get)\b"),
    Row(r"", REBUILDS, "changes data or the store", HIGH),
)
