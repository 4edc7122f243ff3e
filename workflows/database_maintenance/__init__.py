"""Database maintenance: find what slows a database down, and fix it after approval."""

from assent import Workflow
from workflows.database_maintenance.graph import build
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.sample import SAMPLE_WORKLOAD

WORKFLOW = Workflow(
    name="database_maintenance",
    version="2",
    title="Database maintenance",
    description="Checks health, finds slow queries and missing indexes, makes and verifies a backup, refreshes "
    "statistics, creates the indexes that people approve, measures their effect, and reports.",
    input_model=MaintenanceInput,
    build=build,
    examples=(
        {"target": "shop", "environment": "sample", "min_duration_ms": 5, "workload": SAMPLE_WORKLOAD},
        {
            "target": "shop",
            "environment": "sample",
            "min_duration_ms": 5,
            "workload": SAMPLE_WORKLOAD,
            "allowed_hours": [0, 1, 2, 3, 4, 5],
            "time_zone": "Europe/Berlin",
        },
    ),
)
